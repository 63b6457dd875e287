/// Where a command asks for its result, in the headers of Spring's `ReplyingKafkaTemplate`, which NestJS has taken over.
///
/// Only what it asks: whether that is allowed and whether it exists is decided where results are published.
package struct ReplyAddress: Hashable, Sendable {
    /// From `kafka_replyTopic`; nil asks for the default topic, a text that cannot be read is empty.
    package var topic: String?
    /// From `kafka_replyPartition`, four bytes big-endian (Spring) or decimal text (NestJS); nil leaves the choice to the publisher,
    /// anything else that cannot be read is -1, a partition that no topic has.
    package var partition: Int32?

    package init(topic: String?, partition: Int32? = nil) {
        self.topic = topic
        self.partition = partition
    }

    /// Of a header that occurs several times the last counts; `nil` if nothing is asked.
    package init?(in headers: [Header]) {
        let topic = headers.last { $0.name == Self.headers[0] }?.value
        let partition = headers.last { $0.name == Self.headers[1] }?.value
        guard topic != nil || partition != nil else { return nil }
        self.topic = topic.map { $0.count <= Self.maximumTopicBytes ? String(validating: $0, as: UTF8.self) ?? "" : "" }
        self.partition = partition.map(Self.number)
    }

    private static func number(_ bytes: [UInt8]) -> Int32 {
        // Four digits are text too: as a number they would be a partition beyond 800 million.
        if (1...10).contains(bytes.count), bytes.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) {
            return Int32(String(decoding: bytes, as: UTF8.self)) ?? -1
        }
        return bytes.count == 4 ? max(-1, Int32(bitPattern: bytes.reduce(0) { $0 << 8 | UInt32($1) })) : -1
    }

    /// The names of the headers: of the topic, and of the partition.
    static let headers = ["kafka_replyTopic", "kafka_replyPartition"]

    /// Kafka has no longer names; a header could be as large as the record.
    private static let maximumTopicBytes = 249
}
