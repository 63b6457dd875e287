import OTPContract

/// Every decision of the worker, as one deterministic machine: it takes what happened and when, and returns what is to
/// be done.
///
/// It does no I/O, reads no clock, starts no thread, logs nothing and draws no randomness but from the generator it was
/// given.
///
/// It reads in the order in which a command travels: `Engine+Partitions` (assigned, given back), `Engine+Restore`,
/// `Engine+Reading`, `Engine+Commands` (received, admitted, decided, concluded), `Engine+Calls` (dispatched, intent, answer,
/// retry), `Engine+Settling` and `Engine+Transactions` (one transaction at a time), `Engine+Parking` (what cannot be written).
/// It cannot be copied, so its records may be references.
package struct Engine: ~Copyable {
    let configuration: EngineConfiguration
    var generator: SplitMix64

    var membership: Membership
    var drain = Drain()
    var admission: Admission
    var settlement: Settlement
    var partitions: [Int32: Partition] = [:]
    var nextEpoch: UInt32 = 1
    var isSubscribed = false
    var consumerFailure: String?
    var consumerBackOff = BackOff()
    /// Not reset by a success: two processes with one instance id would take each other's place for ever.
    var displacedBackOff: BackOff
    var revocation: Revocation?
    /// Partitions of the commands whose results or ledger cannot be written, and why.
    var unwritable: [Int32: String] = [:]
    /// When the leaders are asked next where the partitions end.
    var nextEnds: Instant

    var protection: Protection
    var ready = ReadyQueue()
    var backOffs = BackOffQueue()
    /// Call slots taken: intents being written and calls under way, those of partitions since lost included.
    var slots = 0
    /// Intents under way whose slots were given back before they ended.
    var freedIntents: Set<RecordID> = []
    /// When dispatch may go on, if commands wait for that.
    var nextDispatch: Instant?
    /// Commands without an outcome.
    var unconcluded = 0

    var batchCounter: UInt64 = 0
    var batchLimit: Int
    /// Transactions in a row that were aborted without a reason of their own.
    var transientAborts = 0
    /// Since when an outcome has been waiting for a transaction.
    var oldestConclusion: Instant?
    var lastCommit: Instant
    var settleBackOff = BackOff()
    var producerBackOff = BackOff()
    var producerFailure: String?
    var intentProducerFailure: String?
    /// The broker refuses dead letters: until when none is written, and why.
    var lettersDenied: (until: Instant, reason: String)?
    /// The partition that the next batch begins with, so that a full batch starves none.
    var rotation = 0

    /// The wall clock as told: only for times that are shown or kept, never for a wait.
    private var wallLine: WallLine
    var watchdog: Watchdog
    var requestedWake: Instant?
    var effects: [Effect] = []

    struct Revocation {
        var partitions: [Int32]
        var deadline: Instant
    }

    package init(configuration: EngineConfiguration, seed: UInt64, now: Instant) {
        self.configuration = configuration
        generator = SplitMix64(seed: seed)
        membership = Membership(sessionTimeout: configuration.sessionTimeout, now: now)
        admission = configuration.admission
        settlement = Settlement(batchBytes: configuration.batchBytes)
        displacedBackOff = BackOff(
            first: configuration.sessionTimeout,
            longest: max(configuration.sessionTimeout, Limits.longestDisplacement)
        )
        protection = Protection(
            configuration.protection,
            maximumInFlight: configuration.maximumInFlight,
            attemptTimeout: configuration.attemptTimeout,
            now: now
        )
        batchLimit = configuration.maximumBatch
        lastCommit = now
        nextEnds = now
        wallLine = WallLine(at: now)
        watchdog = Watchdog(now: now)
    }

    /// Takes one event, at one moment never earlier than the last one's, and returns what is to be done about it, in order.
    package mutating func handle(_ event: Event, at now: Instant) -> [Effect] {
        handle(CollectionOfOne(event), at: now)
    }

    /// The same for events that came together: what follows from all of them is worked out once.
    package mutating func handle(_ events: some Collection<Event>, at now: Instant) -> [Effect] {
        turn(at: now)
        for event in events { take(event, at: now) }
        if isExcused || events.contains(where: \.isProgress) { watchdog.progressed(at: now) }
        progress(at: now)
        defer { effects.removeAll(keepingCapacity: true) }
        return effects
    }

    /// Whether a byte of this record's request may be written now.
    ///
    /// To be asked at the socket write, after any sleep of the process and before any queued event: a worker that may
    /// have lost the partition must not ask on its behalf, and nobody may ask once the command's time is over.
    package mutating func permits(_ record: RecordID, at now: Instant) -> Bool {
        turn(at: now)
        guard membership.isTrusted, let partition = partition(record.place) else { return false }
        guard let command = partition.commands[record.offset], now < command.end else { return false }
        return partition.dispatches && drain.isRunning
    }

    /// The loop's own turn, before it handles anything: a gap since the last one is a sleep, and a reason for distrust.
    private mutating func turn(at now: Instant) {
        if membership.turned(at: now) { distrusted() }
    }

    private mutating func take(_ event: Event, at now: Instant) {
        switch event {
        case .started: replaceProducer(after: .zero)
        case .assigned(let numbers): assigned(numbers, at: now)
        case .revoked(let numbers): revoked(numbers, at: now)
        case .lost(let numbers): lost(numbers, at: now)
        case .coordinatorHeard(let moment):
            membership.coordinatorHeard(at: moment, now: now)
            if partitions.isEmpty, membership.ownsNothing(at: now) { report(.trusted) }
        case .consumerFailed(let isDisplaced, let reason): consumerFailed(isDisplaced: isDisplaced, reason, at: now)
        case .consumerRecreated: consumerRecreated()
        case .positionsFetched(let place, let positions): positionsFetched(place, positions, at: now)
        case .barrierWritten(let place, let offset): barrierWritten(place, ledgerOffset: offset, at: now)
        case .barrierFailed(let place, let reason): barrierFailed(place, reason, at: now)
        case .restoreHeldUp(let place, let predecessor): restoreHeldUp(place, by: predecessor)
        case .restored(let place, let ledger, let wall):
            told(wall, at: now)
            restored(place, ledger, at: now)
        case .restoreFailed(let place, let reason): restoreFailed(place, reason, at: now)
        case .received(let records, let wall):
            told(wall, at: now)
            received(records, at: now)
        case .reachedEnd(let place, let offset): reachedEnd(place, offset)
        case .partitionUnreadable(let place, let reason): unreadable(place, reason, at: now)
        case .partitionUndecodable(let place, let offset, let next, let reason):
            undecodable(place, offset, from: next, reason, at: now)
        case .endsFetched(let ends): endsFetched(ends, at: now)
        case .outputsLooked(let unwritable): outputsLooked(unwritable, at: now)
        case .batchLimitRead(let bytes): batchLimitRead(bytes)
        case .intentWritten(let id, let ledgerOffset): intentWritten(id, ledgerOffset: ledgerOffset, at: now)
        case .intentFailed(let id, let isPermanent, let reason):
            intentFailed(id, isPermanent: isPermanent, reason: reason, at: now)
        case .intentProducer(let failure): intentProducerFailure = failure
        case .answered(let id, let answer): answered(id, answer, at: now)
        case .partitionsCounted(let count): protection.counted(count, at: now)
        case .keyReplaced: protection.keyReplaced(at: now)
        case .producerReady: producerReady(at: now)
        case .producerFailed(let isLocked, let reason): producerFailed(isLocked: isLocked, reason)
        case .committed(let id, let ledgerOffsets): committed(id, ledgerOffsets: ledgerOffsets, at: now)
        case .commitAborted(let id, let cause, let faults, let isProducerLost, let reason):
            let end = Abort(cause: cause, faults: faults, isProducerLost: isProducerLost, reason: reason)
            commitAborted(id, end, at: now)
        case .commitUnknown(let id, let isFenced, let reason):
            commitUnknown(id, isFenced: isFenced, reason: reason, at: now)
        case .commitResolved(let id, let found): commitResolved(id, found, at: now)
        case .timeReached(let wall):
            told(wall, at: now)
            forget(at: now)
            renewBarriers(at: now)
        case .drainRequested: drainRequested(at: now)
        }
    }

    /// What follows from the time alone, and from whatever the event changed.
    ///
    /// Every event ends here, so no wait depends on somebody remembering it.
    private mutating func progress(at now: Instant) {
        retryRestores(at: now)
        retryReading(at: now)
        watchReading(at: now)
        unpark(at: now)
        if let open = settlement.timeReached(now) { resolve(open, at: now) }
        while let command = backOffs.popDue(at: now) { backOffEnded(command, at: now) }
        expire(at: now)
        endWaits(at: now)
        dispatch(at: now)
        formBatchIfDue(at: now)
        releaseIfSettled(at: now)
        if drain.progressed(isIdle: isDrained, at: now) { stop() }
        scheduleWake(at: now)
    }

    // MARK: Time

    private mutating func told(_ wall: WallTime, at now: Instant) { wallLine.told(wall, at: now) }

    func wall(at now: Instant) -> WallTime { wallLine.time(at: now) }

    private mutating func expire(at now: Instant) {
        while let command = ready.popExpired(at: now) {
            guard let partition = partition(command.record.id.place), partition.dispatches else { continue }
            concludeTooLate(command, partition, at: now)
        }
    }

    /// On the clock's turns only: it looks at every partition, and nobody waits for it.
    private mutating func forget(at now: Instant) {
        let wall = wall(at: now)
        for partition in partitions.values where partition.isRestored {
            _ = partition.ledger.expire(
                at: wall,
                committed: partition.progress.committed,
                limit: Limits.forgottenPerTurn
            )
        }
    }

    private mutating func scheduleWake(at now: Instant) {
        var wake = now + membership.heartbeat
        func consider(_ moment: Instant?) { if let moment { wake = min(wake, max(moment, now)) } }
        if drain.isRunning {
            consider(ready.nextDeadline)
            consider(ready.nextWaitEnd)
            consider(nextDispatch)
        }
        consider(backOffs.nextDue)
        if drain.isRunning, !partitions.isEmpty { consider(nextEnds) }
        consider(settlement.nextWake)
        consider(revocation?.deadline)
        consider(drain.deadline)
        if settlement.canForm(at: now) { consider(nextSettling(at: now)) }
        for partition in partitions.values {
            if case .retrying(let at) = partition.phase { consider(at) }
            consider(partition.parking?.until)
            consider(partition.unreadable?.until)
        }
        if let requestedWake, requestedWake > now, requestedWake <= wake { return }
        requestedWake = wake
        effects.append(.wake(at: wake))
    }

    // MARK: Lookup and reports

    func partition(_ place: PartitionEpoch) -> Partition? {
        guard let partition = partitions[place.partition], partition.place == place else { return nil }
        return partition
    }

    /// Ascending by number: what a dictionary's order decided could not be repeated.
    func owned(where isMeant: (Partition) -> Bool) -> [Partition] {
        partitions.values.filter(isMeant).sorted { $0.place.partition < $1.place.partition }
    }

    mutating func report(_ fact: Fact) { effects.append(.report(fact)) }

    mutating func report(_ fact: Fact? = nil, then effect: Effect) {
        if let fact { effects.append(.report(fact)) }
        effects.append(effect)
    }

    mutating func distrusted() {
        if let cause = membership.cause { report(.distrusted(cause)) }
    }
}
