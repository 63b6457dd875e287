import OTPContract
import OTPEngine

// What one result may say, given everything that happened before it.
extension Oracle {
    // MARK: Shape and secrets

    func checkShape(_ event: ResultEvent, _ record: CommandRecord) {
        if event.status != event.reason.status { world.violate("\(record.commandID): a reason of another status") }
        if event.commandID != record.commandID {
            world.violate("\(record.commandID): the result names \(event.commandID)")
        }
        if let lane = record.lane, event.sessionID != lane.session.id {
            world.violate("\(record.commandID): another session")
        }
        if event.status == .verified, event.inDoubt { world.violate("\(record.commandID): verified in doubt") }
        if (record.rejection != nil) != (event.status == .invalid) {
            world.violate("\(record.commandID): usable or not, the result says otherwise")
        }
        if let rejection = record.rejection, event.reason != .invalid(rejection) {
            world.violate("\(record.commandID): another reason than \(rejection.rawValue)")
        }
        if record.rejection != nil { world.coverage.hit(.row(.unusable)) }
        if event.undeliverable, !event.echo.isEmpty || event.message != nil {
            world.violate("\(record.commandID): undeliverable, and yet it carries what was at fault")
        }
        if let phone = record.phone, let code = record.code {
            let bytes = event.encode()
            if contains(bytes, phone.revealed) || contains(bytes, code.revealed) {
                world.violate("\(record.commandID): the result holds the code or the phone")
            }
        }
    }

    func checkLetter(_ letter: Batch.Letter) {
        if letter.letter.reason == .undecodable { return checkSkipped(letter.letter) }
        guard let record = broker?.commands[Int(letter.letter.source.partition)].record(letter.letter.source.offset),
            record.rejection == letter.letter.reason
        else { return world.violate("a dead letter for \(letter.letter.source), which is none") }
        record.letters += 1
        if record.isPoison { world.violate("\(record.commandID): a letter that no broker took is published") }
    }

    /// What is passed over could not be decoded, the whole of it and nothing else.
    private func checkSkipped(_ letter: DeadLetter) {
        let log = broker?.commands[Int(letter.source.partition)]
        guard let log, let last = letter.lastOffset,
            (letter.source.offset...last).contains(where: log.isDamaged),
            log.records.allSatisfy({ !(letter.source.offset...last).contains($0.offset) })
        else {
            return world.violate("\(letter.source) to \(letter.lastOffset ?? -1) is passed over, and could be read")
        }
    }

    func checkSecrets(_ write: Batch.LedgerWrite) {
        guard let record = write.record else { return }
        guard let lane = lanes[write.partition]?[record.session] else {
            return world.violate("a ledger record of no session")
        }
        let value = write.value ?? []
        if contains(value, lane.session.phone.revealed) || contains(value, lane.session.code.revealed) {
            world.violate("\(lane.session.id): the ledger holds the code or the phone")
        }
    }

    private func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        let pattern = Array(text.utf8)
        guard bytes.count >= pattern.count else { return false }
        return (0...bytes.count - pattern.count).contains { start in
            bytes[start] == pattern[0] && bytes[start..<start + pattern.count].elementsEqual(pattern)
        }
    }

    // MARK: Meaning

    func judge(_ event: ResultEvent, of record: CommandRecord) {
        guard let lane = record.lane, record.rejection == nil, let question = record.question else { return }
        defer {
            lane.results.append(record)
            lane.lastActivity = world.now
        }
        checkOrder(event, record, lane)
        checkVerified(event, record, lane, question)
        if event.reason == .sessionBusy { return checkBusy(record, lane) }
        if record.isSlip {
            checkSlip(event, record)
            return checkDoubt(event, record, lane)
        }
        checkKnown(event, record, lane, question)
        checkAnswer(event, record, lane, question)
        checkDoubt(event, record, lane)
    }

    private func checkOrder(_ event: ResultEvent, _ record: CommandRecord, _ lane: Lane) {
        guard event.reason != .sessionBusy else { return }
        if let later = lane.results.first(where: { $0.offset > record.offset && $0.result?.reason != .sessionBusy }) {
            world.violate("\(record.commandID) is answered after \(later.commandID) of the same session")
        }
    }

    /// Whatever is known of the session, and however late it is.
    private func checkSlip(_ event: ResultEvent, _ record: CommandRecord) {
        world.coverage.hit(.row(.neverRight))
        if event.reason != .wrongCode || event.calls > 0 || event.replayed || event.code != nil {
            world.violate("\(record.commandID), no code, is \(event.reason.rawValue) with \(event.calls) calls")
        }
    }

    /// No failure yields a false `verified`.
    private func checkVerified(_ event: ResultEvent, _ record: CommandRecord, _ lane: Lane, _ question: Question) {
        guard event.status == .verified else { return }
        let isForgetful =
            lane.isMemoryLost || lane.session.lanes.count > 1 || !remembers(lane, since: lane.records.first?.writtenAt)
        if question != lane.session.truth, !(isForgetful && world.plan.otherAnswer == 100) {
            world.violate("\(record.commandID) is verified with the wrong code")
        }
        if !lane.session.isAccepted {
            world.violate("\(record.commandID) is verified though the upstream accepted nothing")
        }
        guard event.reason == .alreadyVerified, !event.replayed, !lane.isMemoryLost else { return }
        let mayBeOurs =
            lane.calls.contains { $0.question == question && mayHaveBeenProcessed($0, for: record) }
            || lane.intents.contains { $0.question == question && $0.lease !== record.resultLease && isLeftOpen($0) }
        if !mayBeOurs, !lane.mayBeDoubted {
            world.violate("\(record.commandID) is already_verified, but no earlier attempt may have been processed")
        }
        let other = lane.calls.contains { $0.question != question && isUnresolved($0, for: record) }
        if other, remembers(lane, since: lane.calls.first?.writtenAt) {
            world.violate("\(record.commandID) is already_verified while another code is in doubt")
        }
    }

    private func mayHaveBeenProcessed(_ call: Call, for record: CommandRecord) -> Bool {
        call.verdict == .ambiguous || call.verdict == nil
            || (call.lease !== record.resultLease && call.record.resultLease !== call.lease)
    }

    private func isLeftOpen(_ intent: (question: Question, lease: Lease, record: CommandRecord)) -> Bool {
        !(intent.record.resultLease === intent.lease || intent.lease.isGraceful)
    }

    private func checkBusy(_ record: CommandRecord, _ lane: Lane) {
        let waiting = lane.records.count {
            $0.offset < record.offset && (!$0.isAnswered || $0.result?.reason != .sessionBusy)
        }
        if waiting < Limits.waitingPerSession { world.violate("\(record.commandID) is busy behind \(waiting)") }
    }

    /// What is concluded or closed is answered from memory, and the same as before.
    private func checkKnown(_ event: ResultEvent, _ record: CommandRecord, _ lane: Lane, _ question: Question) {
        let before = lane.results.filter { $0.offset < record.offset && $0.result?.reason != .sessionBusy }
        let concluded = before.last {
            guard let result = $0.result, $0.question == question, !result.replayed, !result.retryable else {
                return false
            }
            return ![.deadlinePassed, .tooManyCodes].contains(result.reason) && !isWithoutCall($0)
        }
        if event.replayed {
            world.coverage.hit(.row(.replayed))
            checkFirst(event, record, lane, question)
            let isKnown =
                before.contains { $0.question == question }
                || lane.concluded[question.fingerprint(keyID: record.resultLease?.process.keyID ?? 0)] != nil
            if !isKnown { world.violate("\(record.commandID) replays what was never said") }
            let fingerprint = question.fingerprint(keyID: record.resultLease?.process.keyID ?? 0)
            if event.retryable, lane.concluded[fingerprint] ?? -1 < record.offset {
                world.violate("\(record.commandID) replays a failure that asking again can help")
            }
        }
        if !event.replayed, event.first != nil { world.violate("\(record.commandID) has a first and is no replay") }
        guard let first = concluded?.result, let record0 = concluded, remembers(lane, since: record0.writtenAt),
            isSameKey(record0, record)
        else {
            return checkClosed(event, record, lane, before)
        }
        let isSame =
            event.status == first.status && event.reason == first.reason && event.code == first.code
            && event.httpStatus == first.httpStatus
            && (event.message == first.message || event.undeliverable || first.undeliverable)
        if !event.replayed || !isSame {
            world.violate("\(record.commandID) is not the replay of \(record0.commandID): \(first.reason.rawValue)")
        }
    }

    /// A replay names the record whose answer it repeats, and that one's own id if it has one.
    private func checkFirst(_ event: ResultEvent, _ record: CommandRecord, _ lane: Lane, _ question: Question) {
        guard let first = event.first,
            let named = broker?.commands[Int(record.partition)].record(first.source.offset),
            first.source.partition == record.partition, named.lane === lane, named.question == question
        else {
            return world.violate("\(record.commandID) is replayed, and no record of its question is named as the first")
        }
        if first.commandID != (named.isNamed ? named.commandID : nil) {
            world.violate(
                "\(record.commandID) is replayed from \(named.commandID) and names \(first.commandID ?? "none")"
            )
        }
        // Its own result may be a replay too, where its state was committed ahead of it; then it names itself.
        if let result = named.result, named !== record, result.replayed,
            result.first?.source.offset != named.offset
        {
            world.violate("\(record.commandID) names \(named.commandID) as the first, which was a replay itself")
        }
    }

    /// A `session_used` of the worker's own making concludes no code.
    private func isWithoutCall(_ record: CommandRecord) -> Bool {
        record.result?.reason == .sessionUsed && record.result?.calls == 0
    }

    func isSameKey(_ left: CommandRecord, _ right: CommandRecord) -> Bool {
        left.resultLease?.process.keyID == right.resultLease?.process.keyID
    }

    private func checkClosed(_ event: ResultEvent, _ record: CommandRecord, _ lane: Lane, _ before: [CommandRecord]) {
        let verified = before.first { $0.result?.status == .verified }
        if let verified, !event.replayed, remembers(lane, since: verified.writtenAt), isSameKey(verified, record) {
            if event.reason == .sessionUsed, event.calls == 0 { return world.coverage.hit(.row(.sessionClosed)) }
            world.violate(
                "\(record.commandID) is \(event.reason.rawValue) although \(verified.commandID) closed the session"
            )
        }
    }

    // MARK: The answer

    private func checkAnswer(_ event: ResultEvent, _ record: CommandRecord, _ lane: Lane, _ question: Question) {
        guard !event.replayed else { return }
        let calls = lane.calls.filter { $0.record === record && $0.lease === record.resultLease && $0.verdict != nil }
        if event.calls < calls.count {
            world.violate("\(record.commandID): \(calls.count) calls, the result says \(event.calls)")
        }
        if event.reason == .deadlinePassed { checkExpired(record, lane) }
        guard let last = calls.last, let verdict = last.verdict else { return checkUncalled(event, record, lane) }
        let allowed: [String]
        switch verdict {
        case .accepted: allowed = ["ok"]
        case .already: allowed = ["already_verified", "session_used"]
        case .rejected(let reason), .refused(let reason): allowed = [reason]
        case .halt: allowed = ["upstream_halted"]
        case .retryable, .ambiguous:
            allowed =
                calls.contains { $0.verdict == .ambiguous } || hasCause(lane, record)
                ? ["outcome_unknown", "upstream_unavailable"] : ["upstream_unavailable"]
        }
        if !allowed.contains(event.reason.rawValue) {
            world.violate("\(record.commandID): told \(verdict), the result says \(event.reason.rawValue)")
        }
        if calls.contains(where: { $0.verdict == .ambiguous }), !verdict.isFinal, verdict != .halt,
            event.reason != .outcomeUnknown
        {
            world.violate("\(record.commandID): an answer was lost and the result does not say so")
        }
        if verdict == .already, event.reason == .sessionUsed, !event.inDoubt {
            world.violate("\(record.commandID): it had already succeeded, and the rejection is not in doubt")
        }
    }

    private func checkExpired(_ record: CommandRecord, _ lane: Lane) {
        world.coverage.hit(.row(.tooLate))
        let skew = record.resultLease?.process.skew ?? 0
        if world.wall + abs(skew) + 5 < earliestDeadline(of: record) {
            world.violate("\(record.commandID) expired before its deadline")
        }
    }

    private func checkUncalled(_ event: ResultEvent, _ record: CommandRecord, _ lane: Lane) {
        switch event.reason {
        case .deadlinePassed: break
        case .sessionUsed:
            if !lane.isClosedInState,
                !lane.results.contains(where: { $0.result?.status == .verified && $0.offset < record.offset }),
                !lane.isMemoryLost,
                !lane.calls.contains(where: { $0.wasAccepted })
            {
                world.violate("\(record.commandID): session_used, and nothing was verified")
            }
        case .tooManyCodes:
            world.coverage.hit(.row(.tooManyCodes))
            let askable = lane.records.filter { !$0.isSlip }
            let others = Set(askable.compactMap(\.question)).subtracting([record.question].compactMap { $0 })
            let ofPhone = record.phone.map { askedAbout($0, in: record.partition) { _, _ in true } } ?? 0
            let isPhoneGuessed = world.plan.maximumWrongCodes > 0 && ofPhone > world.plan.maximumWrongCodes
            if others.count < world.plan.maximumCodes, !lane.mayBeDoubted, !isPhoneGuessed {
                world.violate("\(record.commandID): too many codes after \(others.count)")
            }
        case .upstreamUnavailable: checkUnavailable(event, record)
        case .upstreamHalted:
            if record.resultLease?.process.watch.mayHaveHalted == false {
                world.violate("\(record.commandID) is upstream_halted, and no two sessions were refused in a row")
            }
        case .outcomeUnknown:
            world.coverage.hit(.row(.openIntentTooLate))
            if !hasCause(lane, record) { world.violate("\(record.commandID): outcome_unknown without a cause") }
        default: world.violate("\(record.commandID): \(event.reason.rawValue) without a call")
        }
    }

    /// Neither the end of its total time-out nor trouble that several sessions had explains it: what one is told concerns that one.
    private func checkUnavailable(_ event: ResultEvent, _ record: CommandRecord) {
        let age = event.completedAt.milliseconds - event.receivedAt.milliseconds
        guard event.calls == 0, age < world.plan.totalTimeout.milliseconds,
            record.resultLease?.process.watch.mayHaveStopped == false
        else {
            return
        }
        world.violate("\(record.commandID) is upstream_unavailable, and the upstream failed no two others in a row")
    }

    // MARK: Doubt

    /// An answer of this call is not known to those who answer `record`.
    func isUnresolved(_ call: Call, for record: CommandRecord) -> Bool {
        guard call.record.offset <= record.offset else { return false }
        if call.lease === record.resultLease { return call.verdict == .ambiguous }
        guard let verdict = call.verdict else { return true }
        if verdict == .ambiguous { return true }
        return verdict.isFinal && call.record.resultLease !== call.lease && !isInState(call)
    }

    /// A committed state holds the answer, though the record itself had no result yet.
    private func isInState(_ call: Call) -> Bool {
        let fingerprint = call.question.fingerprint(keyID: call.lease.process.keyID)
        return (call.record.lane?.concluded[fingerprint] ?? -1) >= call.record.offset
    }

    private func checkDoubt(_ event: ResultEvent, _ record: CommandRecord, _ lane: Lane) {
        guard event.status != .verified else { return }
        if event.inDoubt {
            if !hasCause(lane, record) { world.violate("\(record.commandID) is in doubt without a cause") }
            return
        }
        let verified = lane.results.contains { $0.result?.status == .verified && $0.offset < record.offset }
        guard !verified, !lane.isClosedInState, !lane.isMemoryLost else { return }
        // Nothing about a record that is still open may be forgotten, however long ago it was.
        let lost = lane.calls.first {
            isUnresolved($0, for: record) && ($0.record === record || remembers(lane, since: $0.writtenAt))
        }
        if let call = lost {
            world.violate(
                "\(record.commandID) is \(event.reason.rawValue) and not in doubt, but the answer about \(call.record.commandID) was lost"
            )
        }
    }

    /// Something happened that may leave the lane in doubt.
    func hasCause(_ lane: Lane, _ record: CommandRecord) -> Bool {
        if lane.mayBeDoubted || lane.isMemoryLost { return true }
        if lane.calls.contains(where: { $0.verdict == .ambiguous || $0.verdict == .already || $0.verdict == nil }) {
            return true
        }
        if lane.intents.contains(where: { $0.lease !== record.resultLease && isLeftOpen($0) }) { return true }
        return false
    }
}
