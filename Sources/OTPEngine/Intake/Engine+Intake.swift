import OTPContract

// A command arrives, is admitted, and waits for its turn in its session.
extension Engine {
    mutating func received(_ records: [ReceivedRecord], at now: Instant) {
        var ignored = 0
        for record in records {
            guard let partition = partitions[record.id.epoch], isWorking(partition) else {
                ignored += 1
                continue
            }
            if partition.reading.isHolding {
                hold(record, partition)
            } else if !accept(record, partition, at: now) {
                ignored += 1
            }
        }
        if ignored > 0 { report(.ignored(count: ignored)) }
    }

    /// A partition that is being given back finishes what is under way and begins nothing.
    func isWorking(_ partition: Partition) -> Bool { partition.isActive && group.isRunning }

    mutating func reachedEnd(_ epoch: PartitionEpoch, _ offset: Int64) {
        // Anyone who ignores records must not believe that what lies below the end was handled.
        guard let partition = partitions[epoch], isWorking(partition) else { return }
        passed(partition, at: offset)
        defer { moved(partition) }
        // What is held lies below the end: the end is reached when it has been taken.
        if partition.reading.isHolding || !partition.progress.reachedEnd(offset) { partition.reading.held(end: offset) }
    }

    /// - Returns: false when the record is one that was delivered again.
    private mutating func accept(_ record: ReceivedRecord, _ partition: Partition, at now: Instant) -> Bool {
        passed(partition, at: record.id.offset)
        moved(partition)
        switch partition.progress.arrived(record.id.offset) {
        case .repeated, .finished: return false
        case .beyondWindow: hold(record, partition)
        case .admitted: admit(record, partition, at: now)
        }
        return true
    }

    private mutating func hold(_ record: ReceivedRecord, _ partition: Partition) {
        partition.reading.held(record)
        pause(partition, for: .window)
    }

    /// The committed offset moved: what was too far ahead of it may fit now.
    mutating func acceptHeld(_ partition: Partition, at now: Instant) {
        while let record = partition.reading.popHeld() {
            switch partition.progress.arrived(record.id.offset) {
            case .repeated, .finished: break
            case .admitted: admit(record, partition, at: now)
            case .beyondWindow:
                partition.reading.putBack(record)
                return
            }
        }
        if let end = partition.reading.heldEnd, partition.progress.reachedEnd(end) { partition.reading.held(end: nil) }
        if partition.progress.span <= Limits.windowLow { unpause(partition, for: .window) }
    }

    private mutating func admit(_ record: ReceivedRecord, _ partition: Partition, at now: Instant) {
        let command = Command(record, at: now, wall: wall(at: now), maximumAge: configuration.maximumAge)
        partition.reading.admitted()
        partition.admitted(command)
        intakeChanged(intake.admitted(bytes: record.bytes))
        if partition.progress.span >= Limits.windowHigh { pause(partition, for: .window) }

        switch record.content {
        case .unusable(let rejection):
            let outcome = Outcome(.invalid(rejection.reason), message: rejection.detail)
            conclude(command, partition, as: outcome, concludesCode: false, at: now)
        case .command(_, let session, _):
            switch partition.lanes.arrived(command, of: session) {
            case .head: advance(session, partition, at: now)
            case .waiting: break
            case .none:
                conclude(command, partition, as: Outcome(.sessionBusy, retryable: true), concludesCode: false, at: now)
            }
        }
    }

    /// Memory is full, or there is room again.
    mutating func intakeChanged(_ change: Admission.Change?) {
        switch change {
        case .close:
            report(.intakeClosed)
            for partition in partitions.inOrder(where: \.isRestored) { pause(partition, for: .admission) }
        case .open:
            report(.intakeOpened)
            for partition in partitions.inOrder(where: \.isRestored) { unpause(partition, for: .admission) }
        case nil: break
        }
    }
}
