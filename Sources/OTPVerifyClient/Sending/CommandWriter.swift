import Dispatch
import OTPKafka
import Synchronization

/// Hands records to a producer, and makes another where one has broken: what that one held is reported as given up, and may be sent again.
///
/// It waits for nobody and decides nothing.
final class CommandWriter: Sendable {
    /// What became of a record, by its tag.
    typealias OnReports = @Sendable ([DeliveryReport]) -> Void

    typealias Make = @Sendable (@escaping OnReports) throws(KafkaError) -> IdempotentProducer

    private struct State {
        var producer: IdempotentProducer?
        var isClosed = false
    }

    private let make: @Sendable () throws(KafkaError) -> IdempotentProducer
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "otp-verify-client.producer")

    /// Throws when a property is refused.
    convenience init(_ common: ClientProperties.Common, onReports: @escaping OnReports) throws(KafkaError) {
        // The topic's limit, of 256 KiB, is one of batches.
        let properties = try ClientProperties.idempotentProducer(common, batchSize: 131_072)
        try self.init(onReports: onReports) { onReports throws(KafkaError) in
            try IdempotentProducer(properties, onReports: onReports)
        }
    }

    /// Throws when no producer can be made now.
    init(onReports: @escaping OnReports, make: @escaping Make) throws(KafkaError) {
        self.make = { () throws(KafkaError) in try make(onReports) }
        state = Mutex(State(producer: try make(onReports)))
    }

    /// Queues a record; throws where no report will follow.
    func write(_ record: OutgoingRecord, tag: UInt64) throws(KafkaError) {
        // One that could not be made when the last one broke is made now.
        let current = try producer()
        do throws(KafkaError) {
            try current.produce(record, tag: tag)
        } catch {
            if error.isFatal { replace(current) }
            throw error
        }
    }

    /// Looks at the producer after a report of a failure.
    func noticeFailure() {
        guard let current = state.withLock({ $0.producer }), current.fatalError != nil else { return }
        replace(current)
    }

    private func producer() throws(KafkaError) -> IdempotentProducer {
        try state.withLock { state throws(KafkaError) in
            guard !state.isClosed else { throw KafkaError("produce", .destroyed) }
            if let producer = state.producer { return producer }
            let made = try make()
            state.producer = made
            return made
        }
    }

    private func replace(_ broken: IdempotentProducer) {
        let isFirst = state.withLock { state in
            guard state.producer === broken else { return false }
            state.producer = try? make()
            return true
        }
        guard isFirst else { return }
        queue.async { _ = broken.close(timeout: .seconds(5)) }
    }

    /// Gives up what is unsent, and ends; blocks for `timeout` at most.
    func close(timeout: Duration) {
        let last = state.withLock { state in
            state.isClosed = true
            defer { state.producer = nil }
            return state.producer
        }
        _ = last?.close(timeout: timeout)
    }
}
