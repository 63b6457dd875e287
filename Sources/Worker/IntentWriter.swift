import Dispatch
import Engine
import Kafka
import NIOCore

/// Writes intents, outside every transaction, and reports each acknowledgement in batches.
///
/// Confined to its event loop; a producer that breaks is replaced.
final class IntentWriter {
    private let properties: [String: String]
    private let topic: String
    private let eventLoop: any EventLoop
    private let report: @Sendable ([Event]) -> Void
    private let onEvent: @Sendable (ClientEvent) -> Void
    private let outstanding: Outstanding
    private var producer: IdempotentProducer?

    /// Whose each intent under way is.
    ///
    /// Confined to the loop.
    private final class Outstanding: @unchecked Sendable {
        // Safe because it is touched on the event loop only.
        var records: [UInt64: RecordID] = [:]
        var next: UInt64 = 0
    }

    init(
        properties: [String: String],
        topic: String,
        eventLoop: any EventLoop,
        report: @escaping @Sendable ([Event]) -> Void,
        onEvent: @escaping @Sendable (ClientEvent) -> Void
    ) {
        self.properties = properties
        self.topic = topic
        self.eventLoop = eventLoop
        self.report = report
        self.onEvent = onEvent
        outstanding = Outstanding()
    }

    func start() throws(KafkaError) {
        let eventLoop = eventLoop
        let outstanding = outstanding
        let report = report
        let producer = try IdempotentProducer(
            properties,
            onReports: { reports in
                eventLoop.execute {
                    report(
                        reports.compactMap { delivery in
                            outstanding.records.removeValue(forKey: delivery.tag).map { event($0, delivery.outcome) }
                        }
                    )
                }
            },
            onEvent: onEvent
        )
        self.producer = producer
        // A user would wait for it at the first command; this blocks, so not on the loop.
        DispatchQueue.global().async { [topic] in producer.refresh([topic], timeout: .seconds(5)) }
    }

    func write(_ id: RecordID, _ record: LedgerRecord) {
        let tag = outstanding.next
        outstanding.next += 1
        outstanding.records[tag] = id
        do throws(KafkaError) {
            guard let producer else { throw KafkaError("produce", .state, reason: "no producer") }
            let outgoing = OutgoingRecord(
                topic: topic,
                partition: id.place.partition,
                key: record.key,
                value: record.value
            )
            try producer.produce(outgoing, tag: tag)
        } catch {
            outstanding.records[tag] = nil
            if error.isFatal { replace() }
            // Never from within the caller's own turn.
            let report = report
            let failure = event(id, .failure(error))
            eventLoop.execute { report([failure]) }
        }
    }

    /// A producer with a fatal error writes nothing any more.
    func replace() {
        let old = producer
        producer = nil
        do throws(KafkaError) { try start() } catch { onEvent(.error(error)) }
        closeInBackground(old)
    }

    func close() {
        let old = producer
        producer = nil
        closeInBackground(old)
    }
}

private func closeInBackground(_ producer: IdempotentProducer?) {
    guard let producer else { return }
    DispatchQueue.global().async { _ = producer.close(timeout: .seconds(2)) }
}

private func event(_ id: RecordID, _ outcome: Result<Int64?, KafkaError>) -> Event {
    switch outcome {
    case .success(let offset): .intentWritten(id, ledgerOffset: offset)
    case .failure(let error): .intentFailed(id, isPermanent: error.isOfTheRecord, reason: "\(error)")
    }
}
