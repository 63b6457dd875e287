import OTPContract

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
            looked(partition, at: now)
            places.append(partition.place)
        }
        ownershipChanged(at: now)
        effects.append(.assign(places))
        effects.append(.fetchPositions(places, timeout: configuration.restoreTimeout))
    }

    // MARK: Giving back

    mutating func revoked(_ numbers: [Int32], at now: Instant) {
        report(.revoked(numbers))
        // One answer gives back all that was asked for, so what is unanswered stays in it.
        revocation = Revocation(
            partitions: (revocation?.partitions ?? []) + numbers,
            deadline: revocation?.deadline ?? now + configuration.settleTimeout
        )
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
        guard partition.isWritable else { return partition.inFlight == 0 }
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
        var (commands, bytes) = (0, 0)
        for number in numbers {
            guard let partition = partitions.removeValue(forKey: number) else { continue }
            unconcluded -= partition.commands.values.count { $0.conclusion == nil }
            commands += partition.commands.count
            bytes += partition.commands.values.reduce(0) { $0 + $1.record.bytes }
        }
        finishedInMemory(commands, bytes: bytes)
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
        // Anyone who holds our instance id may hold our transactional id as well.
        guard settlement.producerAbandoned() else { return }
        replaceProducer(after: isDisplaced ? wait : producerBackOff.failed())
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
        moved(partition)
    }

    mutating func unpause(_ partition: Partition, for reason: Partition.Pauses) {
        guard partition.pauses.contains(reason) else { return }
        partition.pauses.remove(reason)
        if partition.pauses.isEmpty { effects.append(.unpause([partition.place])) }
    }

    mutating func finishedInMemory(_ count: Int, bytes: Int) {
        guard admission.finished(count, bytes: bytes) == .open else { return }
        report(.intakeOpened)
        for partition in owned(where: \.isRestored) { unpause(partition, for: .admission) }
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
