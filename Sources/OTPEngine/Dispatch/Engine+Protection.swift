import OTPContract

// The upstream is spared when it is in trouble, and commands do not wait for it longer than they may.
extension Engine {
    /// The next command that may be given a slot now; nil: none, and when to look again is noted.
    mutating func nextInTurn(at now: Instant) -> Command? {
        guard !dispatch.isEmpty else { return nil }
        switch protection.gate(at: now) {
        case .open: return dispatch.popNext()
        case .probe: return dispatch.popProbe(protection, at: now)
        case .closed(let until):
            dispatch.waits(until: until)
            protection.limited(at: now)
            reportUpstream()
            return nil
        }
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
        protection.answered(about, isFirst: command?.attempts == 0, slots: dispatch.slots, at: now)
        reportUpstream()
    }

    mutating func reportUpstream() {
        for change in protection.dequeueChanges() { report(.upstream(change)) }
    }

    /// While nothing is asked, a command that has waited long enough is answered without a call.
    mutating func endWaits(at now: Instant) {
        guard protection.isBlocked(at: now) else {
            dispatch.unblocked()
            return
        }
        dispatch.blocked(at: now, maximumWait: protection.maximumWait)
        while let command = dispatch.popWaited(at: now) {
            guard let partition = partitions[command.record.id.epoch], partition.dispatches else { continue }
            report(.upstream(.waitTimedOut(command.record.id)))
            concludeUnasked(command, partition, at: now)
        }
    }

    private mutating func concludeUnasked(_ command: Command, _ partition: Partition, at now: Instant) {
        let outcome =
            if command.isAskedAgain || command.attempts > 0 {
                command.failure
            } else if protection.halt?.isHalted == true {
                Outcome(.upstreamHalted, retryable: true)
            } else {
                Outcome(.upstreamUnavailable, retryable: true)
            }
        concludeHead(command, partition, as: outcome, concludesCode: command.mayHaveLeft, at: now)
    }

    /// This worker's share of the fleet's rate: of what is being given back nothing new is asked.
    mutating func ownershipChanged(at now: Instant) {
        protection.owned(partitions.all.count { !$0.life.isRevoking }, at: now)
    }
}
