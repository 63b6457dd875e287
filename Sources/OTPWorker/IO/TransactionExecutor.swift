import Dispatch
import OTPContract
import OTPEngine
import OTPKafka
import Synchronization

/// Carries out one transaction at a time, on a thread of its own, and says what became of it.
///
/// It never tries anything twice that it was not told to.
final class TransactionExecutor: Sendable {
    private let queue = DispatchQueue(label: "otp-worker.transactions")
    private let properties:
        @Sendable (_ transactionalID: String, _ batchBytes: Int) throws(KafkaError) -> [String: String]
    private let slot: String
    private let fencing = DispatchQueue(label: "otp-worker.fencing")
    private let topics: WorkerConfiguration.Topics
    /// They change when topics are looked at, and when one refuses a result.
    private let routes: Mutex<ReplyRoutes>
    private let timeout: Duration
    private let admin: Admin
    private let onEvent: @Sendable (ClientEvent) -> Void
    private let onReplies: @Sendable ([ReplyRoutes.Kind: Int]) -> Void
    /// Touched on the queue only.
    private let state = Mutex(State())

    private struct State {
        var producer: TransactionalProducer?
        /// The last transaction ended in a way that a missing topic can cause.
        var isSuspicious = false
    }

    /// The transaction under way, which another thread may end before its commit.
    private let underWay = Mutex<(id: BatchID, cancellation: Cancellation)?>(nil)

    init(
        slot: String,
        properties: @escaping @Sendable (String, Int) throws(KafkaError) -> [String: String],
        topics: WorkerConfiguration.Topics,
        routes: ReplyRoutes,
        timeout: Duration,
        admin: Admin,
        onEvent: @escaping @Sendable (ClientEvent) -> Void,
        onReplies: @escaping @Sendable ([ReplyRoutes.Kind: Int]) -> Void
    ) {
        self.slot = slot
        self.properties = properties
        self.topics = topics
        self.routes = Mutex(routes)
        self.timeout = timeout
        self.admin = admin
        self.onEvent = onEvent
        self.onReplies = onReplies
    }

    /// The topics were looked at: from any thread.
    ///
    /// The producer learns of new partitions before a record is sent there.
    func reroute(_ change: @escaping @Sendable (inout ReplyRoutes) -> Void) {
        queue.async { [self] in
            state.withLock { $0.producer }?.refresh(
                [topics.results, topics.ledger, topics.deadLetters],
                timeout: Self.learning
            )
            routes.withLock { change(&$0) }
        }
    }

    private static let learning = Duration.seconds(5)

    /// Ends the producer there is and makes a new one, which decides whatever the old one left open under its id.
    func replace(_ choice: ProducerChoice, after delay: Duration, report: @escaping @Sendable (Event) -> Void) {
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(delay.nanoseconds))) { [self] in
            let old = state.withLock { state in
                defer { state.producer = nil }
                return state.producer
            }
            _ = old?.close(timeout: .seconds(1))
            do throws(KafkaError) {
                let id = choice.isAlternate ? ProducerChoice.alternate(of: slot) : slot
                let producer = try initialised(id, batchBytes: choice.batchBytes, timeout: timeout * 2)
                producer.refresh(
                    [topics.results, topics.ledger, topics.deadLetters],
                    timeout: min(timeout, Self.learning)
                )
                state.withLock { $0.producer = producer }
                report(.producerReady)
            } catch {
                report(.producerFailed(isLocked: error.isLocked, reason: "\(error)"))
            }
        }
    }

    private func initialised(
        _ id: String,
        batchBytes: Int,
        timeout: Duration
    ) throws(KafkaError) -> TransactionalProducer {
        let producer = try TransactionalProducer(try properties(id, batchBytes), onEvent: onEvent)
        do throws(KafkaError) {
            try producer.initTransactions(timeout: timeout)
        } catch {
            _ = producer.close(timeout: .seconds(1))
            throw error
        }
        return producer
    }

    /// Tries the rights that trouble will call for, under the slot's second id while nobody uses it; on a thread of its own.
    func tryRights(group: String, report: @escaping @Sendable (RightsTrial.Missing) -> Void) {
        fencing.async { [self] in
            let trial = RightsTrial(
                transactionalID: ProducerChoice.alternate(of: slot),
                topics: [topics.deadLetters],
                group: group,
                admin: admin
            )
            let missing = trial.run { id throws(KafkaError) in
                try initialised(id, batchBytes: Limits.batchBytes, timeout: Self.learning)
            }
            missing.forEach(report)
        }
    }

    /// Decides what others left open under these ids, on a thread of its own: what it waits for may hold up everything else.
    func fence(_ ids: [String], report: @escaping @Sendable (_ id: String, KafkaError?) -> Void) {
        fencing.async { [self] in
            for id in ids {
                do throws(KafkaError) {
                    let producer = try initialised(id, batchBytes: Limits.batchBytes, timeout: Self.learning)
                    _ = producer.close(timeout: .seconds(1))
                    report(id, nil)
                } catch {
                    report(id, error)
                }
            }
        }
    }

    /// Ends this transaction if it has not come to its commit: from any thread.
    func cancel(_ id: BatchID) {
        underWay.withLock { if $0?.id == id { $0?.cancellation.cancel() } }
    }

    func commit(_ batch: Batch, _ membership: GroupMetadata, report: @escaping @Sendable (Event) -> Void) {
        let cancellation = Cancellation()
        underWay.withLock { $0 = (batch.id, cancellation) }
        queue.async { [self] in report(execute(batch, membership, cancellation)) }
    }

    func close(_ completion: @escaping @Sendable () -> Void) {
        queue.async { [self] in
            let producer = state.withLock { $0.producer.take() }
            _ = producer?.close(timeout: .seconds(2))
            completion()
        }
    }

    private func execute(_ batch: Batch, _ membership: GroupMetadata, _ cancellation: Cancellation) -> Event {
        let (producer, isSuspicious) = state.withLock { ($0.producer, $0.isSuspicious) }
        guard let producer else {
            return .commitAborted(batch.id, .transient, faults: [], isProducerLost: true, reason: "no producer")
        }
        let outputs = Outputs(batch, topics, routes.withLock { $0 })
        // librdkafka waits for a topic that is gone until the transaction times out, which costs the producer: so ask first.
        if isSuspicious, let event = missingTopics(batch, outputs) { return refused(event, outputs) }
        let outcome = producer.execute(
            Transaction(
                records: outputs.records,
                offsets: batch.offsets.map {
                    OffsetCommit(
                        TopicPartition(topics.commands, $0.epoch.partition),
                        offset: $0.offset,
                        metadata: $0.metadata
                    )
                },
                groupMetadata: membership
            ),
            cancellation: cancellation
        )
        let event = outputs.event(for: outcome, of: batch.id)
        if case .committed = event {
            state.withLock { $0.isSuspicious = false }
            onReplies(outputs.replyCounts)
        } else {
            state.withLock { $0.isSuspicious = true }
        }
        return refused(event, outputs)
    }

    /// Keeps a topic that did not take a reply from being tried again with every batch.
    private func refused(_ event: Event, _ outputs: Outputs) -> Event {
        guard case .commitAborted(_, _, let faults, _, _) = event else { return event }
        for topic in outputs.replyTopics(of: faults) { routes.withLock { $0.refused(topic) } }
        return event
    }

    private func missingTopics(_ batch: Batch, _ outputs: Outputs) -> Event? {
        let names = Set(outputs.records.map(\.topic))
        guard let counts = try? admin.partitionCounts(Array(names), timeout: .seconds(2)) else { return nil }
        let faults = outputs.references.indices.filter { index in
            let record = outputs.records[index]
            guard let count = counts[record.topic] else { return true }
            return record.partition.map { $0 >= count } ?? false
        }
        guard !faults.isEmpty else { return nil }
        let missing = Set(faults.map { outputs.records[$0].topic }).sorted().joined(separator: ", ")
        return .commitAborted(
            batch.id,
            .outputs,
            faults: faults.map { outputs.references[$0] },
            isProducerLost: false,
            reason: "topic \(missing) does not exist, or has fewer partitions"
        )
    }
}
