import OTPContract

// An owned partition is read, or the worker knows that it is not, says so, and fixes it.
extension Engine {
    /// Asks where partitions end that should be read and of which nothing says that they are.
    mutating func watchReading(at now: Instant) {
        guard now >= nextEnds, drain.isRunning else { return }
        nextEnds = now + Limits.endsInterval
        let places = owned(where: { $0.phase == .active && $0.pauses.isEmpty }).map(\.place)
        if !places.isEmpty { effects.append(.fetchEnds(places, timeout: Limits.endsInterval)) }
    }

    mutating func endsFetched(_ ends: [PartitionEpoch: Int64], at now: Instant) {
        for partition in owned(where: { ends[$0.place] != nil }) {
            guard let end = ends[partition.place] else { continue }
            // While a revocation is unanswered the client pauses everything that it reads.
            guard partition.phase == .active, partition.pauses.isEmpty, revocation == nil else {
                moved(partition)
                continue
            }
            switch partition.reading.told(end: end, position: partition.progress.next, at: now) {
            case nil: break
            case .revive(let silence):
                reportStalled(partition, end: end, for: silence)
                effects.append(.resume(partition.place, offset: readingPosition(of: partition)))
            case .replaceConsumer(let silence):
                reportStalled(partition, end: end, for: silence)
                consumerFailed(isDisplaced: false, "partition \(partition.place.partition) is not read", at: now)
                return
            }
        }
    }

    private mutating func reportStalled(_ partition: Partition, end: Int64, for silence: Duration) {
        let position = partition.progress.next
        report(.readingStalled(partition.place.partition, position: position, end: end, for: silence))
    }

    /// The partition is read, or is not meant to be for now.
    mutating func moved(_ partition: Partition) {
        if partition.reading.moved() { report(.readingResumed(partition.place.partition)) }
    }

    private func readingPosition(of partition: Partition) -> Int64 {
        partition.passage?.position ?? partition.progress.next
    }

    // MARK: What cannot be read

    /// What is not there stops the reading of its own partition, and nothing else.
    mutating func unreadable(_ place: PartitionEpoch, _ reason: String, at now: Instant) {
        guard let partition = partition(place), partition.phase == .active, partition.unreadable == nil else { return }
        stopReading(partition, for: partition.readingBackOff.failed(), reason, at: now)
    }

    /// What cannot be decoded is tried again, and then passed over.
    mutating func undecodable(
        _ place: PartitionEpoch,
        _ offset: Int64?,
        from next: Int64,
        _ reason: String,
        at now: Instant
    ) {
        guard let partition = partition(place), partition.phase == .active, partition.unreadable == nil else { return }
        let position = max(offset ?? .min, partition.held.last.map { $0.id.offset + 1 } ?? partition.progress.next)
        if partition.passage == nil {
            partition.passage = Passage(at: position)
        } else if partition.passage?.failed(at: offset, from: next) == true {
            effects.append(.resume(place, offset: readingPosition(of: partition)))
            if !partition.pauses.isEmpty { effects.append(.pause([place])) }
            return
        }
        stopReading(partition, for: Limits.firstRetry, reason, at: now)
    }

    private mutating func stopReading(_ partition: Partition, for wait: Duration, _ reason: String, at now: Instant) {
        partition.unreadable = .init(until: now + wait, reason: reason)
        pause(partition, for: .unreadable)
        report(.parked(partition.place.partition, reason: reason))
    }

    /// Reading stopped by itself, so going on takes an offset.
    private mutating func readAgain(_ partition: Partition) {
        partition.unreadable = nil
        effects.append(.resume(partition.place, offset: readingPosition(of: partition)))
        partition.pauses.remove(.unreadable)
        if !partition.pauses.isEmpty { effects.append(.pause([partition.place])) }
        report(.unparked(partition.place.partition))
    }

    /// Something was read at `offset`: what could not be decoded ended before it.
    ///
    /// This is where one result per command ends: nobody can tell what the records said, nor how many there were.
    mutating func passed(_ partition: Partition, at offset: Int64) {
        guard let passage = partition.passage else { return }
        partition.passage = nil
        guard passage.position > passage.start, offset > passage.start else { return }
        partition.skipped.append(passage.start..<offset)
        report(.steppedOver(partition.place.partition, from: passage.start, to: offset))
    }

    mutating func retryReading(at now: Instant) {
        for partition in owned(where: { $0.unreadable.map { now >= $0.until } ?? false }) { readAgain(partition) }
    }
}
