import CRdKafka

/// The owner of a C list of partitions: a list that is not destroyed keeps its client from ever being destroyed.
@safe
struct PartitionList: ~Copyable {
    private let list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(_ partitions: some Collection<TopicPartition>, offset: Int64 = Int64(RD_KAFKA_OFFSET_INVALID)) {
        unsafe list = rd_kafka_topic_partition_list_new(Int32(partitions.count))
        for partition in partitions { add(partition, offset: offset) }
    }

    init(_ offsets: [OffsetCommit]) {
        unsafe list = rd_kafka_topic_partition_list_new(Int32(offsets.count))
        for commit in offsets { add(commit.topicPartition, offset: commit.offset, metadata: commit.metadata) }
    }

    deinit {
        unsafe rd_kafka_topic_partition_list_destroy(list)
    }

    /// Lends the list to a C call.
    borrowing func with<Result>(
        _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) -> Result
    ) -> Result {
        unsafe body(list)
    }

    /// What a C call wrote into the list.
    borrowing func entries() -> [Entry] { unsafe Self.entries(of: list) }

    /// Copies a list that somebody else owns.
    static func entries(of list: UnsafePointer<rd_kafka_topic_partition_list_t>) -> [Entry] {
        (0..<Int(unsafe list.pointee.cnt)).map { index in
            let element = unsafe list.pointee.elems[index]
            let metadata = unsafe element.metadata.map { start in
                unsafe String(
                    decoding: UnsafeRawBufferPointer(start: start, count: element.metadata_size),
                    as: UTF8.self
                )
            }
            return unsafe Entry(
                topicPartition: TopicPartition(String(cString: element.topic), element.partition),
                offset: element.offset,
                metadata: metadata,
                response: element.err
            )
        }
    }

    struct Entry {
        var topicPartition: TopicPartition
        var offset: Int64
        var metadata: String?
        var response: rd_kafka_resp_err_t
    }

    /// Copies the partitions of a list that somebody else owns.
    static func partitions(of list: UnsafePointer<rd_kafka_topic_partition_list_t>) -> [TopicPartition] {
        (0..<Int(unsafe list.pointee.cnt)).map { index in
            let element = unsafe list.pointee.elems[index]
            return unsafe TopicPartition(String(cString: element.topic), element.partition)
        }
    }

    private func add(_ partition: TopicPartition, offset: Int64, metadata: String? = nil) {
        let element = unsafe rd_kafka_topic_partition_list_add(list, partition.topic, partition.partition)
        unsafe element?.pointee.offset = offset
        guard let metadata, !metadata.isEmpty else { return }
        unsafe crdkafka_set_metadata(element, metadata, metadata.utf8.count)
    }
}
