import OTPContract
import OTPKafka
import Testing

/// A name that no other test uses.
func unique(_ name: String) -> String {
    "\(name)-\(UInt64.random(in: 0 ... .max))"
}

func bytes(_ text: String) -> [UInt8] {
    Array(text.utf8)
}

extension EmbeddedBroker {
    var common: ClientProperties.Common { ClientProperties.Common(bootstrapServers: bootstrapServers) }
}

extension GroupConsumer {
    static func member(
        of group: String,
        _ common: ClientProperties.Common,
        instanceID: String? = nil,
        topics: [String]
    ) throws -> GroupConsumer {
        let consumer = try GroupConsumer(ClientProperties.consumer(common, groupID: group, instanceID: instanceID))
        try consumer.subscribe(topics)
        return consumer
    }

    /// Polls until the events seen satisfy, and returns all of them; a test fails that waits longer than it may.
    @discardableResult
    func poll(
        _ what: Comment,
        maximum: Int = 1000,
        within limit: Duration = .seconds(30),
        until satisfies: ([ConsumerEvent]) throws -> Bool
    ) throws -> [ConsumerEvent] {
        let end = ContinuousClock.now + limit
        var events: [ConsumerEvent] = []
        while try !satisfies(events) {
            try #require(ContinuousClock.now < end, "waited too long: \(what); saw \(events.summary)")
            events += poll(timeout: .milliseconds(50), maximum: maximum)
        }
        return events
    }

    /// Polls for a while, whatever comes.
    func poll(during time: Duration) -> [ConsumerEvent] {
        let end = ContinuousClock.now + time
        var events: [ConsumerEvent] = []
        while ContinuousClock.now < end { events += poll(timeout: .milliseconds(50), maximum: 1000) }
        return events
    }

    /// Joins, and returns what was assigned.
    @discardableResult
    func join(_ count: Int) throws -> [TopicPartition] {
        try poll("assignment") { $0.assigned.count >= count }.assigned
    }

    /// Leaves the group as a worker does.
    func leave() throws {
        try beginClose()
        let end = ContinuousClock.now + .seconds(20)
        while !isClosed {
            try #require(ContinuousClock.now < end, "the group was not left")
            release(poll(timeout: .milliseconds(50), maximum: 1000).revoked)
        }
        #expect(destroy(within: .seconds(5)))
    }
}

extension [ConsumerEvent] {
    var records: [ConsumedRecord] {
        flatMap { event -> [ConsumedRecord] in
            if case .records(let records) = event { records } else { [] }
        }
    }

    var assigned: [TopicPartition] {
        flatMap { event -> [TopicPartition] in
            if case .assigned(let partitions) = event { partitions } else { [] }
        }
    }

    var revoked: [TopicPartition] {
        flatMap { event -> [TopicPartition] in
            if case .revoked(let partitions) = event { partitions } else { [] }
        }
    }

    var lost: [TopicPartition] {
        flatMap { event -> [TopicPartition] in
            if case .lost(let partitions) = event { partitions } else { [] }
        }
    }

    func hasEnd(of partition: TopicPartition, at offset: Int64) -> Bool {
        contains(.endOfPartition(partition, offset: offset))
    }

    var summary: String {
        map { event -> String in
            switch event {
            case .records(let records): "records \(records)"
            case .statistics: "statistics"
            default: "\(event)"
            }
        }
        .joined(separator: "; ")
    }
}

/// Writes records one by one, each acknowledged, and returns their offsets.
@discardableResult
func write(_ records: [OutgoingRecord], to common: ClientProperties.Common) throws -> [Int64] {
    let reports = Reports()
    let producer = try IdempotentProducer(ClientProperties.idempotentProducer(common), onReports: reports.add)
    for (index, record) in records.enumerated() { try producer.produce(record, tag: UInt64(index)) }
    try #require(producer.flush(timeout: .seconds(30)))
    #expect(producer.close(timeout: .seconds(10)))
    let outcomes = Dictionary(uniqueKeysWithValues: reports.all.map { ($0.tag, $0.outcome) })
    return try records.indices.map { try #require(try outcomes[UInt64($0)]?.get() ?? nil) }
}

func numbered(_ count: Int, topic: String, partition: Int32) -> [OutgoingRecord] {
    (0..<count).map { OutgoingRecord(topic: topic, partition: partition, key: bytes("k"), value: bytes("\($0)")) }
}
