import CRdKafka

extension Admin {
    /// One member of a consumer group, by its own account.
    package struct Member: Equatable, Sendable {
        package var clientID: String
        package var host: String
        /// What it subscribes to; empty where it does not say.
        package var topics: [String]
        /// The partitions that the group has given it, as far as the broker tells.
        package var partitions: [TopicPartition]

        package init(clientID: String, host: String, topics: [String] = [], partitions: [TopicPartition] = []) {
            self.clientID = clientID
            self.host = host
            self.topics = topics
            self.partitions = partitions
        }
    }
}

extension Admin.Member {
    init(_ member: rd_kafka_group_member_info) {
        let (metadata, assignment) = unsafe (
            Self.bytes(member.member_metadata, member.member_metadata_size),
            Self.bytes(member.member_assignment, member.member_assignment_size)
        )
        unsafe self.init(
            clientID: String(cString: member.client_id),
            host: String(cString: member.client_host),
            topics: Self.topics(inSubscription: metadata),
            partitions: Self.partitions(inAssignment: assignment)
        )
    }

    private static func bytes(_ start: UnsafeMutableRawPointer?, _ count: Int32) -> [UInt8] {
        guard let start = unsafe start else { return [] }
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: Int(count)))
    }

    /// The topics of the consumer protocol's subscription: a version, then an array of strings; nothing of what is no such thing.
    static func topics(inSubscription bytes: [UInt8]) -> [String] {
        var rest = ProtocolBytes(bytes.dropFirst(2))
        guard let count = rest.number(4), count <= bytes.count else { return [] }
        var topics: [String] = []
        for _ in 0..<count {
            guard let topic = rest.text() else { return [] }
            topics.append(topic)
        }
        return topics
    }

    /// The partitions of the consumer protocol's assignment: a version, then an array of topics, each with an array of numbers.
    static func partitions(inAssignment bytes: [UInt8]) -> [TopicPartition] {
        var rest = ProtocolBytes(bytes.dropFirst(2))
        guard let count = rest.number(4), count <= bytes.count else { return [] }
        var partitions: [TopicPartition] = []
        for _ in 0..<count {
            guard let topic = rest.text(), let numbers = rest.number(4), numbers <= bytes.count else { return [] }
            for _ in 0..<numbers {
                guard let number = rest.number(4).flatMap(Int32.init(exactly:)) else { return [] }
                partitions.append(TopicPartition(topic, number))
            }
        }
        return partitions
    }
}

/// Reads what a member wrote, which may be anything.
private struct ProtocolBytes {
    private var rest: ArraySlice<UInt8>

    init(_ rest: ArraySlice<UInt8>) { self.rest = rest }

    mutating func number(_ size: Int) -> Int? {
        guard rest.count >= size else { return nil }
        defer { rest = rest.dropFirst(size) }
        return rest.prefix(size).reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func text() -> String? {
        guard let length = number(2), rest.count >= length,
            let text = String(validating: rest.prefix(length), as: UTF8.self)
        else { return nil }
        rest = rest.dropFirst(length)
        return text
    }
}
