import OTPContract
import OTPKafka
import Testing

/// How a group member behaves, against librdkafka's own broker.
@Suite struct GroupConsumerTests {
    let broker: EmbeddedBroker
    let topic = unique("commands")

    init() throws {
        broker = try EmbeddedBroker()
        try broker.createTopic(topic, partitions: 2)
    }

    private func partition(_ number: Int32) -> TopicPartition { TopicPartition(topic, number) }

    private func member(_ group: String = "g") throws -> GroupConsumer {
        try .member(of: group, broker.common, topics: [topic])
    }

    @Test func anAssignedPartitionStandsStillUntilItIsGivenAnOffset() throws {
        try write(
            numbered(10, topic: topic, partition: 0) + numbered(10, topic: topic, partition: 1),
            to: broker.common
        )
        let consumer = try member()
        #expect(Set(try consumer.join(2)) == [partition(0), partition(1)])

        consumer.resume(partition(0), at: 4)
        let events = try consumer.poll("end of partition 0") { $0.hasEnd(of: partition(0), at: 10) }

        #expect(events.records.map(\.topicPartition) == Array(repeating: partition(0), count: 6))
        #expect(events.records.map(\.offset) == [4, 5, 6, 7, 8, 9])
        #expect(!events.contains { if case .error = $0 { true } else { false } })
        try consumer.leave()
    }

    @Test func resumingWithoutAnOffsetDoesNotStartAnAssignedPartition() throws {
        try write(numbered(3, topic: topic, partition: 0) + numbered(3, topic: topic, partition: 1), to: broker.common)
        let consumer = try member()
        try consumer.join(2)

        consumer.resume([partition(0)])
        consumer.resume(partition(1), at: 0)
        let events = try consumer.poll("end of partition 1") { $0.hasEnd(of: partition(1), at: 3) }

        #expect(events.records.map(\.topicPartition) == Array(repeating: partition(1), count: 3))
        try consumer.leave()
    }

    @Test func pausingSkipsAndRepeatsNothing() throws {
        try write(numbered(200, topic: topic, partition: 0), to: broker.common)
        let consumer = try member()
        try consumer.join(2)
        consumer.resume(partition(0), at: 0)
        var events: [ConsumerEvent] = []
        for _ in 0..<4 {
            events += try consumer.poll("some records", maximum: 7) { $0.records.count >= 21 }
            consumer.pause([partition(0)])
            #expect(consumer.poll(during: .milliseconds(200)).records.isEmpty)
            consumer.resume([partition(0)])
        }
        // A partition that is not paused is not rewound.
        consumer.resume([partition(0)])
        events += try consumer.poll("the rest") { $0.hasEnd(of: partition(0), at: 200) }

        #expect(events.records.map(\.offset) == Array(0..<200))
        try consumer.leave()
    }

    @Test func aPartitionThatMayGoOnDoesSoAtOnce() throws {
        try write(numbered(200, topic: topic, partition: 0), to: broker.common)
        let consumer = try member()
        try consumer.join(2)
        _ = consumer.poll(during: .milliseconds(300))
        // Left alone, librdkafka notices within a second: 250 ms to 1 s were seen.
        let limit = Duration.milliseconds(200)

        consumer.resume(partition(0), at: 0)
        try consumer.poll("a record", maximum: 7, within: limit) { !$0.records.isEmpty }
        for _ in 0..<3 {
            consumer.pause([partition(0)])
            _ = consumer.poll(during: .milliseconds(300))
            consumer.resume([partition(0)])
            try consumer.poll("a record", maximum: 7, within: limit) { !$0.records.isEmpty }
        }
        try consumer.leave()
    }

    @Test func aPartitionIsPlacedWhileItStaysPaused() throws {
        try write(numbered(10, topic: topic, partition: 0) + numbered(2, topic: topic, partition: 1), to: broker.common)
        let consumer = try member()
        try consumer.join(2)

        consumer.resume(partition(0), at: 6)
        consumer.pause([partition(0)])
        consumer.resume(partition(1), at: 0)
        let other = try consumer.poll("the other") { $0.hasEnd(of: partition(1), at: 2) }
        #expect(other.records.map(\.partition) == [1, 1])

        consumer.resume([partition(0)])
        let events = try consumer.poll("end") { $0.hasEnd(of: partition(0), at: 10) }
        #expect(events.records.map(\.offset) == [6, 7, 8, 9])
        try consumer.leave()
    }

    @Test func aPartitionCanBeMovedWhileItFlows() throws {
        try write(numbered(10, topic: topic, partition: 0), to: broker.common)
        let consumer = try member()
        try consumer.join(2)
        consumer.resume(partition(0), at: 5)
        try consumer.poll("end") { $0.hasEnd(of: partition(0), at: 10) }

        consumer.resume(partition(0), at: 2)
        let events = try consumer.poll("end again") { $0.hasEnd(of: partition(0), at: 10) }

        #expect(events.records.map(\.offset) == [2, 3, 4, 5, 6, 7, 8, 9])
        try consumer.leave()
    }

    @Test func anOffsetThatIsGoneStopsItsPartitionOnly() throws {
        try write(numbered(3, topic: topic, partition: 0) + numbered(3, topic: topic, partition: 1), to: broker.common)
        let consumer = try member()
        try consumer.join(2)

        consumer.resume(partition(0), at: 500)
        let failed = try consumer.poll("refusal") { $0.contains { $0.partitionError?.0 == partition(0) } }
        consumer.resume(partition(1), at: 0)
        let events = try consumer.poll("the other") { $0.hasEnd(of: partition(1), at: 3) }

        #expect(failed.compactMap { $0.partitionError?.1.code }.first == .autoOffsetReset)
        #expect(events.records.count == 3)
        try consumer.leave()
    }

    /// librdkafka stops a partition for good that was out of range.
    @Test func aPartitionThatCouldNotBeReadIsReadFromWhereItIsTold() throws {
        try write(numbered(3, topic: topic, partition: 0) + numbered(3, topic: topic, partition: 1), to: broker.common)
        let consumer = try member()
        try consumer.join(2)
        consumer.resume(partition(0), at: 500)
        consumer.resume(partition(1), at: 0)
        try consumer.poll("refusal") {
            $0.contains { $0.partitionError?.0 == partition(0) } && $0.hasEnd(of: partition(1), at: 3)
        }
        consumer.pause([partition(0)])

        consumer.resume(partition(0), at: 1)
        let events = try consumer.poll("end") { $0.hasEnd(of: partition(0), at: 3) }

        #expect(events.records.map(\.offset) == [1, 2])
        #expect(events.records.allSatisfy { $0.partition == 0 }, "the other goes on where it is")
        // It is one like any other again.
        consumer.resume(partition(0), at: 0)
        #expect(try consumer.poll("end") { $0.hasEnd(of: partition(0), at: 3) }.records.map(\.offset) == [0, 1, 2])
        try consumer.leave()
    }

    @Test func onlyWhatIsSelectedOfARecordIsCopied() throws {
        let many = (0..<2_000).map { Header(name: "tracestate", text: "\($0)") }
        let tooLong = Header(name: "kafka_correlationId", value: [UInt8](repeating: 1, count: 8_193))
        let others = [
            Header(name: "ce_id", text: "first"), Header(name: "ce_id", text: "last"), Header(name: "other", text: "x"),
            Header(name: "content-type", value: [UInt8](repeating: 32, count: 5_000)), tooLong,
        ]
        try write(
            [
                OutgoingRecord(
                    topic: topic,
                    partition: 0,
                    key: [UInt8](repeating: 7, count: 5_000),
                    value: [UInt8](repeating: 8, count: 101),
                    headers: many + others
                )
            ],
            to: broker.common
        )
        let consumer = try GroupConsumer(
            ClientProperties.consumer(broker.common, groupID: unique("g")),
            keeping: RecordSelection(headers: .ofCommand, maximumKeyBytes: 1_024, maximumValueBytes: 100)
        )
        try consumer.subscribe([topic])
        try consumer.join(2)
        consumer.resume(partition(0), at: 0)
        let record = try #require(try consumer.poll("record") { !$0.records.isEmpty }.records.first)

        #expect(record.key == [UInt8](repeating: 7, count: 1_024))
        #expect(record.value == nil)
        #expect((record.keySize, record.valueSize) == (5_000, 101))
        #expect(!record.isKeyWhole)
        let expected: Set<Header> = [
            Header(name: "tracestate", text: "0"), Header(name: "ce_id", text: "last"),
            Header(name: "content-type", value: [UInt8](repeating: 32, count: 257)),
        ]
        #expect(Set(record.headers) == expected)
        #expect(record.headers.count == 3)
        #expect(record.bytes < 3_000)
        try consumer.leave()
    }

    @Test func aPollEndsWithTheRecordThatFillsIt() throws {
        let big = OutgoingRecord(topic: topic, partition: 0, value: [UInt8](repeating: 8, count: 1_000))
        try write(Array(repeating: big, count: 20), to: broker.common)
        let consumer = try member()
        try consumer.join(2)
        consumer.resume(partition(0), at: 0)
        var counts: [Int] = []
        let end = ContinuousClock.now + .seconds(20)
        while counts.reduce(0, +) < 20 {
            try #require(ContinuousClock.now < end)
            let records = consumer.poll(timeout: .milliseconds(100), maximum: 1_000, maximumBytes: 3_000).records
            if !records.isEmpty { counts.append(records.count) }
        }
        #expect(counts.max() == 3)
        try consumer.leave()
    }

    /// A broker's thread of librdkafka that found the queue full sleeps for up to a second.
    @Test func aBacklogIsReadWithoutPauses() throws {
        try write(numbered(2_000, topic: topic, partition: 0), to: broker.common)
        let consumer = try member()
        try consumer.join(2)
        let start = ContinuousClock.now
        consumer.resume(partition(0), at: 0)
        let events = try consumer.poll("end") { $0.hasEnd(of: partition(0), at: 2_000) }
        #expect(events.records.map(\.offset) == Array(0..<2_000))
        #expect(ContinuousClock.now - start < .seconds(5))
        try consumer.leave()
    }

    /// Ends of partitions fill its queue as records do.
    @Test func aQueueThatWasFullOfEndsHoldsNothingUp() throws {
        let (wide, count) = (unique("commands"), 120)
        try broker.createTopic(wide, partitions: Int32(count))
        let consumer = try GroupConsumer.member(of: "wide", broker.common, topics: [wide])
        let partitions = try consumer.join(count)
        var pauses = 0
        for round in 0..<10 {
            let offsets = partitions.map { ($0, $0.partition == 0 ? Int64(round) : 0) }
            for (partition, offset) in offsets { consumer.resume(partition, at: offset) }
            _ = try consumer.poll("all ends") { events in
                offsets.allSatisfy { events.hasEnd(of: $0.0, at: $0.1) }
            }
            try write(numbered(1, topic: wide, partition: 0), to: broker.common)
            let start = ContinuousClock.now
            _ = try consumer.poll("the record") { !$0.records.isEmpty }
            if ContinuousClock.now - start > .milliseconds(700) { pauses += 1 }
        }
        #expect(pauses <= 3)
        try consumer.leave()
    }

    @Test func nullAndEmptyAreDifferentThings() throws {
        let headers = [
            Header(name: "a", value: nil), Header(name: "a", value: []), Header(name: "b", value: [0, 255]),
        ]
        try write(
            [
                OutgoingRecord(
                    topic: topic,
                    partition: 0,
                    key: nil,
                    value: nil,
                    headers: headers,
                    timestamp: 1_700_000_000_123
                ),
                OutgoingRecord(topic: topic, partition: 0, key: [], value: []),
                OutgoingRecord(topic: topic, partition: 0, key: [0], value: [1, 0, 2]),
            ],
            to: broker.common
        )
        let consumer = try member()
        try consumer.join(2)
        consumer.resume(partition(0), at: 0)
        let records = try consumer.poll("three records") { $0.records.count >= 3 }.records

        #expect(
            records[0]
                == ConsumedRecord(topic: topic, partition: 0, offset: 0, timestamp: 1_700_000_000_123, headers: headers)
        )
        #expect(records[1].key == [] && records[1].value == [] && records[1].headers == [])
        #expect(records[2].key == [0] && records[2].value == [1, 0, 2])
        try consumer.leave()
    }

    @Test func onlyAMemberHasGroupMetadata() throws {
        let consumer = try member()
        #expect { _ = try consumer.groupMetadata() } throws: { ($0 as? KafkaError)?.code == .unknownMemberID }

        try consumer.join(2)
        let metadata = try consumer.groupMetadata()
        #expect(metadata.generationID > 0)
        #expect(!metadata.memberID.isEmpty)
        try consumer.leave()
        #expect { _ = try consumer.groupMetadata() } throws: { $0 is KafkaError }
    }

    @Test func statisticsTellHowLongTheCoordinatorIsSilent() throws {
        let consumer = try member()
        try consumer.join(2)
        let events = try consumer.poll("statistics") { $0.contains { $0.statistics?.coordinatorSilence != nil } }

        let statistics = try #require(events.compactMap(\.statistics).last)
        let silence = try #require(statistics.coordinatorSilence)
        let byNow = try #require(statistics.coordinatorSilenceByNow())
        // The same clock on both sides.
        #expect(silence < .seconds(5) && silence < byNow && byNow < silence + .seconds(5))
        #expect(statistics.coordinatorState == "UP")
        #expect(statistics.joinState == "steady")
        #expect(statistics.brokers.map(\.state) == ["UP"])
        try consumer.leave()
    }
}

extension ConsumerEvent {
    var partitionError: (TopicPartition, KafkaError)? {
        guard case .partitionError(let partition, _, _, let error) = self else { return nil }
        return (partition, error)
    }

    var statistics: ConsumerStatistics? {
        guard case .statistics(let statistics) = self else { return nil }
        return statistics
    }
}
