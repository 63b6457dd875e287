import Dispatch
import NIOCore
import OTPEngine
import OTPKafka

/// Writes intents and barriers, outside every transaction, and reports each acknowledgement in batches.
///
/// Confined to its event loop; a producer that breaks is replaced. What a turn of the loop wants written goes together, after the turn.
final class IntentWriter {
    private let properties: [String: String]
    private let topic: String
    private let eventLoop: any EventLoop
    private let report: @Sendable ([Event]) -> Void
    private let onEvent: @Sendable (ClientEvent) -> Void
    private let outstanding: Outstanding
    private(set) var producer: IdempotentProducer?
    private var isClosed = false

    fileprivate enum Write {
        case intent(RecordID)
        case barrier(PartitionEpoch)
        /// A barrier that the engine is not told of: where it lies, nil where it could not be written or the broker did not say.
        case proof(@Sendable (Int64?) -> Void)
    }

    private struct Waiting {
        var write: Write
        var record: OutgoingRecord
    }

    /// What each record under way is, and what waits for it.
    ///
    /// Confined to the loop.
    private final class Outstanding: @unchecked Sendable {
        // Safe because it is touched on the event loop only.
        var writes: [UInt64: Write] = [:]
        var next: UInt64 = 0
        var turns = WriteTurns<Waiting>()
        /// How many there have been, one after the other.
        var producers = 0

        /// - Returns: the news, and whether something that waited goes now.
        func ended(_ reports: [DeliveryReport], of producer: Int) -> (events: [Event], isReady: Bool) {
            var (events, isReady): ([Event], Bool) = ([], false)
            for delivery in reports {
                guard let write = writes.removeValue(forKey: delivery.tag) else { continue }
                if let event = event(write, delivery.outcome) { events.append(event) }
                guard producer == producers, let partition = delivery.partition else { continue }
                if case .failure(let error) = delivery.outcome, !error.isOfTheRecord {
                    events += turns.givenUp(in: partition).compactMap { event($0.write, delivery.outcome) }
                }
                if turns.ended(in: partition) { isReady = true }
            }
            return (events, isReady)
        }

        /// What waits comes to nothing.
        func giveUp(_ error: KafkaError) -> [Event] {
            turns.removeAll().compactMap { event($0.write, .failure(error)) }
        }
    }

    private struct Weak {
        weak var writer: IntentWriter?

        init(_ writer: IntentWriter) { self.writer = writer }
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
        let (report, onEvent) = (report, onEvent)
        let writer = NIOLoopBound(Weak(self), eventLoop: eventLoop)
        let number = outstanding.producers + 1
        outstanding.producers = number
        let producer = try IdempotentProducer(
            properties,
            onReports: { reports in
                eventLoop.execute {
                    let (events, isReady) = outstanding.ended(reports, of: number)
                    report(events)
                    if isReady { writer.value.writer?.send() }
                }
            },
            onEvent: { event in
                onEvent(event)
                guard case .error(let error) = event, error.isFatal else { return }
                eventLoop.execute { writer.value.writer?.broke(number) }
            }
        )
        self.producer = producer
        refresh(producer)
    }

    /// A user would wait for it at the first command, and a partition that was added is not known before; it blocks, so not on the
    /// loop.
    private func refresh(_ producer: IdempotentProducer) {
        DispatchQueue.global().async { [topic] in producer.refresh([topic], timeout: .seconds(5)) }
    }

    func write(_ id: RecordID, _ record: LedgerRecord) {
        produce(.intent(id), to: id.epoch, key: record.key, value: record.value)
    }

    func write(_ epoch: PartitionEpoch, _ barrier: LedgerBarrier) {
        produce(.barrier(epoch), to: epoch, key: barrier.key, value: barrier.value)
    }

    /// Writes a barrier for somebody else than the engine, and tells where it lies, on the loop.
    func write(_ epoch: PartitionEpoch, _ barrier: LedgerBarrier, written: @escaping @Sendable (Int64?) -> Void) {
        produce(.proof(written), to: epoch, key: barrier.key, value: barrier.value)
    }

    private func produce(_ write: Write, to epoch: PartitionEpoch, key: [UInt8], value: [UInt8]?) {
        let record = OutgoingRecord(topic: topic, partition: epoch.partition, key: key, value: value)
        if outstanding.turns.add(Waiting(write: write, record: record), to: epoch.partition) { sendSoon() }
    }

    /// Never from within the caller's own turn, which may have more to write.
    private func sendSoon() {
        let writer = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.execute { writer.value.send() }
    }

    private func send() {
        var failures: [Event] = []
        var broken: KafkaError?
        for waiting in outstanding.turns.next() {
            let tag = outstanding.next
            outstanding.next += 1
            outstanding.writes[tag] = waiting.write
            do throws(KafkaError) {
                if let broken { throw broken }
                guard let producer else { throw KafkaError("produce", .state, reason: "no producer") }
                try producer.produce(waiting.record, tag: tag)
            } catch {
                outstanding.writes[tag] = nil
                if let partition = waiting.record.partition, outstanding.turns.ended(in: partition) { sendSoon() }
                if let failure = event(waiting.write, .failure(error)) { failures.append(failure) }
                if error.isFatal { broken = error }
                if let producer, error.code == .unknownPartition { refresh(producer) }
            }
        }
        if !failures.isEmpty { report(failures) }
        if broken != nil { replace() }
    }

    private func broke(_ number: Int) {
        if number == outstanding.producers, producer != nil { replace() }
    }

    /// A producer with a fatal error writes nothing any more.
    private func replace() {
        let old = producer
        producer = nil
        let failures = outstanding.giveUp(KafkaError("produce", .state, reason: "the producer broke"))
        if !failures.isEmpty { report(failures) }
        if !isClosed { startAgain() }
        closeInBackground(old)
    }

    /// Until one can be made; what is to be written meanwhile fails, and is tried again.
    private func startAgain() {
        do throws(KafkaError) {
            try start()
            report([.intentProducer(failure: nil)])
        } catch {
            onEvent(.error(error))
            report([.intentProducer(failure: "\(error)")])
            eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { [weak self] in
                guard let self, !isClosed, producer == nil else { return }
                startAgain()
            }
        }
    }

    func close() {
        isClosed = true
        _ = outstanding.giveUp(KafkaError("produce", .state, reason: "closed"))
        let old = producer
        producer = nil
        closeInBackground(old)
    }
}

private func closeInBackground(_ producer: IdempotentProducer?) {
    guard let producer else { return }
    DispatchQueue.global().async { _ = producer.close(timeout: .seconds(2)) }
}

/// Nil where it is no news for the engine.
private func event(_ write: IntentWriter.Write, _ outcome: Result<Int64?, KafkaError>) -> Event? {
    switch (write, outcome) {
    case (.intent(let id), .success(let offset)): .intentWritten(id, ledgerOffset: offset)
    case (.intent(let id), .failure(let error)):
        // A partition that the producer has not heard of yet is no fault of the record.
        .intentFailed(
            id,
            isPermanent: error.isOfTheRecord && error.code != .unknownPartition,
            reason: "\(error)"
        )
    case (.barrier(let epoch), .success(let offset?)): .barrierWritten(epoch, ledgerOffset: offset)
    case (.barrier(let epoch), .success(nil)):
        .barrierFailed(epoch, reason: "the broker did not say where the barrier lies")
    case (.barrier(let epoch), .failure(let error)): .barrierFailed(epoch, reason: "\(error)")
    case (.proof(let written), let outcome): told(written, outcome)
    }
}

private func told(_ written: @Sendable (Int64?) -> Void, _ outcome: Result<Int64?, KafkaError>) -> Event? {
    written((try? outcome.get()) ?? nil)
    return nil
}
