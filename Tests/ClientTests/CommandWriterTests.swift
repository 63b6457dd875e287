import OTPKafka
import Synchronization
import Testing

@testable import OTPVerifyClient

@Suite("Command writer: a producer that breaks is replaced, now or later")
struct CommandWriterTests {
    @Test(.timeLimit(.minutes(1))) func oneThatCouldNotBeMadeIsMadeWithTheNextRecord() async throws {
        let stage = try Stage()
        let common = ClientProperties.Common(bootstrapServers: stage.broker.bootstrapServers, clientID: "test")
        let properties = try ClientProperties.idempotentProducer(common)
        let made = Mutex<[IdempotentProducer?]>([])
        let (reports, report) = AsyncStream.makeStream(of: DeliveryReport.self)
        let writer = try CommandWriter(onReports: { $0.forEach { report.yield($0) } }) { onReports throws(KafkaError) in
            // The second cannot be made.
            let isSecond = made.withLock { $0.count == 1 }
            let producer = isSecond ? nil : try IdempotentProducer(properties, onReports: onReports)
            made.withLock { $0.append(producer) }
            guard let producer else { throw KafkaError("create", .badMessage) }
            return producer
        }
        let record = OutgoingRecord(topic: stage.commandTopic, key: Array("s".utf8), value: Array("v".utf8))
        made.withLock { $0[0] }?.breakFatally(.invalidProducerEpoch)
        #expect(throws: KafkaError.self) { try writer.write(record, tag: 1) }
        #expect(made.withLock { $0.count } == 2)
        try writer.write(record, tag: 2)
        #expect(made.withLock { $0.count } == 3)
        let outcome = await reports.first { $0.tag == 2 }?.outcome
        #expect(try outcome?.get() != nil)
        writer.close(timeout: .seconds(5))
        #expect(throws: KafkaError.self) { try writer.write(record, tag: 3) }
        #expect(made.withLock { $0.count } == 3)
    }
}
