import CRdKafka

extension ClientHandle {
    /// The topic's partitions; nil when it does not exist.
    ///
    /// Asks again while the cluster cannot say, until the deadline.
    func partitionCount(_ topic: String, until deadline: Deadline) throws(KafkaError) -> Int? {
        while true {
            let (response, count) = try unsafe metadata("describe topic", topic: topic, until: deadline) { metadata in
                guard unsafe metadata.topic_cnt > 0 else { return (RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, 0) }
                return unsafe (metadata.topics[0].err, Int(metadata.topics[0].partition_cnt))
            }
            guard let error = KafkaError("describe topic", response) else { return count }
            if error.code == .unknownTopicOrPartition || error.code == .unknownTopic { return nil }
            guard error.isTransient, !deadline.hasPassed else { throw error }
            pause(until: deadline)
        }
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
