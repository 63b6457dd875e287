import OTPContract
import OTPKafka
import Synchronization

/// Writes command records and says where each of them came to lie.
///
/// Its calls block; it retries nothing by itself.
final class CommandSender {
    private let producer: IdempotentProducer
    private let reports: Reports

    /// What the delivery thread has heard.
    private final class Reports: Sendable {
        let byTag = Mutex<[UInt64: Result<Int64?, KafkaError>]>([:])
    }

    init(_ common: ClientProperties.Common) throws(KafkaError) {
        let reports = Reports()
        self.reports = reports
        producer = try IdempotentProducer(ClientProperties.idempotentProducer(common)) { batch in
            reports.byTag.withLock { known in
                for report in batch { known[report.tag] = report.outcome }
            }
        }
    }

    /// Writes records that each name their partition, and waits until all are acknowledged.
    /// - Returns: their coordinates, in the order of the records.
    func send(_ records: [OutgoingRecord], timeout: Duration) throws -> [Coordinates] {
        reports.byTag.withLock { $0 = [:] }
        for (index, record) in records.enumerated() { try queue(record, tag: UInt64(index)) }
        _ = producer.flush(timeout: timeout)
        let outcomes = reports.byTag.withLock { $0 }
        return try records.enumerated().map { index, record in
            guard let offset = try outcomes[UInt64(index)]?.get(), let partition = record.partition else {
                throw KafkaError("send", .timedOut, reason: "a command was not acknowledged within \(timeout)")
            }
            return Coordinates(topic: record.topic, partition: partition, offset: offset)
        }
    }

    func close() {
        _ = producer.close(timeout: .seconds(5))
    }

    /// A full queue empties as records are acknowledged.
    private func queue(_ record: OutgoingRecord, tag: UInt64) throws(KafkaError) {
        while true {
            do throws(KafkaError) {
                return try producer.produce(record, tag: tag)
            } catch {
                guard error.code == .queueFull, producer.flush(timeout: .seconds(30)) else { throw error }
            }
        }
    }
}
