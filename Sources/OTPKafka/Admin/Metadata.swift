import CRdKafka

extension ClientHandle {
    /// The topic's partitions; nil when it does not exist.
    ///
    /// Asks again while the cluster cannot say, until the deadline.
    func partitionCount(_ topic: String, until deadline: Deadline) throws(KafkaError) -> Int? {
        try partitions(topic, until: deadline)?.count
    }

    /// The topic's partitions, and how many of them have a leader at the moment; nil when it does not exist.
    func partitions(_ topic: String, until deadline: Deadline) throws(KafkaError) -> (count: Int, led: Int)? {
        try partitionStates(topic, until: deadline).map { ($0.count, $0.count { $0.leader != nil }) }
    }

    /// The topic's partitions in their order; nil when it does not exist.
    func partitionStates(_ topic: String, until deadline: Deadline) throws(KafkaError) -> [Admin.PartitionState]? {
        while true {
            let (response, found) = try unsafe metadata("describe topic", topic: topic, until: deadline) { metadata in
                guard unsafe metadata.topic_cnt > 0 else {
                    return (RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, [Admin.PartitionState]())
                }
                let topic = unsafe metadata.topics[0]
                let states = unsafe (0..<Int(topic.partition_cnt)).map { index in
                    let partition = unsafe topic.partitions[index]
                    return unsafe Admin.PartitionState(
                        leader: partition.leader < 0 ? nil : partition.leader,
                        replicas: Int(partition.replica_cnt),
                        inSync: Int(partition.isr_cnt)
                    )
                }
                return unsafe (topic.err, states)
            }
            guard let error = KafkaError("describe topic", response) else { return found }
            if error.code == .unknownTopicOrPartition || error.code == .unknownTopic { return nil }
            guard error.isTransient, !deadline.hasPassed else { throw error }
            pause(until: deadline)
        }
    }

    /// Learns where the topics' partitions are; blocks for as long as the cluster needs to say so, up to the deadline.
    ///
    /// librdkafka asks about the topics that it has first met in a record no more than once a second, and their records wait
    /// for that; of a topic that it knows, it takes leaders and partitions from what it was told last.
    /// - Returns: the topics' partitions; without what cannot be learnt in time.
    @discardableResult
    func refresh(_ topics: some Sequence<String>, until deadline: Deadline) -> [String: Int] {
        var counts: [String: Int] = [:]
        for topic in topics { counts[topic] = try? partitionCount(topic, until: deadline) }
        return counts
    }

    /// The cluster's metadata, with one topic or none, lent to the body.
    func metadata<Result>(
        _ operation: String,
        topic name: String?,
        until deadline: Deadline,
        _ body: (rd_kafka_metadata) -> Result
    ) throws(KafkaError) -> Result {
        while true {
            var result: Result?
            let error = unsafe attempt(operation) { client throws(KafkaError) in
                var topic: OpaquePointer?
                if let name { unsafe topic = rd_kafka_topic_new(client, name, nil) }
                defer { if let topic = unsafe topic { unsafe rd_kafka_topic_destroy(topic) } }
                var metadata: UnsafePointer<rd_kafka_metadata>?
                try KafkaError.check(
                    operation,
                    unsafe rd_kafka_metadata(client, 0, topic, &metadata, deadline.milliseconds(atMost: .seconds(5)))
                )
                guard let metadata = unsafe metadata else { throw KafkaError(operation, .state) }
                defer { unsafe rd_kafka_metadata_destroy(metadata) }
                result = unsafe body(metadata.pointee)
            }
            if let result { return result }
            guard let error, error.isTransient, !deadline.hasPassed else {
                throw error ?? KafkaError(operation, .state)
            }
            pause(until: deadline)
        }
    }
}
