import OTPContract

// The upstream is spared when it is in trouble, and commands do not wait for it longer than they may.
extension Engine {
    /// The next command that may be given a slot now; nil: none, and when to look again is noted.
    mutating func nextInTurn(at now: Instant) -> Command? {
        guard !ready.isEmpty else { return nil }
        switch protection.gate(at: now) {
        case .open: return ready.pop()
        case .probe: return nextProbe(at: now)
        case .closed(let until):
            nextDispatch = until
            protection.limited(at: now)
            reportUpstream()
            return nil
        }
    }

    /// A session that was told already what keeps the others waiting finds nothing out, so it probes last.
    private mutating func nextProbe(at now: Instant) -> Command? {
        let probes = protection.probes(at: now)
        let mayRepeat = probes.witness <= now
        if probes.unrelated <= now, let command = ready.pop(where: { !protection.isWitness($0.session) }) {
            return command
        }
        if mayRepeat, let command = ready.pop(where: { protection.isWitness($0.session) }) { return command }
        nextDispatch = [probes.unrelated, probes.witness].filter { $0 > now }.min()
        return nil
    }

    /// What an answer says of the upstream, whatever it says of the command.
    mutating func protect(
        _ id: RecordID,
        _ answer: UpstreamAnswer,
        _ judged: AnswerClass,
        _ command: Command?,
        since: Instant?,
        at now: Instant
    ) {
        guard judged != .withheld else {
            protection.released(id, at: now)
            return
        }
        var about = Protection.Answer(id: id, session: command?.session, judged: judged, answer: answer)
        about.began = since
        about.dispatched = command?.dispatchedAt
        about.isTimedOut =
            answer.transport == .unknown(.attemptTimeout)
            && since.map { now - $0 >= configuration.attemptTimeout } ?? false
        protection.answered(about, isFirst: command?.attempts == 0, slots: slots, at: now, &generator)
        reportUpstream()
    }

    mutating func reportUpstream() {
        guard !protection.changes.isEmpty else { return }
        for change in protection.changes { report(.upstream(change)) }
        protection.changes.removeAll(keepingCapacity: true)
    }

    /// While nothing is asked, a command that has waited long enough is answered without a call.
    mutating func endWaits(at now: Instant) {
        guard protection.isBlocked(at: now) else {
            if ready.isBlocked { ready.unblock() }
            return
        }
        if !ready.isBlocked { ready.block(at: now, maximumWait: protection.maximumWait) }
        while let command = ready.popWaited(at: now) {
            guard let partition = partition(command.record.id.place), partition.dispatches else { continue }
            report(.upstream(.waitedInVain(command.record.id)))
            concludeUnasked(command, partition, at: now)
        }
    }

    private mutating func concludeUnasked(_ command: Command, _ partition: Partition, at now: Instant) {
        let outcome =
            if command.isAskedAgain || command.attempts > 0 {
                failure(of: command)
            } else if protection.halt?.isHalted == true {
                Outcome(.upstreamHalted, retryable: true)
            } else {
                Outcome(.upstreamUnavailable, retryable: true)
            }
        concludeHead(
            command,
            partition,
            as: outcome,
            settles: command.isAskedAgain || command.hasLeft,
            at: now
        )
    }

    /// This worker's share of the fleet's rate: of what is being given back nothing new is asked.
    mutating func ownershipChanged(at now: Instant) {
        protection.owned(partitions.values.count { $0.phase != .revoking }, at: now)
    }
}
