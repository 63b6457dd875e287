import CheckOTP
import Logging
import NIOCore
import OTPContract
import OTPEngine
import OTPKafka
import Synchronization

/// Feeds the engine what happened and does what it says, on one event loop.
///
/// It decides nothing: whatever looks like a decision here belongs into the engine.
final class EngineLoop: @unchecked Sendable {
    // Safe because every stored variable is touched on the event loop only; what others call goes through `take`.

    /// Everything that the shell needs and that is made before it.
    struct Parts {
        var client: CheckClient
        var secret: SecretReload
        var warmConnections: Int
        var intents: @Sendable (EngineLoop) -> IntentWriter
        var transactionExecutor: TransactionExecutor
        var queries: LedgerQueries
        var makeConsumer: @Sendable () throws(KafkaError) -> ConsumerThread
        var topics: WorkerConfiguration.Topics
        var telemetry: Telemetry
        /// Nil where the program has installed no tracer.
        var spans: CommandSpans?
    }

    /// An upstream that closes connections at once is not asked for new ones more often.
    private static let warmingPause = Duration.seconds(2)
    /// Effects of a turn for which there is room in the next; more than that are a rare turn.
    private static let spareRoom = 4_096

    let eventLoop: any EventLoop
    /// When the loop last turned, in nanoseconds of the engine's clock; for the liveness probe.
    let lastTurn = Atomic<Int64>(0)

    private var engine: Engine
    private let parts: Parts
    private lazy var intents = parts.intents(self)
    private var consumer: ConsumerThread?
    private var epochs: [Int32: PartitionEpoch] = [:]
    /// As which member of the group each epoch was begun; none when the group had forgotten the worker already.
    private var members: [PartitionEpoch: String] = [:]
    /// The generation in which partitions were asked back; nil while none is.
    private var revokedIn: Int32?
    /// What the upstream answered in this turn.
    private var answers: [Event] = []
    private var spareEffects: [Effect] = []
    private var wake: Scheduled<Void>?
    private var nextLook = Instant(nanoseconds: 0)
    private var nextWarming = Instant(nanoseconds: 0)
    private var isStopping = false
    private var onStopped: (@Sendable () -> Void)?

    init(engine: consuming Engine, parts: Parts, eventLoop: any EventLoop) {
        self.engine = engine
        self.parts = parts
        self.eventLoop = eventLoop
        lastTurn.store(Clocks.now().nanoseconds, ordering: .relaxed)
        parts.spans?.inMemory = { [unowned self] in self.engine.inMemory($0) }
        parts.secret.onReplaced = { [weak self] in self?.handle(.keyReplaced) }
    }

    /// Begins to work.
    ///
    /// `onStopped` is called once, when everything that the worker held has been given back.
    func start(onStopped: @escaping @Sendable () -> Void) throws(KafkaError) {
        self.onStopped = onStopped
        try intents.start()
        try startConsumer()
        handle(.started)
    }

    /// Reads the upstream's key again, if it is in a file: on any thread.
    func reloadSecret() {
        eventLoop.execute { self.parts.secret.asked() }
    }

    // MARK: What happened

    /// Handles one event, on any thread.
    func report(_ event: Event) {
        eventLoop.execute { self.handle(event) }
    }

    func handle(_ event: Event) { handle([event]) }

    /// Handles what came together, on the loop.
    func handle(_ events: [Event]) {
        eventLoop.preconditionInEventLoop()
        guard !isStopping else { return }
        let now = Clocks.now()
        lastTurn.store(now.nanoseconds, ordering: .relaxed)
        // Emptied and put back at the end, so that a turn allocates nothing for them.
        var effects = spareEffects
        spareEffects = []
        engine.handle(events, at: now, into: &effects)
        if let spans = parts.spans { for event in events { spans.happened(event) } }
        for effect in effects { perform(effect) }
        effects.removeAll(keepingCapacity: effects.count <= Self.spareRoom)
        spareEffects = effects
    }

    /// What one poll brought is handled together, up to what changes the epochs that the rest is stamped with.
    private func receive(_ items: [CommandIntake.Item], from thread: ConsumerThread) {
        var together: [Event] = []
        for item in items {
            // A consumer that was given up has nothing more to say.
            guard thread === consumer else { return }
            if let event = event(of: item) {
                together.append(event)
            } else if let change = change(in: item) {
                handle(together)
                together = []
                change()
            }
        }
        if !together.isEmpty { handle(together) }
    }

    /// What changes the assignment, or ends it; nil where an item does not.
    private func change(in item: CommandIntake.Item) -> (() -> Void)? {
        switch item {
        case .assigned(let partitions): { self.handle(Event.assigned(partitions)) }
        case .revoked(let partitions):
            {
                self.revokedIn = self.revokedIn ?? (try? self.consumer?.consumer.groupMetadata().generationID)
                self.handle(Event.revoked(partitions))
            }
        case .lost(let partitions): { self.handle(Event.lost(partitions)) }
        case .error(let error) where error.isFatal: { self.consumerFailed(error) }
        case .error, .records, .endOfPartition, .partitionError, .statistics, .log: nil
        }
    }

    /// What an item is for the engine, of the epochs that there are now; nil where it is nothing, or changes them.
    private func event(of item: CommandIntake.Item) -> Event? {
        switch item {
        case .records(let records): return .received(records.compactMap(stamp), at: Clocks.wall())
        case .assigned, .revoked, .lost: return nil
        case .endOfPartition(let partition, let offset):
            return epochs[partition].map { .reachedEnd($0, offset: offset) }
        case .partitionError(let partition, let offset, let next, let error):
            parts.telemetry.heard(.error(error), from: .consumer)
            let reason = "\(error)"
            return epochs[partition].map { epoch in
                error.isUndecodable
                    ? .partitionUndecodable(epoch, offset: offset, from: next, reason: reason)
                    : .partitionUnreadable(epoch, reason: reason)
            }
        case .statistics(let statistics):
            parts.telemetry.statistics(statistics)
            // The engine's clock first: a sleep between the two readings only makes it seem longer ago.
            let now = Clocks.now()
            return statistics.coordinatorSilenceByNow().map { .coordinatorHeard(at: now + (.zero - $0)) }
        case .error(let error):
            parts.telemetry.heard(.error(error), from: .consumer)
            return nil
        case .log(let log):
            parts.telemetry.heard(.log(log), from: .consumer)
            return nil
        }
    }

    /// The epoch is the one at this place in the order of events: whatever the consumer hands out after an assignment belongs to
    /// it.
    private func stamp(_ record: CommandIntake.Decoded) -> ReceivedRecord? {
        guard let epoch = epochs[record.partition] else { return nil }
        var received = ReceivedRecord(
            id: RecordID(epoch: epoch, offset: record.offset),
            timestamp: record.timestamp,
            key: record.key,
            headers: record.headers,
            reply: record.reply,
            content: record.content
        )
        received.phone = record.phone
        received.replayCount = record.replayCount
        received.value = record.value
        return received
    }

    private func consumerFailed(_ error: KafkaError) {
        consumer?.abandon()
        consumer = nil
        epochs.removeAll()
        members.removeAll()
        revokedIn = nil
        handle(.consumerFailed(isDisplaced: error.code == .fencedInstanceID, reason: "\(error)"))
    }

    /// The trace that a command belongs to, by its headers or by the tracer that is installed.
    private func traceID(of id: RecordID) -> String? {
        let headers = parts.spans?.headers(of: id) ?? engine.inMemory(id)?.record.headers
        return headers.flatMap(TraceParent.traceID(in:))
    }

    // MARK: What is to be done

    private func perform(_ effect: Effect) {
        parts.spans?.begins(effect)
        switch effect {
        case .subscribe: subscribe()
        case .recreateConsumer(let delay): recreateConsumer(after: delay)
        case .assign(let epochs): assign(epochs)
        case .release(let partitions): release(partitions)
        case .pause(let epochs): consumer?.consumer.pause(epochs.map(commandPartition))
        case .unpause(let epochs): consumer?.consumer.resume(epochs.map(commandPartition))
        case .resume(let epoch, let offset): consumer?.consumer.resume(commandPartition(epoch), at: offset)
        case .fetchPositions(let epochs, let timeout):
            guard let consumer = consumer?.consumer else { return }
            parts.queries.fetchPositions(epochs, consumer, timeout: timeout) { self.report($0) }
        case .readLedger(let epoch, let from, let barrier, let horizon, let timeout):
            parts.queries.readLedger(
                epoch,
                from: from,
                through: barrier,
                horizon: horizon,
                timeout: timeout,
                report: { self.report($0) }
            )
        case .fetchEnds(let epochs, let timeout):
            parts.queries.fetchEnds(epochs, timeout: timeout) { self.report($0) }
        case .resolveCommit(let id, let questions, let timeout): inquire(CommitInquiry(id, questions), timeout)
        case .writeBarrier(let epoch, let barrier): intents.write(epoch, barrier)
        case .fence(_, let ids): fence(ids)
        case .writeIntent(let id, let record): intents.write(id, record)
        case .call(let id, let command, let headers, let timeout): call(id, command, headers, timeout)
        case .replaceProducer(let choice, let delay):
            parts.transactionExecutor.replace(choice, after: delay) { self.report($0) }
        case .commit(let batch): commit(batch)
        case .cancelCommit(let id): parts.transactionExecutor.cancel(id)
        case .wake(let moment): schedule(moment)
        case .report(let fact): parts.telemetry.report(fact) { traceID(of: $0) }
        case .stop: stop()
        }
    }

    /// Asks one thing after the other, on the loop, until enough is known.
    private func inquire(_ inquiry: CommitInquiry, _ timeout: Duration) {
        let goOn: @Sendable (CommitInquiry) -> Void = { next in self.eventLoop.execute { self.inquire(next, timeout) } }
        switch inquiry.step {
        case .askOffsets(let epochs):
            guard let consumer = consumer?.consumer else { return goOn(inquiry.offsetsUnanswered()) }
            parts.queries.committedFor(inquiry.id, epochs, consumer, timeout: timeout) {
                goOn(inquiry.offsetsTold($0))
            } failed: {
                goOn(inquiry.offsetsUnanswered())
            }
        case .askLedger(let question):
            intents.write(question.epoch, question.barrier) { barrier in
                guard let barrier else { return goOn(inquiry.ledgerTold(nil)) }
                self.parts.queries.ask(question, through: barrier, timeout: timeout) { goOn(inquiry.ledgerTold($0)) }
            }
        case .tell(let found): report(.commitResolved(inquiry.id, found))
        }
    }

    private func call(_ id: RecordID, _ command: VerifyCommand, _ headers: [Header], _ timeout: Duration) {
        let headers = parts.spans?.headers(of: id) ?? headers
        let request = CheckRequest(
            sessionID: command.sessionID,
            phone: command.phone,
            code: command.code,
            traceparent: headers.first { $0.name == "traceparent" }?.value,
            tracestate: headers.first { $0.name == "tracestate" }?.value
        )
        parts.client.call(
            request,
            timeout: timeout,
            // Asked at the socket write: the loop may have slept since the call was dispatched.
            permit: { !self.isStopping && self.engine.permits(id, at: Clocks.now()) },
            completion: { self.answered(id, $0) }
        )
    }

    /// Answers that one turn of the loop reads are handled together, once it has read them all: what follows from them is worked out once.
    private func answered(_ id: RecordID, _ answer: UpstreamAnswer) {
        answers.append(.answered(id, answer))
        guard answers.count == 1 else { return }
        eventLoop.execute {
            let answers = self.answers
            self.answers = []
            self.handle(answers)
        }
    }

    /// The membership is that of this moment, on this loop, on which every release happens too: a batch that a rebalance has
    /// made stale carries a generation that the broker refuses.
    private func commit(_ batch: Batch) {
        do throws(KafkaError) {
            guard let consumer = consumer?.consumer else {
                throw KafkaError("group metadata", .unknownMemberID, reason: "no consumer")
            }
            let membership = try consumer.groupMetadata()
            try check(membership, for: batch)
            parts.transactionExecutor.commit(batch, membership) { self.report($0) }
        } catch {
            report(.commitAborted(batch.id, .unknownMember, faults: [], isProducerLost: false, reason: "\(error)"))
        }
    }

    /// Gives the consumer up where others may have had its partitions, and neither it nor the broker would tell.
    ///
    /// Forgotten by the group while a revocation is under way, librdkafka joins again as another member and calls none of its
    /// partitions lost.
    private func check(_ membership: GroupMetadata, for batch: Batch) throws(KafkaError) {
        let isAnother = !batch.offsets.allSatisfy { members[$0.epoch] == membership.memberID }
        guard isAnother || hasJoinedEarly(as: membership) else { return }
        throw givenUp(isAnother ? "not the member that was assigned" : "joined again before everything was given back")
    }

    /// When partitions are added while a revocation is under way, librdkafka joins again without those that it has not given
    /// back, and never hears of another rebalance.
    private func hasJoinedEarly(as membership: GroupMetadata?) -> Bool {
        guard let revokedIn, let membership else { return false }
        return revokedIn != membership.generationID
    }

    private func givenUp(_ reason: String) -> KafkaError {
        let gone = KafkaError("group metadata", .unknownMemberID, reason: reason)
        let thread = consumer
        // Never from within the engine's own turn.
        eventLoop.execute { if thread === self.consumer { self.consumerFailed(gone) } }
        return gone
    }

    private func fence(_ ids: [String]) {
        parts.transactionExecutor.fence(ids) { [telemetry = parts.telemetry] id, error in
            if let error { telemetry.fencingFailed(id, error) }
        }
    }

    private func schedule(_ moment: Instant) {
        wake?.cancel()
        let wait = max(moment - Clocks.now(), .zero)
        wake = eventLoop.scheduleTask(in: .nanoseconds(wait.nanoseconds)) {
            let late = Clocks.now() - moment
            self.handle(.timeReached(wall: Clocks.wall()))
            self.look(late: late)
        }
    }

    /// A look at the whole state costs a look at every command in memory: now and then is enough.
    private func look(late: Duration) {
        let now = Clocks.now()
        guard now >= nextLook else { return }
        nextLook = now + .milliseconds(500)
        let status = status
        if now >= nextWarming, !isStopping, !status.partitions.isEmpty {
            nextWarming = now + Self.warmingPause
            parts.client.warmUp(connections: parts.warmConnections)
        }
        if status.upstream.isKeyInQuestion { parts.secret.refused(at: now) }
        parts.telemetry.turned(status, connections: parts.client.counters.openConnections, late: late)
    }

    // MARK: The consumer

    private func startConsumer() throws(KafkaError) {
        let thread = try parts.makeConsumer()
        consumer = thread
        thread.start(
            deliver: { items, handled in
                self.eventLoop.execute {
                    self.receive(items, from: thread)
                    handled()
                }
            },
            ended: { self.eventLoop.execute { self.consumerEnded(thread) } }
        )
    }

    private func subscribe() {
        do throws(KafkaError) {
            try consumer?.consumer.subscribe([parts.topics.commands])
        } catch {
            parts.telemetry.heard(.error(error), from: .consumer)
            // Never from within the engine's own turn.
            eventLoop.execute { self.consumerFailed(error) }
        }
    }

    private func recreateConsumer(after delay: Duration) {
        eventLoop.scheduleTask(in: .nanoseconds(delay.nanoseconds)) {
            guard !self.isStopping else { return }
            do throws(KafkaError) {
                try self.startConsumer()
                self.handle(.consumerRecreated)
            } catch {
                self.handle(.consumerFailed(isDisplaced: false, reason: "\(error)"))
            }
        }
    }

    private func assign(_ epochs: [PartitionEpoch]) {
        let member = try? consumer?.consumer.groupMetadata().memberID
        for epoch in epochs {
            if let old = self.epochs.updateValue(epoch, forKey: epoch.partition) { members[old] = nil }
            members[epoch] = member
        }
    }

    private func release(_ partitions: [Int32]) {
        for partition in partitions {
            if let epoch = epochs.removeValue(forKey: partition) { members[epoch] = nil }
        }
        if hasJoinedEarly(as: try? consumer?.consumer.groupMetadata()) {
            _ = givenUp("joined again before everything was given back")
        } else {
            consumer?.consumer.release(partitions.map { TopicPartition(parts.topics.commands, $0) })
        }
        revokedIn = nil
    }

    private func commandPartition(_ epoch: PartitionEpoch) -> TopicPartition {
        TopicPartition(parts.topics.commands, epoch.partition)
    }

    // MARK: The end

    private func stop() {
        isStopping = true
        wake?.cancel()
        if let consumer { consumer.beginLeaving() } else { consumerEnded(nil) }
    }

    private func consumerEnded(_ thread: ConsumerThread?) {
        guard isStopping, thread == nil || thread === consumer else { return }
        consumer = nil
        intents.close()
        parts.transactionExecutor.close {
            self.parts.queries.close {
                self.eventLoop.execute {
                    self.parts.client.close {
                        self.onStopped?()
                        self.onStopped = nil
                    }
                }
            }
        }
    }

    /// From any thread.
    var isStalled: Bool { parts.telemetry.isStalled }

    /// For the status page; on the loop.
    var status: EngineStatus { engine.status(at: Clocks.now()) }
}
