import CRdKafka

extension ClientHandle {
    /// The last stable offset of each partition whose leader says one, by one question to each broker.
    ///
    /// It is what the leader knows: one that was deposed may answer an older end, never a later one. Blocks.
    func stableEnds(_ partitions: [TopicPartition], timeout: Duration) throws(KafkaError) -> [TopicPartition: Int64] {
        // The "time" of the end, in Kafka's protocol.
        let list = PartitionList(partitions.map { OffsetCommit($0, offset: -1) })
        try unsafe use("query ends") { client throws(KafkaError) in
            try unsafe KafkaError.check(
                "query ends",
                list.with { unsafe rd_kafka_offsets_for_times(client, $0, timeout.wholeMilliseconds) }
            )
        }
        var ends: [TopicPartition: Int64] = [:]
        for entry in list.entries() where entry.response == RD_KAFKA_RESP_ERR_NO_ERROR && entry.offset >= 0 {
            ends[entry.topicPartition] = entry.offset
        }
        return ends
    }
}
