import OTPContract

// A command that needs a call gets a slot, writes its intent, is asked about, and is judged or asked about again.
extension Engine {
    mutating func dispatch(at now: Instant) {
        nextDispatch = nil
        while slots < protection.concurrency.limit, membership.isTrusted, drain.isRunning,
            let command = nextInTurn(at: now)
        {
            // A command of a partition that is gone, given back or parked keeps its state and no place in the queue.
            guard let partition = partition(command.record.id.place), partition.dispatches else { continue }
            let needsIntent = !command.hasAcknowledgedIntent && !command.isAskedAgain
            if needsIntent, !mayWriteIntent(partition) {
                // Before its budget begins: it only waits for its partition's turn.
                holdBack(command, partition)
                continue
            }
            if command.budgetEnd == nil { command.budgetEnd = now + configuration.budget }
            if now >= command.end {
                concludeTooLate(command, partition, at: now)
            } else if command.attempts == 0, protection.isHopeless(command.deadline - now, at: now) {
                // It stays where it is answered at its deadline.
                continue
            } else if !needsIntent {
                if let next = protection.nextCall, next > now {
                    nextDispatch = next
                    ready.push(command, at: now)
                    return
                }
                grant(command, partition, at: now)
                call(command, partition, at: now)
            } else {
                writeIntent(command, partition, at: now)
            }
        }
    }

    private mutating func writeIntent(_ command: Command, _ partition: Partition, at now: Instant) {
        guard case .command(let verify, _, let fingerprint) = command.record.content else { return }
        command.state = .writingIntent(since: now)
        command.hasIntent = true
        partition.intentsUnderWay += 1
        partition.unacknowledged[command.offset] = min(
            partition.unacknowledged[command.offset] ?? .max,
            partition.newestLedgerOffset
        )
        grant(command, partition, at: now)
        protection.intended(at: now)
        let intent = LedgerRecord.Content.intent(fingerprint, source: command.offset, time: wall(at: now))
        effects.append(
            .writeIntent(command.record.id, LedgerRecord(session: verify.sessionID, content: intent))
        )
    }

    mutating func intentWritten(_ id: RecordID, ledgerOffset: Int64?, at now: Instant) {
        intentEnded(id, at: now)
        var isAsked = false
        defer { if !isAsked { protection.released(id, at: now) } }
        guard let partition = partition(id.place), let command = partition.commands[id.offset],
            case .writingIntent(let since) = command.state,
            case .command(_, let session, let fingerprint) = command.record.content
        else { return }
        partition.inFlight -= 1
        // Where the broker does not say, the oldest place where it can be stands for it.
        let offset = ledgerOffset ?? partition.unacknowledged[id.offset] ?? partition.newestLedgerOffset
        partition.unacknowledged[id.offset] = nil
        partition.acknowledge(ledgerOffset)
        partition.ledger.acknowledged(
            fingerprint,
            of: session,
            source: id.offset,
            ledgerOffset: offset,
            at: wall(at: now)
        )
        // An acknowledgement that took so long may belong to a lease that has ended: another owner may have restored
        // without seeing the intent. Written again, it is younger than any such owner.
        command.hasAcknowledgedIntent = now - since <= configuration.sessionTimeout / 4
        command.state = .ready
        if !partition.dispatches || !drain.isRunning {
            if partition.phase == .revoking || !drain.isRunning { abandon(command, partition) }
        } else if now >= command.end {
            concludeTooLate(command, partition, at: now)
        } else if command.hasAcknowledgedIntent, membership.isTrusted, protection.stillAllows(id, at: now) {
            isAsked = true
            take(slotFor: partition)
            call(command, partition, at: now)
        } else {
            ready.push(command, at: now)
        }
    }

    mutating func intentFailed(_ id: RecordID, isPermanent: Bool, reason: String, at now: Instant) {
        intentEnded(id, at: now)
        protection.released(id, at: now)
        guard let partition = partition(id.place), let command = partition.commands[id.offset],
            case .writingIntent = command.state
        else { return }
        partition.inFlight -= 1
        // It may have been written all the same, so its floor stays, and whatever finishes the record voids it.
        command.state = .ready
        if isPermanent { park(partition, reason: reason, at: now) }
        if partition.phase == .revoking || !drain.isRunning {
            abandon(command, partition)
        } else if partition.dispatches {
            backOff(command, until: min(now + command.intentBackOff.failed(), command.end))
        }
    }

    private mutating func call(_ command: Command, _ partition: Partition, at now: Instant) {
        guard case .command(let verify, _, _) = command.record.content else { return }
        precondition(verify.code.canBeRight, "nothing is asked about what is no code")
        command.state = .calling(since: now)
        protection.called(at: now)
        let timeout = min(configuration.attemptTimeout, command.end - now)
        effects.append(.call(command.record.id, verify, headers: command.record.headers, timeout: timeout))
    }

    /// A slot of its own, for the intent and the call after it or for the call alone.
    private mutating func grant(_ command: Command, _ partition: Partition, at now: Instant) {
        command.dispatchedAt = now
        protection.granted(command.record.id, at: now)
        take(slotFor: partition)
    }

    private mutating func take(slotFor partition: Partition) {
        slots += 1
        partition.inFlight += 1
    }

    // MARK: The answer

    mutating func answered(_ id: RecordID, _ answer: UpstreamAnswer, at now: Instant) {
        slots -= 1
        let judged = AnswerClass(answer)
        guard let partition = partition(id.place), let command = partition.commands[id.offset],
            case .calling(let since) = command.state
        else {
            // What it says of the upstream is true no matter who asked.
            protect(id, answer, judged, nil, since: nil, at: now)
            return
        }
        partition.inFlight -= 1
        protect(id, answer, judged, command, since: since, at: now)
        note(answer, judged, on: command, since: since, at: now)
        switch judged {
        case .accepted: settle(command, partition, .ok, at: now)
        case .alreadySucceeded: settleAlreadySucceeded(command, partition, at: now)
        case .rejected(let reason), .refused(let reason): settle(command, partition, reason, at: now)
        case .halt: settle(command, partition, .upstreamHalted, retryable: true, at: now)
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
        command.attempts += 1
        if judged == .ambiguous {
            command.hasLostAnswer = true
            if !AnswerClass.asksForPatience(answer) { command.ambiguousAttempts += 1 }
        }
        if AnswerClass.left(answer) { command.hasLeft = true }
        var failure: TransportFailure?
        command.lastStatus = nil
        switch answer.transport {
        case .answered(let status): command.lastStatus = status
        case .notSent(let reason), .unknown(let reason): failure = reason
        }
        command.lastCode = nil
        command.lastMessage = nil
        if let verify = command.record.command {
            let number = command.lastStatus == 200 ? answer.body?.code : answer.body?.resultCode
            // A return code that is none may be what was asked about, sent back.
            command.lastCode = number.flatMap { number in
                let text = String(number)
                return AnswerClass.isDocumented(number) || scrub(text, phone: verify.phone, code: verify.code) == text
                    ? number : nil
            }
            command.lastMessage = answer.body?.message.map { scrub($0, phone: verify.phone, code: verify.code) }
        }
        report(
            .asked(
                command.record.id,
                judged,
                attempt: command.attempts,
                after: now - since,
                failure: failure,
                httpStatus: command.lastStatus,
                body: answer.bodyFault
            )
        )
    }

    private mutating func settle(
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
        concludeHead(command, partition, as: outcome, settles: true, at: now)
    }

    /// "It had already succeeded" is our own success only if an earlier attempt of this very code may have been processed and
    /// nothing else of the session may have been.
    private mutating func settleAlreadySucceeded(_ command: Command, _ partition: Partition, at now: Instant) {
        guard let session = command.session, let fingerprint = command.fingerprint else { return }
        let entry = partition.ledger[session]
        let mayHaveBeenOurs = entry.code(fingerprint)?.isDoubtful ?? false
        if mayHaveBeenOurs, !entry.isAnotherInDoubt(than: fingerprint) {
            settle(command, partition, .alreadyVerified, at: now)
        } else {
            settle(command, partition, .sessionUsed, inDoubt: true, at: now)
        }
    }

    private mutating func askAgainOrFail(
        _ command: Command,
        _ partition: Partition,
        retryAfter: Duration?,
        at now: Instant
    ) {
        if partition.phase == .revoking || !drain.isRunning {
            command.state = .ready
            abandon(command, partition)
            return
        }
        let next = configuration.retry.next(
            attempts: command.attempts,
            ambiguous: command.ambiguousAttempts,
            retryAfter: retryAfter,
            now: now,
            end: command.end,
            using: &generator
        )
        switch next {
        case .wait(let until) where protection.retried(at: now):
            backOff(command, until: until)
            report(.backedOff(command.record.id, attempt: command.attempts, for: until - now))
        case .wait, .giveUp:
            reportUpstream()
            // Nothing of it ever left: the record is finished, its code is not settled.
            concludeHead(
                command,
                partition,
                as: failure(of: command),
                settles: command.hasLeft || command.isAskedAgain,
                at: now
            )
        }
    }

    private mutating func backOff(_ command: Command, until: Instant) {
        command.state = .backingOff(until: until)
        backOffs.push(command, until: until)
    }

    mutating func backOffEnded(_ command: Command, at now: Instant) {
        guard let partition = partition(command.record.id.place), partition.isRestored else { return }
        requeue(command, partition, at: now)
    }

    private mutating func requeue(_ command: Command, _ partition: Partition, at now: Instant) {
        command.state = .ready
        if partition.phase == .revoking || !drain.isRunning {
            abandon(command, partition)
        } else if partition.dispatches {
            ready.push(command, at: now)
        }
    }
}
