import CRdKafka

extension ClientHandle {
    /// Asks the partition's leader, again while it is missing for now, until the deadline.
    ///
    /// The cluster is asked who that is before each try: librdkafka takes it from its cache, which may name a broker that is dead,
    /// or none, for as long as `metadata.max.age.ms`.
    func watermarks(_ partition: TopicPartition, until deadline: Deadline) throws(KafkaError) -> Watermarks {
        let spread = deadline.capped(at: KnownPartitions.spread)
        while true {
            _ = try partitionCount(partition.topic, until: deadline)
            var low: Int64 = 0
            var high: Int64 = 0
            let error = unsafe attempt("query watermarks") { client throws(KafkaError) in
                let response = unsafe rd_kafka_query_watermark_offsets(
                    client,
                    partition.topic,
                    partition.partition,
                    &low,
                    &high,
                    deadline.milliseconds(atMost: .seconds(5))
                )
                try KafkaError.check("query watermarks", response)
            }
            guard let error else { return Watermarks(low: low, high: high) }
            // Not every broker knows an added partition at once.
            let isNew = error.code == .unknownPartition && !spread.hasPassed
            guard error.isTransient || isNew, !deadline.hasPassed else { throw error }
            pause(until: deadline)
        }
    }

    /// Waits a moment before the next attempt, or until the client is destroyed.
    func pause(until deadline: Deadline) {
        let moment = Deadline(in: min(deadline.remaining, .milliseconds(50)))
        waitForClosing(until: moment)
    }
}
