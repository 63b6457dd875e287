import OTPKafka
import Testing

/// A few kilobytes that unpack to more than librdkafka takes stand in the way of everything behind them.
@Suite struct UndecodableTests {
    let broker: EmbeddedBroker
    let topic = unique("commands")

    init() throws {
        broker = try EmbeddedBroker()
        try broker.createTopic(topic, partitions: 1)
    }

    private var partition: TopicPartition { TopicPartition(topic, 0) }

    /// Eleven records of which the middle seven are one such batch.
    private func write() throws {
        try KafkaTests.write(numbered(2, topic: topic, partition: 0), to: broker.common)
        var common = broker.common
        common.passThrough = [
            "compression.type": "zstd", "message.max.bytes": "200000000", "linger.ms": "500",
            "queue.buffering.max.kbytes": "200000",
        ]
        let reports = Reports()
        let producer = try IdempotentProducer(
            ClientProperties.idempotentProducer(common, batchSize: 200_000_000),
            onReports: reports.add
        )
        let zeros = OutgoingRecord(topic: topic, partition: 0, value: [UInt8](repeating: 0, count: 13_000_000))
        for tag in 0..<7 { try producer.produce(zeros, tag: UInt64(tag)) }
        #expect(producer.flush(timeout: .seconds(60)))
        #expect(producer.close(timeout: .seconds(5)))
        #expect(reports.all.map(\.outcome) == (2..<9).map { .success($0) })
        try KafkaTests.write(numbered(2, topic: topic, partition: 0), to: broker.common)
    }

    @Test func itIsToldFromWhereReadingBeganAndCanBeSteppedOver() throws {
        try write()
        let consumer = try GroupConsumer.member(of: unique("g"), broker.common, topics: [topic])
        try consumer.join(1)
        consumer.resume(partition, at: 0)
        // It says so again and again.
        let events = try consumer.poll("three failures") { $0.count { $0.undecodable != nil } >= 3 }
        #expect(events.records.map(\.offset) == [0, 1])
        #expect(Set(events.compactMap(\.undecodable)) == [Failure(offset: 2, from: 2)])

        // Within the batch it is the same failure, and none of those before is told as one of this place.
        consumer.resume(partition, at: 5)
        let again = try consumer.poll("failure") { $0.contains { $0.undecodable != nil } }
        #expect(Set(again.compactMap(\.undecodable)) == [Failure(offset: 2, from: 5)])

        consumer.resume(partition, at: 9)
        let rest = try consumer.poll("end") { $0.hasEnd(of: partition, at: 11) }
        #expect(rest.records.map(\.offset) == [9, 10])
        try consumer.leave()
    }
}

private struct Failure: Hashable {
    /// Where the batch begins that cannot be unpacked.
    var offset: Int64?
    var from: Int64
}

extension ConsumerEvent {
    fileprivate var undecodable: Failure? {
        guard case .partitionError(_, let offset, let next, let error) = self, error.isUndecodable else { return nil }
        return Failure(offset: offset, from: next)
    }
}
