import OTPContract
import OTPKafka
import Testing

/// What a producer of single records reports, against librdkafka's own broker.
@Suite struct IdempotentProducerTests {
    let broker: EmbeddedBroker
    let topic = unique("ledger")
    let reports = Reports()

    init() throws {
        broker = try EmbeddedBroker()
        try broker.createTopic(topic, partitions: 2)
    }

    private func producer(_ passThrough: [String: String] = [:]) throws -> IdempotentProducer {
        var common = broker.common
        common.passThrough = passThrough
        return try IdempotentProducer(
            ClientProperties.idempotentProducer(common),
            onReports: reports.add,
            onEvent: reports.note
        )
    }

    @Test func everyRecordIsReportedOnceWithItsOffset() throws {
        let producer = try producer()
        for tag in 0..<500 {
            try producer.produce(OutgoingRecord(topic: topic, partition: 1, value: bytes("\(tag)")), tag: UInt64(tag))
        }
        #expect(producer.flush(timeout: .seconds(20)))

        #expect(reports.all.map(\.tag) == Array(0..<500))
        #expect(reports.all.map(\.outcome) == (0..<500).map { .success(Int64($0)) })
        #expect(producer.outstanding == 0)
        #expect(producer.close(timeout: .seconds(5)))
    }

    /// librdkafka answers with the error that broke it, and not that it is broken for good.
    @Test func aBrokenProducerSaysThatItIs() throws {
        let producer = try producer()
        producer.breakFatally(.invalidProducerEpoch)
        let record = OutgoingRecord(topic: topic, partition: 0, value: bytes("v"))
        let error = #expect(throws: KafkaError.self) { try producer.produce(record, tag: 1) }
        #expect(error?.isFatal == true && error?.code == .invalidProducerEpoch)
        #expect(producer.outstanding == 0)
        #expect(producer.close(timeout: .seconds(5)))
    }

    @Test func aTopicThatWasLearntIsKnownBeforeItsFirstRecord() throws {
        let producer = try producer()
        let nowhere = OutgoingRecord(topic: topic, partition: 9)
        // Of a topic that was not, only the report could tell.
        producer.refresh([topic], timeout: .seconds(20))
        #expect(throws: KafkaError.self) { try producer.produce(nowhere, tag: 1) }
        #expect(reports.all.isEmpty && producer.outstanding == 0)
        #expect(producer.close(timeout: .seconds(5)))
    }

    @Test func aTagKeepsAllItsBits() throws {
        let producer = try producer()
        let highest: UInt64 = 1 << 62 - 1
        try producer.produce(OutgoingRecord(topic: topic), tag: highest)
        #expect(producer.flush(timeout: .seconds(20)))
        #expect(reports.all.map(\.tag) == [highest])
        #expect(producer.close(timeout: .seconds(5)))
    }

    @Test func whoWaitsForARecordLearnsItsOffsetAndNobodyElseHearsOfIt() async throws {
        let producer = try producer()
        let topic = topic
        try producer.produce(OutgoingRecord(topic: topic, partition: 1), tag: 3)
        let offset = try await blocking {
            Result { try producer.write(OutgoingRecord(topic: topic, partition: 1), timeout: .seconds(20)) }
        }.get()
        #expect(offset == 1)
        #expect(producer.flush(timeout: .seconds(20)))
        #expect(reports.all.map(\.tag) == [3])
        #expect(producer.outstanding == 0)
        #expect(producer.close(timeout: .seconds(5)))
    }

    @Test func aRecordThatIsRefusedOrLateIsToldToWhoWaitsForIt() async throws {
        let producer = try producer()
        producer.refresh([topic], timeout: .seconds(20))
        let topic = topic
        broker.pushErrors(.produce, [.topicAuthorizationFailed])
        let refused = await blocking {
            Result { try producer.write(OutgoingRecord(topic: topic, partition: 0), timeout: .seconds(20)) }
        }
        #expect(#expect(throws: KafkaError.self) { try refused.get() }?.code == .topicAuthorizationFailed)
        try broker.setReachable(false)
        let late = await blocking {
            Result { try producer.write(OutgoingRecord(topic: topic, partition: 1), timeout: .milliseconds(200)) }
        }
        let error = #expect(throws: KafkaError.self) { try late.get() }
        #expect(error?.code == .timedOut)
        #expect(error?.isTransient == true)
        #expect(producer.close(timeout: .seconds(5)))
        #expect(reports.all.isEmpty)
    }

    @Test func aTransientRefusalIsRetriedUnseen() throws {
        broker.pushErrors(.produce, [.notLeader, .transport, .leaderNotAvailable])
        let producer = try producer()
        try producer.produce(OutgoingRecord(topic: topic, partition: 0), tag: 1)
        #expect(producer.flush(timeout: .seconds(20)))
        #expect(reports.outcome(of: 1) == .success(0))
        #expect(producer.close(timeout: .seconds(5)))
    }

    @Test func aRefusedRecordIsReportedWithItsCode() throws {
        broker.pushErrors(.produce, [.topicAuthorizationFailed])
        let producer = try producer()
        try producer.produce(OutgoingRecord(topic: topic, partition: 0, value: bytes("SECRET")), tag: 7)
        #expect(producer.flush(timeout: .seconds(20)))

        let error = #expect(throws: KafkaError.self) { try reports.outcome(of: 7)?.get() }
        #expect(error?.code == .topicAuthorizationFailed)
        #expect(error?.isDestinationUnusable == true)
        #expect(error?.description.contains("SECRET") == false)
        #expect(producer.close(timeout: .seconds(5)))
    }

    @Test func whatCannotBeSentIsRefusedAtOnce() throws {
        let headers = [Header(name: "a", value: [1]), Header(name: "b", value: nil)]
        let producer = try producer(["message.max.bytes": "2000"])
        try producer.produce(OutgoingRecord(topic: topic, partition: 0), tag: 0)
        #expect(producer.flush(timeout: .seconds(20)))

        #expect(
            refusal(producer, OutgoingRecord(topic: topic, value: Array(repeating: 0, count: 3000), headers: headers))
                == .messageTooLarge
        )
        // Headers of a record to a partition that does not exist were freed twice by way of single headers.
        #expect(refusal(producer, OutgoingRecord(topic: topic, partition: 9, headers: headers)) == .unknownPartition)
        #expect(producer.outstanding == 0)
        #expect(reports.all.count == 1)
        #expect(producer.close(timeout: .seconds(5)))
    }

    private func refusal(_ producer: IdempotentProducer, _ record: OutgoingRecord) -> KafkaError.Code? {
        do throws(KafkaError) {
            try producer.produce(record, tag: 1)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func aFullQueueIsAnErrorAndClosingReportsWhatIsLeft() throws {
        try broker.setReachable(false)
        let producer = try producer(["queue.buffering.max.messages": "10"])
        for tag in 0..<10 { try producer.produce(OutgoingRecord(topic: topic, partition: 0), tag: UInt64(tag)) }
        #expect(refusal(producer, OutgoingRecord(topic: topic, partition: 0)) == .queueFull)

        #expect(!producer.flush(timeout: .milliseconds(100)))
        let start = ContinuousClock.now
        #expect(producer.close(timeout: .seconds(5)))
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(Set(reports.all.map(\.tag)) == Set(0..<10))
        #expect(
            reports.all.allSatisfy { report in
                if case .failure(let error) = report.outcome { error.isPurged } else { false }
            }
        )
        #expect(refusal(producer, OutgoingRecord(topic: topic)) == .destroyed)
    }

    @Test func anUnreachableBrokerIsAnEventNotASilence() throws {
        try broker.setReachable(false)
        let producer = try producer()
        try producer.produce(OutgoingRecord(topic: topic, partition: 0), tag: 0)
        let end = ContinuousClock.now + .seconds(20)
        while !reports.events.contains(where: { if case .error = $0 { true } else { false } }) {
            try #require(ContinuousClock.now < end, "no error was told")
            _ = producer.flush(timeout: .milliseconds(50))
        }
        #expect(producer.close(timeout: .seconds(5)))
    }

    @Test func keysGoWhereJavaPutsThem() throws {
        let topic = unique("keyed")
        try broker.createTopic(topic, partitions: 10)
        let keys = ["21", "foobar", "a-little-bit-long-string", "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"]
        // From Kafka's own tests of murmur2: toPositive(murmur2(key)) % 10.
        let expected: [Int32] = [-973_932_308, -790_332_482, -985_981_536, -58_897_971].map { ($0 & 0x7fff_ffff) % 10 }
        try write(keys.map { OutgoingRecord(topic: topic, key: bytes($0)) }, to: broker.common)

        let reader = try TopicReader(broker.common, topic: topic, from: .beginning)
        var found: [String: Int32] = [:]
        let end = ContinuousClock.now + .seconds(20)
        while found.count < keys.count {
            try #require(ContinuousClock.now < end)
            for record in try reader.poll(timeout: .milliseconds(100)) {
                found[String(decoding: record.key ?? [], as: UTF8.self)] = record.partition
            }
        }
        #expect(keys.map { found[$0] } == expected)
        #expect(reader.close(timeout: .seconds(5)))
    }
}
