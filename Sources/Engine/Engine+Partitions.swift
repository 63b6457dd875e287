import Contract

// The group gives partitions and takes them away. A partition is taken over paused, restored, and only then read.
extension Engine {
    mutating func assigned(_ numbers: [Int32], at now: Instant) {
        report(.assigned(numbers))
        // The group has taken us in: an idle worker has no commit to tell it by.
        consumerFailure = nil
        var places: [PartitionEpoch] = []
        for number in numbers {
            drop([number])
            let partition = Partition(place: PartitionEpoch(partition: number, epoch: nextEpoch), now: now)
            nextEpoch += 1
            partitions[number] = partition
            places.append(partition.place)
        }
        ownershipChanged(at: now)
        effects.append(.assign(places))
        effects.append(.fetchPositions(places, timeout: configuration.restoreTimeout))
    }

    mutating func positionsFetched(_ place: PartitionEpoch, _ positions: Positions) {
        guard let partition = partition(place), partition.phase == .positioning else { return }
        partition.positions = positions
        partition.metadata = positions.metadata.flatMap { OffsetMetadata($0) }.flatMap {
            // An offset that a tool moved, or that was mirrored from another cluster, has no metadata that fits it.
            $0.watermark == positions.committed && $0.clusterID == configuration.clusterID ? $0 : nil
        }
        partition.phase = .measuring
        // Only now: what a dead owner committed last is before the end that is read from here on.
        effects.append(.fetchLedgerEnd(place, timeout: configuration.restoreTimeout))
    }

    mutating func ledgerEndFetched(_ place: PartitionEpoch, start: Int64, end: Int64, at now: Instant) {
        guard let partition = partition(place), partition.phase == .measuring else { return }
        let recorded = partition.metadata?.ledgerOffset
        if let recorded, recorded > end {
            let accepts = configuration.acceptLedgerLoss
            report(.ledgerRecreated(place.partition, recorded: recorded, end: end, accepted: accepts))
        }
        switch LedgerRestore.Plan(
            recorded: recorded,
            start: start,
            end: end,
            acceptsLoss: configuration.acceptLedgerLoss
        )
        {
        case .recreated: restoreFailed(place, "the ledger was recreated", at: now)
        case .read(let from, let to):
            partition.phase = .reading
            partition.newestLedgerOffset = to
            report(
                .restoring(place.partition, from: from, to: to),
                then: .readLedger(
                    place,
                    from: from,
                    to: to,
                    horizon: .init(
                        retention: configuration.memory,
                        committed: partition.positions.committed ?? partition.positions.earliest
                    ),
                    timeout: configuration.restoreTimeout
                )
            )
        }
    }

    mutating func restored(_ place: PartitionEpoch, _ ledger: SessionLedger, at now: Instant) {
        guard let partition = partition(place), partition.phase == .reading else { return }
        let positions = partition.positions
        let committed = positions.committed ?? positions.earliest
        partition.ledger = ledger
        partition.progress = PartitionProgress(committed: committed, finished: partition.metadata?.finished ?? [])
        if committed < positions.earliest {
            report(.commandsMissed(place.partition, count: positions.earliest - committed))
            _ = partition.progress.reachedEnd(positions.earliest)
        }
        partition.phase = .active
        partition.restoreBackOff.succeeded()
        report(
            .restored(
                place.partition,
                sessions: ledger.count,
                after: now - partition.restoreBegan,
                offset: partition.progress.next,
                withoutMetadata: partition.metadata == nil
            ),
            then: .resume(place, offset: partition.progress.next)
        )
        if admission.isClosed { pause(partition, for: .admission) }
        if !drain.isRunning { pause(partition, for: .leaving) }
    }

    mutating func restoreFailed(_ place: PartitionEpoch, _ reason: String, at now: Instant) {
        guard let partition = partition(place), !partition.isRestored else { return }
        partition.phase = .retrying(at: now + partition.restoreBackOff.failed())
        report(.restoreFailed(place.partition, reason: reason))
    }

    mutating func retryRestores(at now: Instant) {
        for partition in owned(where: { $0.retries(at: now) }) {
            partition.phase = .positioning
            effects.append(.fetchPositions([partition.place], timeout: configuration.restoreTimeout))
        }
    }

    // MARK: Giving back

    mutating func revoked(_ numbers: [Int32], at now: Instant) {
        report(.revoked(numbers))
        revocation = Revocation(partitions: numbers, deadline: now + configuration.settleTimeout)
        for number in numbers {
            guard let partition = partitions[number] else { continue }
            // One still being restored has nothing to settle, and must not begin.
            guard partition.isRestored else {
                drop([number])
                continue
            }
            partition.phase = .revoking
            leave(partition)
        }
        ownershipChanged(at: now)
    }

    /// The partition is given back soon: nothing new begins, and what sleeps is left to the next owner.
    mutating func leave(_ partition: Partition) {
        pause(partition, for: .leaving)
        for command in partition.inOrder(where: { _ in true }) {
            switch command.state {
            case .ready, .backingOff: abandon(command, partition)
            case .queued, .writingIntent, .calling, .abandoned, .concluded, .batched: break
            }
        }
    }

    /// Leaves a command to the next owner.
    ///
    /// If nothing about it is in doubt its intent is voided, in the next transaction.
    mutating func abandon(_ command: Command, _ partition: Partition) {
        command.state = .abandoned
        guard command.hasIntent, !command.isAskedAgain, !command.hasLostAnswer,
            let session = command.session
        else { return }
        partition.voids.append(command)
        partition.tombstones[session, default: 0] += 1
    }

    mutating func releaseIfSettled(at now: Instant) {
        guard let revocation else { return }
        let owned = revocation.partitions.compactMap { partitions[$0] }
        let areSettled = owned.allSatisfy { !$0.isRestored || isSettled($0) }
        guard areSettled || now >= revocation.deadline else { return }
        self.revocation = nil
        let unsettled = owned.reduce(0) { $0 + $1.inFlight + $1.concluded.count }
        drop(revocation.partitions)
        report(.released(revocation.partitions, unsettled: unsettled), then: .release(revocation.partitions))
    }

    func isSettled(_ partition: Partition) -> Bool {
        guard partition.parking == nil else { return partition.inFlight == 0 }
        return partition.inFlight == 0 && partition.concluded.isEmpty && partition.voids.isEmpty
            && !isInOpenBatch(partition.place)
    }

    mutating func lost(_ numbers: [Int32], at now: Instant) {
        report(.lost(numbers))
        drop(numbers)
        ownershipChanged(at: now)
        if let revocation, revocation.partitions.allSatisfy({ partitions[$0] == nil }) { self.revocation = nil }
        effects.append(.release(numbers))
    }

    /// Forgets partitions and all their work, all at once: intake is not reopened for one that goes with the others.
    ///
    /// What is under way for them will be answered to nobody.
    private mutating func drop(_ numbers: [Int32]) {
        var commands = 0
        for number in numbers {
            guard let partition = partitions.removeValue(forKey: number) else { continue }
            unconcluded -= partition.commands.values.count { $0.conclusion == nil }
            commands += partition.commands.count
        }
        finishedInMemory(commands)
    }

    // MARK: The consumer itself

    mutating func consumerFailed(isDisplaced: Bool, _ reason: String, at now: Instant) {
        consumerFailure = reason
        membership.consumerReplaced()
        report(.consumerFailed(reason: reason))
        drop(partitions.keys.sorted())
        ownershipChanged(at: now)
        revocation = nil
        let wait = isDisplaced ? displacedBackOff.failed() : consumerBackOff.failed()
        effects.append(.recreateConsumer(after: wait))
        // Whoever holds our instance id may hold our transactional id as well.
        guard settlement.producerAbandoned() else { return }
        effects.append(.replaceProducer(after: isDisplaced ? wait : producerBackOff.failed()))
    }

    mutating func consumerRecreated() {
        isSubscribed = false
        subscribeIfReady()
    }

    mutating func subscribeIfReady() {
        guard settlement.hasProducer, !isSubscribed, drain.isRunning else { return }
        isSubscribed = true
        effects.append(.subscribe)
    }

    // MARK: Pausing

    mutating func pause(_ partition: Partition, for reason: Partition.Pauses) {
        guard partition.isRestored else { return }
        let wasPaused = !partition.pauses.isEmpty
        partition.pauses.insert(reason)
        if !wasPaused { effects.append(.pause([partition.place])) }
    }

    mutating func unpause(_ partition: Partition, for reason: Partition.Pauses) {
        guard partition.pauses.contains(reason) else { return }
        partition.pauses.remove(reason)
        if partition.pauses.isEmpty { effects.append(.unpause([partition.place])) }
    }

    mutating func finishedInMemory(_ count: Int) {
        guard admission.finished(count) == .open else { return }
        report(.intakeOpened)
        for partition in owned(where: \.isRestored) { unpause(partition, for: .admission) }
    }

    mutating func park(_ partition: Partition, reason: String, at now: Instant) {
        guard partition.parking == nil else { return }
        partition.parking = .init(until: now + partition.parkingBackOff.failed(), reason: reason)
        pause(partition, for: .parked)
        report(.parked(partition.place.partition, reason: reason))
    }

    /// An offset that is not there stops the reading of its own partition, and nothing else.
    mutating func unreadable(_ place: PartitionEpoch, _ reason: String, at now: Instant) {
        guard let partition = partition(place), partition.phase == .active, partition.unreadable == nil else { return }
        partition.unreadable = .init(until: now + partition.readingBackOff.failed(), reason: reason)
        pause(partition, for: .unreadable)
        report(.parked(partition.place.partition, reason: reason))
    }

    /// Reading stopped by itself, so going on takes an offset.
    private mutating func readAgain(_ partition: Partition) {
        partition.unreadable = nil
        effects.append(.resume(partition.place, offset: partition.progress.next))
        partition.pauses.remove(.unreadable)
        if !partition.pauses.isEmpty { effects.append(.pause([partition.place])) }
        report(.unparked(partition.place.partition))
    }

    mutating func unpark(at now: Instant) {
        for partition in owned(where: { $0.unreadable.map { now >= $0.until } ?? false }) { readAgain(partition) }
        for partition in owned(where: { $0.parking.map { now >= $0.until } ?? false }) {
            partition.parking = nil
            unpause(partition, for: .parked)
            report(.unparked(partition.place.partition))
            // Nothing else may ever conclude to remind anybody of the outcomes that waited.
            if !partition.concluded.isEmpty, oldestConclusion == nil { oldestConclusion = now }
            // Commands that came to the front meanwhile were passed over.
            for command in partition.inOrder(where: { $0.state == .ready }) { ready.push(command, at: now) }
        }
    }

    // MARK: The way out

    mutating func drainRequested(at now: Instant) {
        guard drain.requested(at: now, timeout: configuration.drainTimeout) else { return }
        report(.draining)
        for partition in owned(where: \.isRestored) { leave(partition) }
    }

    var isDrained: Bool {
        settlement.isIdle && partitions.values.allSatisfy { !$0.isRestored || isSettled($0) }
    }

    mutating func stop() {
        let unfinished = partitions.values.reduce(0) { $0 + $1.inFlight + $1.concluded.count }
        report(.stopped(unfinished: unfinished), then: .stop)
    }
}
