package import OTPContract

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
    /// Its beginning, where ``RecordSelection`` says so.
    package var key: [UInt8]?
    /// Nil also where it is longer than ``RecordSelection`` allows.
    package var value: [UInt8]?
    package var headers: [Header]
    /// Bytes of the key as it is in the topic.
    package var keySize: Int
    /// Bytes of the value as it is in the topic.
    package var valueSize: Int

    package init(
        topic: String,
        partition: Int32,
        offset: Int64,
        timestamp: Int64? = nil,
        key: [UInt8]? = nil,
        value: [UInt8]? = nil,
        headers: [Header] = [],
        keySize: Int? = nil,
        valueSize: Int? = nil
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
        self.keySize = keySize ?? key?.count ?? 0
        self.valueSize = valueSize ?? value?.count ?? 0
    }

    package var topicPartition: TopicPartition { TopicPartition(topic, partition) }

    /// The whole key is here.
    package var isKeyWhole: Bool { keySize == key?.count ?? 0 }

    /// Bytes of memory that it takes, about.
    package var bytes: Int { 192 + (key?.count ?? 0) + (value?.count ?? 0) + headers.reduce(0) { $0 + $1.bytes } }
}

/// What of a record is copied out of librdkafka: the rest of it takes no memory once the record was handed out.
package struct RecordSelection: Equatable, Sendable {
    /// Nil takes all.
    package var headers: HeaderSelection?
    /// Bytes of a key that are kept.
    package var maximumKeyBytes: Int
    /// A longer value is left out; its size is told.
    package var maximumValueBytes: Int

    package init(headers: HeaderSelection?, maximumKeyBytes: Int, maximumValueBytes: Int) {
        self.headers = headers
        self.maximumKeyBytes = maximumKeyBytes
        self.maximumValueBytes = maximumValueBytes
    }

    package static let everything = RecordSelection(headers: nil, maximumKeyBytes: .max, maximumValueBytes: .max)

    /// The value alone, where it is no longer than this.
    package static func values(ofAtMost bytes: Int) -> RecordSelection {
        RecordSelection(headers: HeaderSelection([]), maximumKeyBytes: 0, maximumValueBytes: bytes)
    }
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
