import OTPContract

// An owned partition is read, or the worker knows that it is not, says so, and fixes it.
extension Engine {
    // MARK: Pausing

    mutating func pause(_ partition: Partition, for reason: PartitionReading.Pauses) {
        guard partition.isRestored else { return }
        if partition.reading.paused(for: reason) { effects.append(.pause([partition.epoch])) }
        moved(partition)
    }

    mutating func unpause(_ partition: Partition, for reason: PartitionReading.Pauses) {
        if partition.reading.unpaused(for: reason) { effects.append(.unpause([partition.epoch])) }
    }

    // MARK: What is not read

    /// Asks where partitions end that should be read and of which nothing says that they are.
    mutating func watchReading(at now: Instant) {
        guard group.isRunning else { return }
        let epochs = partitions.endsDue(at: now)
        if !epochs.isEmpty { effects.append(.fetchEnds(epochs, timeout: Limits.endsInterval)) }
    }

    mutating func endsFetched(_ ends: [PartitionEpoch: Int64], at now: Instant) {
        for partition in partitions.inOrder(where: { ends[$0.epoch] != nil }) {
            guard let end = ends[partition.epoch] else { continue }
            // While a revocation is unanswered the client pauses everything that it reads.
            guard partition.isActive, partition.reading.isMeantToBeRead, group.revocation == nil else {
                moved(partition)
                continue
            }
            switch partition.reading.told(end: end, position: partition.progress.next, at: now) {
            case nil: break
            case .revive(let silence):
                reportStalled(partition, end: end, for: silence)
                effects.append(.resume(partition.epoch, offset: partition.position))
            case .replaceConsumer(let silence):
                reportStalled(partition, end: end, for: silence)
                consumerFailed(isDisplaced: false, "partition \(partition.epoch.partition) is not read", at: now)
                return
            }
        }
    }

    private mutating func reportStalled(_ partition: Partition, end: Int64, for silence: Duration) {
        let position = partition.progress.next
        report(.readingStalled(partition.epoch.partition, position: position, end: end, for: silence))
    }

    /// The partition is read, or is not meant to be for now.
    mutating func moved(_ partition: Partition) {
        if partition.reading.moved() { report(.readingResumed(partition.epoch.partition)) }
    }

    // MARK: What cannot be read

    /// What is not there stops the reading of its own partition, and nothing else.
    mutating func unreadable(_ epoch: PartitionEpoch, _ reason: String, at now: Instant) {
        guard let partition = partitions[epoch], partition.isActive, partition.reading.unreadable == nil else { return }
        stopReading(partition, for: partition.reading.unreadableWait(), reason, at: now)
    }

    /// What cannot be decoded is tried again, and then passed over.
    mutating func undecodable(
        _ epoch: PartitionEpoch,
        _ offset: Int64?,
        from next: Int64,
        _ reason: String,
        at now: Instant
    ) {
        guard let partition = partitions[epoch], partition.isActive, partition.reading.unreadable == nil else { return }
        let position = partition.reading.heldThrough ?? partition.progress.next
        if partition.reading.undecodable(at: offset, from: next, position: position) {
            effects.append(.resume(epoch, offset: partition.position))
            if !partition.reading.isMeantToBeRead { effects.append(.pause([epoch])) }
        } else {
            stopReading(partition, for: Limits.firstRetry, reason, at: now)
        }
    }

    private mutating func stopReading(_ partition: Partition, for wait: Duration, _ reason: String, at now: Instant) {
        partition.reading.stopped(until: now + wait, reason: reason)
        pause(partition, for: .unreadable)
        report(.parked(partition.epoch.partition, reason: reason))
    }

    /// Reading stopped by itself, so going on takes an offset.
    private mutating func readAgain(_ partition: Partition) {
        effects.append(.resume(partition.epoch, offset: partition.position))
        partition.reading.goesOn()
        if !partition.reading.isMeantToBeRead { effects.append(.pause([partition.epoch])) }
        report(.unparked(partition.epoch.partition))
    }

    /// Something was read at `offset`: what could not be decoded ended before it.
    ///
    /// This is where one result per command ends: nobody can tell what the records said, nor how many there were. What an earlier owner
    /// has passed over before is owed no second letter, and the end of this one's transaction could not be told by it.
    mutating func passed(_ partition: Partition, at offset: Int64) {
        guard let passed = partition.reading.passed(at: offset),
            let range = partition.progress.unfinished(in: passed)
        else { return }
        partition.uncommitted.passedOver(range)
        report(.steppedOver(partition.epoch.partition, from: range.lowerBound, to: range.upperBound))
    }

    mutating func retryReading(at now: Instant) {
        for partition in partitions.inOrder(where: { $0.reading.unreadable.map { now >= $0.until } ?? false }) {
            readAgain(partition)
        }
    }
}
