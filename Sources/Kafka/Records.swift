package import Contract

/// One partition of a topic.
package struct TopicPartition: Hashable, Sendable {
    package var topic: String
    package var partition: Int32

    package init(_ topic: String, _ partition: Int32) {
        self.topic = topic
        self.partition = partition
    }
}

extension TopicPartition: CustomStringConvertible {
    package var description: String { "\(topic)/\(partition)" }
}

/// A record as it was read, its bytes copied out of librdkafka.
///
/// A null key or value is nil and differs from an empty one.
package struct ConsumedRecord: Equatable, Sendable {
    package var topic: String
    package var partition: Int32
    package var offset: Int64
    /// Milliseconds since 1970; nil when the broker keeps none.
    package var timestamp: Int64?
    package var key: [UInt8]?
    package var value: [UInt8]?
    package var headers: [Header]

    package init(
        topic: String,
        partition: Int32,
        offset: Int64,
        timestamp: Int64? = nil,
        key: [UInt8]? = nil,
        value: [UInt8]? = nil,
        headers: [Header] = []
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
    }

    package var topicPartition: TopicPartition { TopicPartition(topic, partition) }
}

extension ConsumedRecord: CustomStringConvertible {
    /// Its coordinates only: contents may be secret.
    package var description: String { "\(topic)/\(partition)/\(offset)" }
}

/// A record to be written.
package struct OutgoingRecord: Equatable, Sendable {
    package var topic: String
    /// Nil lets the partitioner choose, which agrees with Java's (`murmur2_random`).
    package var partition: Int32?
    package var key: [UInt8]?
    package var value: [UInt8]?
    package var headers: [Header]
    /// Milliseconds since 1970; nil means the time of writing.
    package var timestamp: Int64?

    package init(
        topic: String,
        partition: Int32? = nil,
        key: [UInt8]? = nil,
        value: [UInt8]? = nil,
        headers: [Header] = [],
        timestamp: Int64? = nil
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
        self.timestamp = timestamp
    }
}

extension OutgoingRecord: CustomStringConvertible {
    /// Its destination only: contents may be secret.
    package var description: String { "\(topic)/\(partition.map { "\($0)" } ?? "*")" }
}

/// What a group has committed for a partition.
package struct CommittedOffset: Equatable, Sendable {
    package var topicPartition: TopicPartition
    /// The next offset to read; nil when the group has committed none.
    package var offset: Int64?
    /// The text that was committed with the offset; nil when there is none.
    package var metadata: String?

    package init(_ topicPartition: TopicPartition, offset: Int64?, metadata: String? = nil) {
        self.topicPartition = topicPartition
        self.offset = offset
        self.metadata = metadata
    }
}

/// An offset to be committed within a transaction.
package struct OffsetCommit: Equatable, Sendable {
    package var topicPartition: TopicPartition
    /// The next offset to read.
    package var offset: Int64
    /// Travels with the offset; a broker takes up to 4,096 bytes.
    package var metadata: String?

    package init(_ topicPartition: TopicPartition, offset: Int64, metadata: String? = nil) {
        self.topicPartition = topicPartition
        self.offset = offset
        self.metadata = metadata
    }
}

/// The offsets that a partition holds: `low` is the first one kept, `high` the one the next record will get.
///
/// From a read_committed client `high` is the last stable offset instead.
package struct Watermarks: Equatable, Sendable {
    package var low: Int64
    package var high: Int64

    package init(low: Int64, high: Int64) {
        self.low = low
        self.high = high
    }
}
