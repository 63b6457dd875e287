import CRdKafka

extension ClientHandle {
    /// What the client's group has committed, one entry for each partition asked for, in their order.
    func committed(_ partitions: [TopicPartition], timeout: Duration) throws(KafkaError) -> [CommittedOffset] {
        let list = PartitionList(partitions)
        try unsafe use("committed") { client throws(KafkaError) in
            try unsafe KafkaError.check(
                "committed",
                list.with { unsafe rd_kafka_committed(client, $0, timeout.wholeMilliseconds) }
            )
        }
        var offsets: [CommittedOffset] = []
        for entry in list.entries() {
            try KafkaError.check("committed", entry.response)
            offsets.append(
                CommittedOffset(
                    entry.topicPartition,
                    offset: entry.offset < 0 ? nil : entry.offset,
                    metadata: entry.offset < 0 ? nil : entry.metadata
                )
            )
        }
        return offsets
    }
}
