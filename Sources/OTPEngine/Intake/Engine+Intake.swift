import DequeModule
import OTPContract

// A command arrives, is admitted, waits for its turn in its session, is decided, and comes to an outcome.
extension Engine {
    mutating func received(_ records: [ReceivedRecord], at now: Instant) {
        var ignored = 0
        for record in records {
            guard let partition = partition(record.id.place), partition.phase == .active, drain.isRunning else {
                ignored += 1
                continue
            }
            if !partition.held.isEmpty {
                hold(record, partition)
            } else if !take(record, partition, at: now) {
                ignored += 1
            }
        }
        if ignored > 0 { report(.ignored(count: ignored)) }
    }

    mutating func reachedEnd(_ place: PartitionEpoch, _ offset: Int64) {
        // Anyone who ignores records must not believe that what lies below the end was handled.
        guard let partition = partition(place), isWorking(partition) else { return }
        passed(partition, at: offset)
        defer { moved(partition) }
        // What is held lies below the end: the end is reached when it has been taken.
        if !partition.held.isEmpty || !partition.progress.reachedEnd(offset) { partition.heldEnd = offset }
    }

    /// - Returns: false when the record is one that was delivered again.
    private mutating func take(_ record: ReceivedRecord, _ partition: Partition, at now: Instant) -> Bool {
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
        partition.held.append(record)
        pause(partition, for: .window)
    }

    /// The watermark moved: what was too far ahead of it may fit now.
    mutating func takeHeld(_ partition: Partition, at now: Instant) {
        while let record = partition.held.popFirst() {
            switch partition.progress.arrived(record.id.offset) {
            case .repeated, .finished: break
            case .admitted: admit(record, partition, at: now)
            case .beyondWindow:
                partition.held.prepend(record)
                return
            }
        }
        if let end = partition.heldEnd, partition.progress.reachedEnd(end) { partition.heldEnd = nil }
        if partition.progress.span <= Limits.windowLow { unpause(partition, for: .window) }
    }

    private mutating func admit(_ record: ReceivedRecord, _ partition: Partition, at now: Instant) {
        let command = Command(record, at: now, wall: wall(at: now), maximumAge: configuration.maximumAge)
        partition.readingBackOff.succeeded()
        partition.commands[command.offset] = command
        unconcluded += 1
        if admission.admitted(bytes: record.bytes) == .close {
            report(.intakeClosed)
            for partition in owned(where: \.isRestored) { pause(partition, for: .admission) }
        }
        if partition.progress.span >= Limits.windowHigh { pause(partition, for: .window) }

        switch record.content {
        case .unusable(let rejection):
            let outcome = Outcome(.invalid(rejection.reason), message: rejection.detail)
            conclude(command, partition, as: outcome, settles: false, at: now)
        case .command(_, let session, _):
            guard partition.lanes[session] != nil else {
                partition.lanes[session] = .init(head: command)
                advance(session, partition, at: now)
                return
            }
            if (partition.lanes[session]?.waiting.count ?? 0) < Limits.waitingPerSession {
                partition.lanes[session]?.waiting.append(command)
            } else {
                conclude(command, partition, as: Outcome(.sessionBusy, retryable: true), settles: false, at: now)
            }
        }
    }

    // MARK: Deciding

    /// Decides the command at the head of a session, and those behind it for as long as they need no call.
    mutating func advance(_ session: SessionDigest, _ partition: Partition, at now: Instant) {
        while let head = partition.lanes[session]?.head, head.state == .queued {
            decide(head, session, partition, at: now)
            guard head.conclusion != nil else { return }
            stepLane(session, partition)
        }
    }

    private func stepLane(_ session: SessionDigest, _ partition: Partition) {
        if let next = partition.lanes[session]?.waiting.popFirst() {
            partition.lanes[session]?.head = next
        } else {
            partition.lanes[session] = nil
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
        case .neverRight: conclude(command, partition, as: Outcome(.wrongCode), settles: false, at: now)
        case .replay(let outcome):
            let first = entry.code(fingerprint).map {
                Command.First(offset: $0.source, commandID: $0.note?.commandID)
            }
            conclude(command, partition, as: outcome, settles: false, first: first, at: now)
        case .sessionUsed: conclude(command, partition, as: Outcome(.sessionUsed), settles: false, at: now)
        case .outcomeUnknown, .expired:
            command.isAskedAgain = decision == .outcomeUnknown
            concludeTooLate(command, partition, isHead: false, at: now)
        case .tooManyCodes:
            let isOfSession = entry.otherCodes(than: fingerprint) >= configuration.maximumCodes
            report(.guessed(command.record.id, at: isOfSession ? .session : .phone))
            conclude(command, partition, as: Outcome(.tooManyCodes), settles: false, at: now)
        // Stays queued until the tombstones are committed.
        case .ask where partition.tombstones[session] != nil: break
        case .ask(let again):
            command.isAskedAgain = again
            command.state = .ready
            if configuration.maximumWrongCodes > 0, let phone = command.record.phone {
                command.isGuess = true
                partition.guesses[phone, default: 0] += 1
            }
            ready.push(command, at: now)
        }
    }

    /// Those being asked about count as well: else a hundred sessions at once would be a hundred guesses.
    private func isPhoneGuessed(_ command: Command, _ partition: Partition, at now: Instant) -> Bool {
        guard configuration.maximumWrongCodes > 0, let phone = command.record.phone else { return false }
        let since = wall(at: now).milliseconds - configuration.retention.milliseconds
        let wrong = partition.ledger.wrongCodes(of: phone, since: WallTime(milliseconds: since))
        return wrong + partition.guesses[phone, default: 0] >= configuration.maximumWrongCodes
    }

    /// What is kept of the record that settles a code.
    private func note(on command: Command) -> CodeState.Note? {
        guard let id = command.record.command?.commandID else { return nil }
        let own = id == coordinates(of: command.record.id).description ? nil : id
        let phone = configuration.maximumWrongCodes > 0 ? command.record.phone : nil
        return own == nil && phone == nil ? nil : CodeState.Note(commandID: own, phone: phone)
    }

    /// A partition that is being given back finishes what is under way and begins nothing.
    private func isWorking(_ partition: Partition) -> Bool { partition.phase == .active && drain.isRunning }

    // MARK: Concluding

    /// Its deadline or its budget is over before it could be asked about, or asked about again.
    mutating func concludeTooLate(_ command: Command, _ partition: Partition, isHead: Bool = true, at now: Instant) {
        let outcome: Outcome
        if command.isAskedAgain || command.hasLeft {
            outcome = failure(of: command)
        } else if command.attempts > 0 || now < command.deadline {
            outcome = Outcome(.upstreamUnavailable, retryable: true)
        } else {
            outcome = Outcome(.deadlinePassed)
        }
        let settles = command.isAskedAgain || command.hasLeft
        if isHead {
            concludeHead(command, partition, as: outcome, settles: settles, at: now)
        } else {
            conclude(command, partition, as: outcome, settles: settles, at: now)
        }
    }

    /// No verdict could be had.
    func failure(of command: Command) -> Outcome {
        let reason: Reason =
            command.isAskedAgain || command.hasLostAnswer ? .outcomeUnknown : .upstreamUnavailable
        return Outcome(
            reason,
            retryable: true,
            code: command.lastCode,
            message: command.lastMessage,
            httpStatus: command.lastStatus
        )
    }

    /// The command at the head of its session comes to an outcome, and the next one's turn comes.
    mutating func concludeHead(
        _ command: Command,
        _ partition: Partition,
        as outcome: Outcome,
        settles: Bool,
        at now: Instant
    ) {
        conclude(command, partition, as: outcome, settles: settles, at: now)
        guard let session = command.session else { return }
        stepLane(session, partition)
        advance(session, partition, at: now)
    }

    private mutating func conclude(
        _ command: Command,
        _ partition: Partition,
        as outcome: Outcome,
        settles: Bool,
        first: Command.First? = nil,
        at now: Instant
    ) {
        precondition(command.conclusion == nil, "a command has one outcome")
        if command.isGuess, let phone = command.record.phone {
            let left = (partition.guesses[phone] ?? 1) - 1
            partition.guesses[phone] = left > 0 ? left : nil
        }
        // Nor before what another owner, whose clock is another, wrote of the session.
        let time = max(wall(at: now), command.session.map { partition.ledger[$0].lastTime } ?? wall(at: now))
        if settles, let session = command.session, let fingerprint = command.fingerprint {
            partition.ledger.settled(
                fingerprint,
                of: session,
                as: outcome,
                source: command.offset,
                note: note(on: command),
                at: time
            )
        }
        let leavesIntent = !settles && leavesIntent(command, partition)
        if leavesIntent, let session = command.session { partition.tombstones[session, default: 0] += 1 }
        let isSessionInDoubt =
            command.session.map { partition.ledger[$0].isInDoubt(keyID: configuration.keyID) } ?? false
        let inDoubt = !outcome.isVerified && (outcome.inDoubt || isSessionInDoubt)
        command.conclusion = .init(
            outcome: outcome,
            settles: settles,
            leavesIntent: leavesIntent,
            replayed: first != nil,
            first: first,
            inDoubt: inDoubt,
            at: time
        )
        command.state = .concluded
        partition.concluded.append(command)
        unconcluded -= 1
        if oldestConclusion == nil { oldestConclusion = now }
        report(.concluded(command.record.id, outcome.reason, replayed: first != nil, inDoubt: inDoubt))
    }

    private func leavesIntent(_ command: Command, _ partition: Partition) -> Bool {
        guard let session = command.session, let fingerprint = command.fingerprint else { return false }
        return command.hasIntent || partition.ledger[session].hasIntent(fingerprint, source: command.offset)
    }
}
