import CRdKafka

extension Admin {
    /// One member of a consumer group, by its own account.
    package struct Member: Equatable, Sendable {
        package var clientID: String
        package var host: String
        /// What it subscribes to; empty where it does not say.
        package var topics: [String]

        package init(clientID: String, host: String, topics: [String] = []) {
            self.clientID = clientID
            self.host = host
            self.topics = topics
        }
    }
}

extension Admin.Member {
    init(_ member: rd_kafka_group_member_info) {
        let size = Int(unsafe member.member_metadata_size)
        let metadata = unsafe member.member_metadata.map {
            unsafe [UInt8](UnsafeRawBufferPointer(start: $0, count: size))
        }
        unsafe self.init(
            clientID: String(cString: member.client_id),
            host: String(cString: member.client_host),
            topics: Self.topics(inSubscription: metadata ?? [])
        )
    }

    /// The topics of the consumer protocol's subscription: a version, then an array of strings; nothing of what is no such thing.
    static func topics(inSubscription bytes: [UInt8]) -> [String] {
        var rest = bytes.dropFirst(2)
        func number(_ size: Int) -> Int? {
            guard rest.count >= size else { return nil }
            defer { rest = rest.dropFirst(size) }
            return rest.prefix(size).reduce(0) { $0 << 8 | Int($1) }
        }
        guard let count = number(4), count <= bytes.count else { return [] }
        var topics: [String] = []
        for _ in 0..<count {
            guard let length = number(2), rest.count >= length,
                let topic = String(validating: rest.prefix(length), as: UTF8.self)
            else { return [] }
            topics.append(topic)
            rest = rest.dropFirst(length)
        }
        return topics
    }
}
