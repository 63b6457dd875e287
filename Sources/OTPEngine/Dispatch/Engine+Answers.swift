import OTPContract

// An answer is judged: the command comes to an outcome, or is asked about again.
extension Engine {
    mutating func answered(_ id: RecordID, _ answer: UpstreamAnswer, at now: Instant) {
        dispatch.slotFreed()
        let judged = AnswerClass(answer)
        guard let partition = partitions[id.epoch], let command = partition[id.offset],
            case .calling(let since) = command.state
        else {
            // What it says of the upstream is true no matter who asked.
            protect(id, answer, judged, nil, since: nil, at: now)
            return
        }
        partition.calls.ended()
        group.gotFurther(with: partition.epoch.partition, at: now)
        protect(id, answer, judged, command, since: since, at: now)
        note(answer, judged, on: command, since: since, at: now)
        switch judged {
        case .accepted: concludeAnswered(command, partition, .ok, at: now)
        case .alreadySucceeded: concludeAlreadySucceeded(command, partition, at: now)
        case .rejected(let reason), .refused(let reason): concludeAnswered(command, partition, reason, at: now)
        case .halt: concludeAnswered(command, partition, .upstreamHalted, retryable: true, at: now)
        case .retryable: askAgainOrFail(command, partition, retryAfter: answer.retryAfter, at: now)
        case .ambiguous:
            if let session = command.session, let fingerprint = command.fingerprint {
                partition.ledger.doubted(fingerprint, of: session, at: wall(at: now))
            }
            askAgainOrFail(command, partition, retryAfter: answer.retryAfter, at: now)
        case .withheld: requeue(command, partition, at: now)
        }
    }

    private mutating func note(
        _ answer: UpstreamAnswer,
        _ judged: AnswerClass,
        on command: Command,
        since: Instant,
        at now: Instant
    ) {
        guard judged != .withheld else { return }
        let (code, message) = kept(of: answer, about: command)
        command.attempted(answer, judged, code: code, message: message)
        report(
            .asked(
                command.record.id,
                judged,
                attempt: command.attempts,
                after: now - since,
                failure: answer.failure,
                httpStatus: answer.httpStatus,
                body: answer.bodyFault
            )
        )
    }

    /// What of an answer may be shown: nothing that could be what was asked about, sent back.
    private mutating func kept(of answer: UpstreamAnswer, about command: Command) -> (code: Int?, message: String?) {
        guard let verify = command.record.command else { return (nil, nil) }
        let number = answer.httpStatus == 200 ? answer.body?.code : answer.body?.resultCode
        let code = number.flatMap { number in
            let text = String(number)
            return AnswerClass.isDocumented(number) || scrub(text, phone: verify.phone, code: verify.code) == text
                ? number : nil
        }
        let message = answer.body?.message.map { scrubber.scrub($0, phone: verify.phone, code: verify.code) }
        return (code, message)
    }

    private mutating func concludeAnswered(
        _ command: Command,
        _ partition: Partition,
        _ reason: Reason,
        retryable: Bool = false,
        inDoubt: Bool = false,
        at now: Instant
    ) {
        let outcome = Outcome(
            reason,
            retryable: retryable,
            inDoubt: inDoubt,
            code: command.lastCode,
            message: command.lastMessage,
            httpStatus: command.lastStatus
        )
        concludeHead(command, partition, as: outcome, concludesCode: true, at: now)
    }

    /// "It had already succeeded" is our own success only if an earlier attempt of this very code may have been processed and
    /// nothing else of the session may have been.
    private mutating func concludeAlreadySucceeded(_ command: Command, _ partition: Partition, at now: Instant) {
        guard let session = command.session, let fingerprint = command.fingerprint else { return }
        let entry = partition.ledger[session]
        let mayHaveBeenOurs = entry.code(fingerprint)?.isDoubtful ?? false
        if mayHaveBeenOurs, !entry.isAnotherInDoubt(than: fingerprint) {
            concludeAnswered(command, partition, .alreadyVerified, at: now)
        } else {
            concludeAnswered(command, partition, .sessionUsed, inDoubt: true, at: now)
        }
    }

    private mutating func askAgainOrFail(
        _ command: Command,
        _ partition: Partition,
        retryAfter: Duration?,
        at now: Instant
    ) {
        if isLeftToTheNext(partition) {
            command.requeued()
            abandon(command, partition)
            return
        }
        switch protection.nextAttempt(of: command, retryAfter: retryAfter, at: now) {
        case .wait(let until) where protection.retried(at: now):
            dispatch.backedOff(command, until: until)
            report(.backedOff(command.record.id, attempt: command.attempts, for: until - now))
        case .wait, .giveUp:
            reportUpstream()
            // Nothing of it ever left: the record is finished, its code is not concluded.
            concludeHead(command, partition, as: command.failure, concludesCode: command.mayHaveLeft, at: now)
        }
    }
}
