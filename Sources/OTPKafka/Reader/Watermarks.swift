import CRdKafka

extension ClientHandle {
    /// Asks the partition's leader, again while it is missing for now, until the deadline.
    ///
    /// The cluster is asked who that is before each try: librdkafka takes it from its cache, which may name a broker that is dead,
    /// or none, for as long as `metadata.max.age.ms`.
    func watermarks(_ partition: TopicPartition, until deadline: Deadline) throws(KafkaError) -> Watermarks {
        let spread = deadline.capped(at: KnownPartitions.spread)
        while true {
            let count = try partitionCount(partition.topic, until: deadline) ?? 0
            do throws(KafkaError) {
                return try ends(of: partition, until: deadline.capped(at: Self.patience))
            } catch {
                // Which is also said of one without a leader; and not every broker knows an added one at once.
                let isThere = error.code == .unknownPartition && (partition.partition < count || !spread.hasPassed)
                guard error.isTransient || isThere, !deadline.hasPassed else { throw error }
                pause(until: deadline)
            }
        }
    }

    /// How long one broker is waited for before the cluster is asked again who leads.
    private static let patience = Duration.seconds(3)

    /// By the look-up of times, which takes the two ends as well: `rd_kafka_query_watermark_offsets` of librdkafka before 2.3.0 waits
    /// for a broker that died far beyond its time-out.
    private func ends(of partition: TopicPartition, until deadline: Deadline) throws(KafkaError) -> Watermarks {
        if let low = try offset(of: partition, at: Int64(RD_KAFKA_OFFSET_BEGINNING), until: deadline),
            let high = try offset(of: partition, at: Int64(RD_KAFKA_OFFSET_END), until: deadline)
        {
            return Watermarks(low: low, high: high)
        }
        // librdkafka's own broker, which tests use, has no such look-up.
        var low: Int64 = 0
        var high: Int64 = 0
        try unsafe use("query watermarks") { client throws(KafkaError) in
            let response = unsafe rd_kafka_query_watermark_offsets(
                client,
                partition.topic,
                partition.partition,
                &low,
                &high,
                deadline.milliseconds
            )
            try KafkaError.check("query watermarks", response)
        }
        return Watermarks(low: low, high: high)
    }

    /// Nil where the broker knows no offset for it.
    private func offset(
        of partition: TopicPartition,
        at end: Int64,
        until deadline: Deadline
    ) throws(KafkaError) -> Int64? {
        let list = PartitionList([OffsetCommit(partition, offset: end)])
        try unsafe use("query watermarks") { client throws(KafkaError) in
            let response = unsafe list.with { unsafe rd_kafka_offsets_for_times(client, $0, deadline.milliseconds) }
            try KafkaError.check("query watermarks", response)
        }
        guard let entry = list.entries().first else { throw KafkaError("query watermarks", .state) }
        try KafkaError.check("query watermarks", entry.response)
        return entry.offset >= 0 ? entry.offset : nil
    }

    /// Waits a moment before the next attempt, or until the client is destroyed.
    func pause(until deadline: Deadline) {
        let moment = Deadline(in: min(deadline.remaining, .milliseconds(50)))
        waitForClosing(until: moment)
    }
}
