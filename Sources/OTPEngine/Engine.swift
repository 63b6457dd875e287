import OTPContract

/// Every decision of the worker, as one deterministic machine: it takes what happened and when, and returns what is to
/// be done.
///
/// It does no I/O, reads no clock, starts no thread, logs nothing and draws no randomness but from the generator it was
/// given.
///
/// Each part owns its own state and says what came of an event; what one part's news means for the others is said in extensions, which
/// lie in the folders of the parts and read in the order in which a command travels: `Group` (assigned, given back), `Ledger`
/// (restored), `Partition` (read), `Intake` (received, decided, concluded), `Dispatch` (intent, call, answer, retry), `Commit` (one
/// transaction at a time). It cannot be copied, so its records may be references.
package struct Engine: ~Copyable {
    let configuration: EngineConfiguration

    /// Whether this process may speak for its partitions, and what the group asks of it.
    var group: Group
    /// What it owns: each with its life, its commands, its ledger and its outputs.
    var partitions: Partitions
    /// How much is in memory.
    var intake: Intake
    /// Whose turn it is to be asked about.
    var dispatch = Dispatch()
    /// Whether the upstream may be asked.
    var protection: Protection
    /// The transaction.
    var committing: Committing

    /// The wall clock as told: only for times that are shown or kept, never for a wait.
    private var wallLine: WallLine
    var watchdog: Watchdog
    var scrubber = MessageScrubber()
    private var requestedWake: Instant?
    var effects: [Effect] = []

    package init(configuration: EngineConfiguration, seed: UInt64, now: Instant) {
        self.configuration = configuration
        group = Group(sessionTimeout: configuration.sessionTimeout, now: now)
        partitions = Partitions(now: now)
        intake = Intake(configuration.admission)
        protection = Protection(configuration, seed: seed, now: now)
        committing = Committing(
            batchBytes: configuration.batchBytes,
            maximumBatch: configuration.maximumBatch,
            interval: configuration.commitInterval,
            now: now
        )
        wallLine = WallLine(at: now)
        watchdog = Watchdog(now: now)
    }

    /// Handles one event, at one moment never earlier than the last one's, and returns what is to be done about it, in order.
    package mutating func handle(_ event: Event, at now: Instant) -> [Effect] { handle([event], at: now) }

    /// The same for events that came together: what follows from all of them is worked out once.
    package mutating func handle(_ events: [Event], at now: Instant) -> [Effect] {
        var effects: [Effect] = []
        handle(events, at: now, into: &effects)
        return effects
    }

    /// The same, appended to a list whose room is used again and again.
    package mutating func handle(_ events: [Event], at now: Instant, into list: inout [Effect]) {
        // What was found out between two turns comes first.
        list += effects
        effects.removeAll(keepingCapacity: true)
        swap(&effects, &list)
        turn(at: now)
        for event in events { apply(event, at: now) }
        if events.contains(where: \.isProgress) || isExcused { watchdog.progressed(at: now) }
        progress(at: now)
        swap(&effects, &list)
    }

    /// Whether a byte of this record's request may be written now.
    ///
    /// To be asked at the socket write, after any sleep of the process and before any queued event: a worker that may
    /// have lost the partition must not ask on its behalf, and nobody may ask once the command's time is over.
    package mutating func permits(_ record: RecordID, at now: Instant) -> Bool {
        turn(at: now)
        guard group.isLeaseValid, let partition = partitions[record.epoch] else { return false }
        guard let command = partition[record.offset], now < command.end else { return false }
        return partition.dispatches && group.isRunning
    }

    /// The loop's own turn, before it handles anything: a long gap since the last one is a sleep, which loses the lease.
    private mutating func turn(at now: Instant) {
        report(ifAny: group.turned(at: now))
    }

    private mutating func apply(_ event: Event, at now: Instant) {
        switch event {
        case .started: effects.append(committing.replacement(after: .zero))
        case .assigned(let numbers): assigned(numbers, at: now)
        case .revoked(let numbers): revoked(numbers, at: now)
        case .lost(let numbers): lost(numbers, at: now)
        case .coordinatorHeard(let moment):
            report(ifAny: group.coordinatorHeard(at: moment, ownsNothing: partitions.isEmpty, now: now))
        case .consumerFailed(let isDisplaced, let reason): consumerFailed(isDisplaced: isDisplaced, reason, at: now)
        case .consumerRecreated: consumerRecreated()
        case .positionsFetched(let epoch, let positions): positionsFetched(epoch, positions, at: now)
        case .barrierWritten(let epoch, let offset): barrierWritten(epoch, ledgerOffset: offset, at: now)
        case .barrierFailed(let epoch, let reason): barrierFailed(epoch, reason, at: now)
        case .restoreHeldUp(let epoch, let predecessor): restoreHeldUp(epoch, by: predecessor)
        case .restored(let epoch, let ledger, let wall):
            wallLine.told(wall, at: now)
            restored(epoch, ledger, at: now)
        case .restoreFailed(let epoch, let reason): restoreFailed(epoch, reason, at: now)
        case .received(let records, let wall):
            wallLine.told(wall, at: now)
            received(records, at: now)
        case .reachedEnd(let epoch, let offset): reachedEnd(epoch, offset)
        case .partitionUnreadable(let epoch, let reason): unreadable(epoch, reason, at: now)
        case .partitionUndecodable(let epoch, let offset, let next, let reason):
            undecodable(epoch, offset, from: next, reason, at: now)
        case .endsFetched(let ends): endsFetched(ends, at: now)
        case .outputsLooked(let unwritable): outputsLooked(unwritable, at: now)
        case .batchLimitRead(let bytes): batchLimitRead(bytes)
        case .intentWritten(let id, let ledgerOffset): intentWritten(id, ledgerOffset: ledgerOffset, at: now)
        case .intentFailed(let id, let isPermanent, let reason):
            intentFailed(id, isPermanent: isPermanent, reason: reason, at: now)
        case .intentProducer(let failure): committing.intentProducer(failure: failure)
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
            wallLine.told(wall, at: now)
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
        if let open = committing.timeReached(now) { resolve(open, at: now) }
        while let command = dispatch.popRested(at: now) { backOffEnded(command, at: now) }
        expire(at: now)
        endWaits(at: now)
        fillSlots(at: now)
        formBatchIfDue(at: now)
        releaseIfFinished(at: now)
        if !group.isRunning, group.drainProgressed(isIdle: isDrained, at: now) { stop() }
        scheduleWake(at: now)
    }

    /// The wall clock's time, as it was told last and goes on since.
    func wall(at now: Instant) -> WallTime { wallLine.time(at: now) }

    private mutating func scheduleWake(at now: Instant) {
        let wake = nextWake(at: now)
        if let requestedWake, requestedWake > now, requestedWake <= wake { return }
        requestedWake = wake
        effects.append(.wake(at: wake))
    }

    // MARK: Reports

    mutating func report(_ fact: Fact) { effects.append(.report(fact)) }

    mutating func report(ifAny fact: Fact?) {
        if let fact { report(fact) }
    }

    mutating func report(_ fact: Fact, then effect: Effect) {
        report(fact)
        effects.append(effect)
    }
}
