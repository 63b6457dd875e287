import OTPContract
import OTPEngine

/// Judges one session when everything about it has been seen: its commands and results in order, the ledger's last word,
/// and the upstream's journal.
///
/// What it cannot know (the history begins in the middle, a key was changed, memory may have ended) it does not hold against
/// anybody.
struct SessionAuditor {
    let rules: AuditRules
    let facts: SessionFacts
    /// Its beginning is in the history.
    let isWhole: Bool
    var findings: [Finding] = []

    init(_ facts: SessionFacts, _ rules: AuditRules) {
        self.facts = facts
        self.rules = rules
        let beginning = rules.historyFrom.map { $0.milliseconds + rules.retention.milliseconds } ?? .min
        isWhole = !facts.isTruncated && facts.firstTime.milliseconds >= beginning
    }

    static func findings(about facts: SessionFacts, _ rules: AuditRules) -> [Finding] {
        var auditor = SessionAuditor(facts, rules)
        for (partition, lane) in facts.lanes.sorted(by: { $0.key < $1.key }) {
            auditor.order(lane, partition)
            auditor.history(lane, partition)
            auditor.ledger(lane, partition)
        }
        if rules.hasJournal { auditor.calls() }
        return auditor.findings
    }

    mutating func find(_ check: AuditCheck, _ exchange: SessionFacts.Exchange, _ partition: Int32, _ reason: String) {
        let time = exchange.time.milliseconds > 0 ? exchange.time : exchange.answer?.receivedAt ?? exchange.time
        findings.append(Finding(check, at: coordinates(partition, exchange.offset), of: facts.id, time: time, reason))
    }

    func coordinates(_ partition: Int32, _ offset: Int64) -> Coordinates {
        Coordinates(topic: rules.commandTopic, partition: partition, offset: offset)
    }

    /// Whether what was known then must be known now.
    func remembers(_ then: WallTime, at now: WallTime) -> Bool {
        now.milliseconds - then.milliseconds < rules.surelyRemembered
    }

    // MARK: Order

    /// Results of a session that lie in one partition became visible in its order; those on reply topics have none among them.
    private mutating func order(_ lane: SessionFacts.Lane, _ partition: Int32) {
        var last: (exchange: SessionFacts.Exchange, answer: SessionFacts.Answer)?
        var skipped: [SessionFacts.Exchange] = []
        for exchange in lane.exchanges {
            guard let answer = exchange.answer else {
                skipped.append(exchange)
                continue
            }
            if answer.isBusy { continue }
            for open in skipped {
                find(.order, open, partition, "unanswered, but the later command at \(exchange.offset) is answered")
            }
            skipped = []
            if let last, last.answer.isBehind(answer) {
                find(.order, exchange, partition, "answered before the earlier command at \(last.exchange.offset)")
            }
            last = (exchange, answer)
        }
    }

    // MARK: History

    /// What is known of a lane while its results are read in the order of its commands.
    struct Known {
        var outcomes: [Question: (answer: SessionFacts.Answer, offset: Int64)] = [:]
        var verified: (question: Question, offset: Int64, time: WallTime)?
        var doubtSince: WallTime?
        var asked: Set<Question> = []
        /// Commands that may have waited.
        var unhurried = 0
    }

    private mutating func history(_ lane: SessionFacts.Lane, _ partition: Int32) {
        let isAllKnown = !lane.ledger.isInPart
        var known = Known()
        for exchange in lane.exchanges {
            if !exchange.canBeRight {
                slip(exchange, partition, known, isAllKnown: isAllKnown)
            } else if let answer = exchange.answer {
                judge(answer, of: exchange, partition, known, lane, isAllKnown: isAllKnown)
                learn(answer, of: exchange, lane, &known)
            }
            if exchange.answer?.isBusy != true { known.unhurried += 1 }
            if exchange.canBeRight { known.asked.insert(exchange.question) }
        }
    }

    /// What was typed is no code: wrong whatever is known of the session, without a call.
    private mutating func slip(
        _ exchange: SessionFacts.Exchange,
        _ partition: Int32,
        _ known: Known,
        isAllKnown: Bool
    ) {
        guard let answer = exchange.answer else { return }
        shape(answer, of: exchange, partition)
        if answer.isBusy { return busy(exchange, partition, known) }
        doubt(answer, of: exchange, partition, known, isAllKnown: isAllKnown)
        guard answer.reason != .wrongCode || answer.calls > 0 || answer.replayed || answer.code != nil else { return }
        let reason = "\(answer.reason.rawValue) with \(answer.calls) calls, for what can be no code"
        find(.unfounded, exchange, partition, reason)
    }

    private mutating func busy(_ exchange: SessionFacts.Exchange, _ partition: Int32, _ known: Known) {
        if isWhole, known.unhurried < 64 {
            find(.unfounded, exchange, partition, "session_busy behind \(known.unhurried) commands, not 64")
        }
    }

    private func learn(
        _ answer: SessionFacts.Answer,
        of exchange: SessionFacts.Exchange,
        _ lane: SessionFacts.Lane,
        _ known: inout Known
    ) {
        let isFirstWord = answer.replayed ? known.outcomes[exchange.question] == nil : answer.concludesCode
        if isFirstWord { known.outcomes[exchange.question] = (answer, exchange.offset) }
        if answer.isVerified {
            if known.verified == nil || !answer.replayed {
                known.verified = (exchange.question, exchange.offset, answer.completedAt)
            }
            known.doubtSince = nil
        } else if answer.inDoubt, !answer.isBusy, !(answer.reason == .sessionUsed && answer.code == 100) {
            known.doubtSince = answer.completedAt
        }
    }

    private mutating func judge(
        _ answer: SessionFacts.Answer,
        of exchange: SessionFacts.Exchange,
        _ partition: Int32,
        _ known: Known,
        _ lane: SessionFacts.Lane,
        isAllKnown: Bool
    ) {
        shape(answer, of: exchange, partition)
        if answer.isBusy { return busy(exchange, partition, known) }
        doubt(answer, of: exchange, partition, known, isAllKnown: isAllKnown)
        if answer.replayed {
            replay(answer, of: exchange, partition, known, lane)
            return
        }
        deadline(answer, of: exchange, partition)
        foundation(answer, of: exchange, partition, known)
        guard isAllKnown else { return }
        if let first = known.outcomes[exchange.question], !first.answer.retryable,
            remembers(first.answer.completedAt, at: answer.completedAt)
        {
            let reason = "not the replay of the result of \(first.offset), \(first.answer.reason.rawValue)"
            find(.replay, exchange, partition, reason)
        } else if let verified = known.verified, verified.question != exchange.question,
            remembers(verified.time, at: answer.completedAt),
            !(answer.reason == .sessionUsed && answer.calls == 0)
        {
            let isSecond = answer.isVerified
            find(
                isSecond ? .verifiedTwice : .closed,
                exchange,
                partition,
                isSecond
                    ? "verified, though the command at \(verified.offset) verified another code"
                    : "\(answer.reason.rawValue) with \(answer.calls) calls, after \(verified.offset) verified another code"
            )
        }
    }

    private mutating func shape(_ answer: SessionFacts.Answer, of exchange: SessionFacts.Exchange, _ partition: Int32) {
        let canHelp: Bool
        switch answer.reason {
        case .upstreamUnavailable, .upstreamHalted, .outcomeUnknown, .sessionBusy: canHelp = true
        case .ok, .alreadyVerified, .wrongCode, .unknownSession, .sessionUsed, .tooManyCodes, .deadlinePassed,
            .invalid, .refusedByUpstream, .unexpectedAnswer, .other:
            canHelp = false
        }
        if answer.retryable != canHelp {
            find(.shape, exchange, partition, "\(answer.reason.rawValue) with retryable \(answer.retryable)")
        }
        if answer.replayed, answer.calls != 0 {
            find(.replay, exchange, partition, "replayed with \(answer.calls) calls")
        }
    }

    private mutating func replay(
        _ answer: SessionFacts.Answer,
        of exchange: SessionFacts.Exchange,
        _ partition: Int32,
        _ known: Known,
        _ lane: SessionFacts.Lane
    ) {
        if let first = known.outcomes[exchange.question] {
            if !answer.repeats(first.answer) {
                let reason = "replays the result of \(first.offset), \(first.answer.reason.rawValue), as something else"
                find(.replay, exchange, partition, reason)
            }
        } else if isWhole, !lane.ledger.everConcluded.contains(exchange.offset) {
            // A state may hold what a crash kept from being published: then the replay is the first word.
            find(.replay, exchange, partition, "replays what no earlier result or ledger record says")
        }
        if answer.retryable { find(.replay, exchange, partition, "replays what may be asked again") }
    }

    private mutating func foundation(
        _ answer: SessionFacts.Answer,
        of exchange: SessionFacts.Exchange,
        _ partition: Int32,
        _ known: Known
    ) {
        switch answer.reason {
        case .ok, .alreadyVerified, .wrongCode, .unknownSession, .refusedByUpstream, .unexpectedAnswer, .upstreamHalted:
            if answer.calls == 0 {
                find(.unfounded, exchange, partition, "\(answer.reason.rawValue) without a call")
            }
        case .sessionUsed:
            if isWhole, answer.calls == 0, known.verified == nil {
                find(.unfounded, exchange, partition, "session_used without a call, and nothing was verified")
            }
        case .tooManyCodes:
            let others = known.asked.subtracting([exchange.question]).count
            if isWhole, !rules.limitsPhones, others < rules.maximumCodes {
                find(.unfounded, exchange, partition, "too_many_codes after \(others), not \(rules.maximumCodes)")
            }
        case .deadlinePassed, .invalid, .upstreamUnavailable, .outcomeUnknown, .sessionBusy, .other: break
        }
    }

    // MARK: Time

    /// Between an answer's arrival and its handling a worker may have been paused, or busy for a moment.
    private var handling: Int64 { rules.sessionTimeout.milliseconds + 5_000 }
    private static let rounding: Int64 = 100

    private mutating func deadline(
        _ answer: SessionFacts.Answer,
        of exchange: SessionFacts.Exchange,
        _ partition: Int32
    ) {
        let end = Self.deadline(exchange.time, exchange.expiresAt, readAt: answer.receivedAt, rules)
        let late = answer.completedAt.milliseconds - end.milliseconds
        switch answer.reason {
        case .deadlinePassed:
            if late < -Self.rounding { find(.early, exchange, partition, "expired \(-late) ms before its deadline") }
        case .ok, .alreadyVerified, .wrongCode, .unknownSession, .refusedByUpstream, .unexpectedAnswer, .upstreamHalted,
            .tooManyCodes, .sessionUsed:
            let isFromMemory = answer.reason == .sessionUsed && answer.calls == 0
            if late > handling, !isFromMemory {
                find(.late, exchange, partition, "\(answer.reason.rawValue) \(late) ms after its deadline")
            }
        case .invalid, .upstreamUnavailable, .outcomeUnknown, .sessionBusy, .other: break
        }
    }

    /// The earlier of the command's own end and its greatest age, counted from the record's time or its reading.
    static func deadline(_ time: WallTime, _ expiresAt: WallTime?, readAt: WallTime?, _ rules: AuditRules) -> WallTime {
        let written = time.milliseconds > 0 ? time.milliseconds : readAt?.milliseconds ?? rules.now.milliseconds
        let end = min(written, readAt?.milliseconds ?? .max) + rules.maximumAge.milliseconds
        return WallTime(milliseconds: min(end, expiresAt?.milliseconds ?? .max))
    }

    // MARK: Doubt

    private mutating func doubt(
        _ answer: SessionFacts.Answer,
        of exchange: SessionFacts.Exchange,
        _ partition: Int32,
        _ known: Known,
        isAllKnown: Bool
    ) {
        if answer.isVerified {
            if answer.inDoubt { find(.doubt, exchange, partition, "verified, and yet in doubt") }
            return
        }
        guard !answer.inDoubt else { return }
        if answer.reason == .outcomeUnknown {
            find(.doubt, exchange, partition, "outcome_unknown, but not in doubt")
        } else if answer.reason == .sessionUsed, answer.code == 100 {
            find(.doubt, exchange, partition, "it had already succeeded, and the rejection is not in doubt")
        } else if let since = known.doubtSince, isAllKnown, remembers(since, at: answer.completedAt) {
            find(.doubt, exchange, partition, "not in doubt, though an earlier result of the session is")
        }
    }
}
