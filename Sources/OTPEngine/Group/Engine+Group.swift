import OTPContract

// The group gives partitions and takes them away. A partition is taken over paused, restored, and only then read.
extension Engine {
    mutating func assigned(_ numbers: [Int32], at now: Instant) {
        report(.assigned(numbers))
        // The group has taken us in: an idle worker has no commit to tell it by.
        group.joined()
        var epochs: [PartitionEpoch] = []
        for number in numbers {
            drop([number])
            let partition = partitions.assigned(number, at: now)
            looked(partition, at: now)
            epochs.append(partition.epoch)
        }
        ownershipChanged(at: now)
        effects.append(.assign(epochs))
        effects.append(.fetchPositions(epochs, timeout: configuration.restoreTimeout))
    }

    // MARK: Giving back

    mutating func revoked(_ numbers: [Int32], at now: Instant) {
        report(.revoked(numbers))
        group.revoked(numbers, at: now, timeout: configuration.revokeTimeout)
        for number in numbers {
            guard let partition = partitions[number] else { continue }
            if partition.life.revoked() { leave(partition) } else { drop([number]) }
        }
        ownershipChanged(at: now)
    }

    /// The partition is given back soon: nothing new begins, and what sleeps is left to the next owner.
    private mutating func leave(_ partition: Partition) {
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
    func abandon(_ command: Command, _ partition: Partition) {
        guard command.abandoned(), let session = command.session else { return }
        partition.uncommitted.abandoned(command, of: session)
    }

    mutating func releaseIfFinished(at now: Instant) {
        guard let revocation = group.revocation else { return }
        let owned = revocation.partitions.compactMap { partitions[$0] }
        let areFinished = owned.allSatisfy { !$0.isRestored || isFinished($0) }
        guard areFinished || isTimeUp(for: revocation, owned, at: now) else { return }
        group.released()
        let unfinished = owned.reduce(0) { $0 + leftOver(of: $1) }
        drop(revocation.partitions)
        report(.released(revocation.partitions, unfinished: unfinished), then: .release(revocation.partitions))
    }

    /// What is in a transaction would be refused with it once the partition is given back, and asked about again.
    private func isTimeUp(for revocation: Group.Revocation, _ owned: [Partition], at now: Instant) -> Bool {
        guard now < revocation.latest else { return true }
        return now >= revocation.deadline && !owned.contains { $0.isWritable && isInOpenBatch($0.epoch) }
    }

    private func isFinished(_ partition: Partition) -> Bool {
        guard partition.isWritable else { return partition.calls.inFlight == 0 }
        return partition.unfinished == 0 && partition.uncommitted.voids.isEmpty && !isInOpenBatch(partition.epoch)
    }

    /// What of it is under way, waits for a transaction, or is in one that has not ended.
    private func leftOver(of partition: Partition) -> Int {
        let open = committing.transaction.unended?.shares[partition.epoch]
        return partition.unfinished + partition.uncommitted.voids.count
            + (open.map { $0.offsets.count + $0.voids.count } ?? 0)
    }

    private func isInOpenBatch(_ epoch: PartitionEpoch) -> Bool {
        committing.transaction.unended?.shares[epoch] != nil
    }

    mutating func lost(_ numbers: [Int32], at now: Instant) {
        report(.lost(numbers))
        drop(numbers)
        ownershipChanged(at: now)
        if let revocation = group.revocation, revocation.partitions.allSatisfy({ partitions[$0] == nil }) {
            group.released()
        }
        effects.append(.release(numbers))
    }

    /// Forgets partitions and all their work.
    ///
    /// What is under way for them will be answered to nobody.
    private mutating func drop(_ numbers: [Int32]) {
        var dropped: [Partition] = []
        for number in numbers { partitions.dropped(number).map { dropped.append($0) } }
        intakeChanged(intake.dropped(dropped))
    }

    // MARK: The consumer itself

    mutating func consumerFailed(isDisplaced: Bool, _ reason: String, at now: Instant) {
        let wait = group.consumerFailed(isDisplaced: isDisplaced, reason: reason)
        report(.consumerFailed(reason: reason))
        drop(partitions.numbers)
        ownershipChanged(at: now)
        effects.append(.recreateConsumer(after: wait))
        // Anyone who holds our instance id may hold our transactional id as well.
        if let replacement = committing.abandoned(for: isDisplaced ? wait : nil) { effects.append(replacement) }
    }

    mutating func consumerRecreated() {
        group.consumerRecreated()
        subscribeIfReady()
    }

    mutating func subscribeIfReady() {
        if committing.transaction.hasProducer, group.producerIsThere() { effects.append(.subscribe) }
    }

    // MARK: The way out

    mutating func drainRequested(at now: Instant) {
        guard group.drainRequested(at: now, timeout: configuration.drainTimeout) else { return }
        report(.draining)
        for partition in partitions.inOrder(where: \.isRestored) { leave(partition) }
    }

    var isDrained: Bool {
        committing.transaction.isIdle && partitions.all.allSatisfy { !$0.isRestored || isFinished($0) }
    }

    mutating func stop() {
        let unfinished = partitions.all.reduce(0) { $0 + leftOver(of: $1) }
        report(.stopped(unfinished: unfinished), then: .stop)
    }
}
