import OTPContract

// A command at the head of its session is decided, and comes to an outcome.
extension Engine {
    /// Decides the command at the head of a session, and those behind it for as long as they need no call.
    mutating func advance(_ session: SessionDigest, _ partition: Partition, at now: Instant) {
        while let head = partition.lanes.head(of: session), head.state == .queued {
            decide(head, session, partition, at: now)
            guard head.conclusion != nil else { return }
            partition.lanes.stepped(session)
        }
    }

    private mutating func decide(
        _ command: Command,
        _ session: SessionDigest,
        _ partition: Partition,
        at now: Instant
    ) {
        guard case .command(let verify, _, let fingerprint) = command.record.content, isWorking(partition) else {
            return
        }
        let entry = partition.ledger[session]
        let isPhoneGuessed = isPhoneGuessed(command, partition, at: now)
        let decision = Decision(
            canBeRight: verify.code.canBeRight,
            fingerprint: fingerprint,
            offset: command.offset,
            entry: entry,
            isPastDeadline: now >= command.deadline,
            maximumCodes: configuration.maximumCodes,
            isPhoneGuessed: isPhoneGuessed
        )
        switch decision {
        case .neverRight: conclude(command, partition, as: Outcome(.wrongCode), concludesCode: false, at: now)
        case .replay(let outcome):
            let first = entry.code(fingerprint).map {
                Command.First(offset: $0.source, commandID: $0.note?.commandID)
            }
            conclude(command, partition, as: outcome, concludesCode: false, first: first, at: now)
        case .sessionUsed: conclude(command, partition, as: Outcome(.sessionUsed), concludesCode: false, at: now)
        case .outcomeUnknown, .expired:
            command.foundTooLate(afterIntent: decision == .outcomeUnknown)
            concludeTooLate(command, partition, isHead: false, at: now)
        case .tooManyCodes:
            let isOfSession = entry.otherCodes(than: fingerprint) >= configuration.maximumCodes
            report(.guessed(command.record.id, at: isOfSession ? .session : .phone))
            conclude(command, partition, as: Outcome(.tooManyCodes), concludesCode: false, at: now)
        // Stays queued until the tombstones are committed.
        case .ask where partition.uncommitted.hasTombstone(of: session): break
        case .ask(let again): ask(command, partition, again: again, at: now)
        }
    }

    private mutating func ask(_ command: Command, _ partition: Partition, again: Bool, at now: Instant) {
        let phone = configuration.maximumWrongCodes > 0 ? command.record.phone : nil
        command.decided(again: again, isGuess: phone != nil)
        if let phone { partition.calls.guessBegan(phone) }
        dispatch.queued(command, at: now)
    }

    /// Those being asked about count as well: else a hundred sessions at once would be a hundred guesses.
    private func isPhoneGuessed(_ command: Command, _ partition: Partition, at now: Instant) -> Bool {
        guard configuration.maximumWrongCodes > 0, let phone = command.record.phone else { return false }
        let since = wall(at: now).milliseconds - configuration.retention.milliseconds
        let wrong = partition.ledger.wrongCodes(of: phone, since: WallTime(milliseconds: since))
        return wrong + partition.calls.guesses(of: phone) >= configuration.maximumWrongCodes
    }

    /// What is kept of the record that concludes a code.
    private func note(on command: Command) -> CodeState.Note? {
        guard let id = command.record.command?.commandID else { return nil }
        let own = id == coordinates(of: command.record.id).description ? nil : id
        let phone = configuration.maximumWrongCodes > 0 ? command.record.phone : nil
        return own == nil && phone == nil ? nil : CodeState.Note(commandID: own, phone: phone)
    }

    // MARK: Concluding

    /// Its deadline or its total time-out is over before it could be asked about, or asked about again.
    mutating func concludeTooLate(_ command: Command, _ partition: Partition, isHead: Bool = true, at now: Instant) {
        let outcome = command.tooLate(at: now)
        if isHead {
            concludeHead(command, partition, as: outcome, concludesCode: command.mayHaveLeft, at: now)
        } else {
            conclude(command, partition, as: outcome, concludesCode: command.mayHaveLeft, at: now)
        }
    }

    /// The command at the head of its session comes to an outcome, and the next one's turn comes.
    mutating func concludeHead(
        _ command: Command,
        _ partition: Partition,
        as outcome: Outcome,
        concludesCode: Bool,
        at now: Instant
    ) {
        conclude(command, partition, as: outcome, concludesCode: concludesCode, at: now)
        guard let session = command.session else { return }
        partition.lanes.stepped(session)
        advance(session, partition, at: now)
    }

    mutating func conclude(
        _ command: Command,
        _ partition: Partition,
        as outcome: Outcome,
        concludesCode: Bool,
        first: Command.First? = nil,
        at now: Instant
    ) {
        if command.isGuess, let phone = command.record.phone { partition.calls.guessEnded(phone) }
        // Nor before what another owner, whose clock is another, wrote of the session.
        let time = max(wall(at: now), command.session.map { partition.ledger[$0].lastTime } ?? wall(at: now))
        if concludesCode, let session = command.session, let fingerprint = command.fingerprint {
            partition.ledger.concluded(
                fingerprint,
                of: session,
                as: outcome,
                source: command.offset,
                note: note(on: command),
                at: time
            )
        }
        let leavesIntent = !concludesCode && leavesIntent(command, partition)
        let isSessionInDoubt =
            command.session.map { partition.ledger[$0].isInDoubt(keyID: configuration.keyID) } ?? false
        let inDoubt = !outcome.isVerified && (outcome.inDoubt || isSessionInDoubt)
        command.concluded(
            .init(
                outcome: outcome,
                concludesCode: concludesCode,
                leavesIntent: leavesIntent,
                replayed: first != nil,
                first: first,
                inDoubt: inDoubt,
                at: time
            )
        )
        partition.uncommitted.concluded(command, leavesIntent: leavesIntent)
        intake.concluded()
        committing.outcomeWaits()
        report(.concluded(command.record.id, outcome.reason, replayed: first != nil, inDoubt: inDoubt))
    }

    private func leavesIntent(_ command: Command, _ partition: Partition) -> Bool {
        guard let session = command.session, let fingerprint = command.fingerprint else { return false }
        return command.hasIntent || partition.ledger[session].hasIntent(fingerprint, source: command.offset)
    }
}
