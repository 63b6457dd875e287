import OTPContract

// What comes with time alone: deadlines, forgetting, and when to look again.
extension Engine {
    /// Commands whose deadline passed while they waited for a slot are answered.
    mutating func expire(at now: Instant) {
        while let command = dispatch.popExpired(at: now) {
            guard let partition = partitions[command.record.id.epoch], partition.dispatches else { continue }
            concludeTooLate(command, partition, at: now)
        }
    }

    /// On the clock's turns only: it looks at every partition, and nobody waits for it.
    mutating func forget(at now: Instant) {
        let wall = wall(at: now)
        for partition in partitions.all where partition.isRestored {
            _ = partition.ledger.expire(
                at: wall,
                committed: partition.progress.committed,
                limit: Limits.forgottenPerTurn
            )
        }
    }

    /// The next moment at which time alone changes something; at the latest the lease's own heartbeat.
    func nextWake(at now: Instant) -> Instant {
        var wake = now + group.membership.heartbeat
        func consider(_ moment: Instant?) { if let moment { wake = min(wake, max(moment, now)) } }
        if group.isRunning {
            consider(dispatch.nextDeadline)
            consider(dispatch.nextWaitEnd)
            consider(dispatch.next)
        }
        consider(dispatch.nextBackOffEnd)
        if group.isRunning, !partitions.isEmpty { consider(partitions.nextEnds) }
        consider(committing.transaction.nextWake)
        consider(group.revocation?.nextEnd(at: now))
        consider(group.drain.deadline)
        if committing.transaction.canForm(at: now) { consider(nextCommit(at: now)) }
        for partition in partitions.all {
            consider(partition.life.nextTry)
            consider(partition.outputs.parking?.until)
            consider(partition.reading.unreadable?.until)
        }
        return wake
    }
}
