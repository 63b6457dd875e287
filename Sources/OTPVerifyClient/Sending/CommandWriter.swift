import Dispatch
import OTPKafka
import Synchronization

/// Hands records to a producer, and makes another where one has broken: what that one held is reported as given up, and may be sent again.
///
/// It waits for nobody and decides nothing.
final class CommandWriter: Sendable {
    /// What became of a record, by its tag.
    typealias OnReports = @Sendable ([DeliveryReport]) -> Void

    private let properties: [String: String]
    private let onReports: OnReports
    private let producer: Mutex<IdempotentProducer?>
    private let queue = DispatchQueue(label: "otp-verify-client.producer")

    /// Throws when a property is refused.
    init(_ common: ClientProperties.Common, onReports: @escaping OnReports) throws(KafkaError) {
        // The topic's limit, of 256 KiB, is one of batches.
        properties = try ClientProperties.idempotentProducer(common, batchSize: 131_072)
        self.onReports = onReports
        producer = Mutex(try IdempotentProducer(properties, onReports: onReports))
    }

    /// Queues a record; throws where no report will follow.
    func write(_ record: OutgoingRecord, tag: UInt64) throws(KafkaError) {
        guard let current = producer.withLock({ $0 }) else { throw KafkaError("produce", .destroyed) }
        do throws(KafkaError) {
            try current.produce(record, tag: tag)
        } catch {
            if error.isFatal { replace(current) }
            throw error
        }
    }

    /// Looks at the producer after a report of a failure.
    func noticeFailure() {
        guard let current = producer.withLock({ $0 }), current.fatalError != nil else { return }
        replace(current)
    }

    private func replace(_ broken: IdempotentProducer) {
        let isFirst = producer.withLock { current in
            guard current === broken else { return false }
            current = try? IdempotentProducer(properties, onReports: onReports)
            return true
        }
        guard isFirst else { return }
        queue.async { _ = broken.close(timeout: .seconds(5)) }
    }

    /// Gives up what is unsent, and ends; blocks for `timeout` at most.
    func close(timeout: Duration) {
        let last = producer.withLock { current in
            defer { current = nil }
            return current
        }
        _ = last?.close(timeout: timeout)
    }
}
