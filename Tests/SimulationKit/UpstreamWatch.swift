import OTPEngine

/// What one worker was told by the upstream, and so what it must not ask any more: a second opinion on breaker, halt and retry
/// budget that knows nothing of the engine's own.
///
/// Where only the engine can know (a breaker that a share of failures opened), it gives the benefit of the doubt.
struct UpstreamWatch {
    /// A time in which one call may be under way, and no second.
    private struct Spell {
        /// Calls up to this one were asked before.
        var order: Int
        var notBefore: Int64
        var outstanding = 0
    }

    /// What several sessions were told with nobody served between.
    private struct Evidence {
        var sessions: Set<SessionDigest> = []

        func isEnough(servedAt: Int64?, at now: Int64) -> Bool {
            sessions.count >= (servedAt.map { now - $0 < sec(3) } == true ? 10 : 2)
        }
    }

    private let settings: ProtectionSettings
    private let began: Int64
    private var order = 0
    private var halt: Spell?
    /// In a halt: until then only those may be asked about that were not refused yet.
    private var witnessesNotBefore: Int64 = 0
    private var breaker: Spell?
    private var refused = Evidence()
    private var toldToWait = Evidence()
    /// Failed in a row, at least and at most: answers that say neither may end a row.
    private var failing: Set<SessionDigest> = []
    private var mayBeFailing: Set<SessionDigest> = []
    private var servedAt: Int64?
    private var asked: Set<RecordID> = []
    private var retries = 0
    /// Sessions that ever failed.
    private var troubled: Set<SessionDigest> = []
    /// Whether the key may ever have been taken for refused, and the upstream for failing or busy: for want of two sessions that were
    /// told so with nobody served between, no command may have had to wait for it.
    private(set) var mayHaveHalted = false
    private(set) var mayHaveStopped = false

    init(_ settings: ProtectionSettings, at now: Int64) {
        self.settings = settings
        began = now
    }

    /// A request is about to be made.
    /// - Returns: its number, and what is wrong with it.
    mutating func asks(
        _ id: RecordID,
        of session: SessionDigest?,
        at now: Int64
    ) -> (order: Int, violation: String?) {
        order += 1
        var violation: String?
        if let spell = halt {
            if now < witnessesNotBefore, session.map({ refused.sessions.contains($0) }) == true {
                violation = "asks in a halt about one that was refused already"
            }
            if now < spell.notBefore { violation = "asks in a halt, before its pace" }
            if spell.outstanding > 0 { violation = "asks about two at a time in a halt" }
        }
        if let spell = breaker, spell.outstanding > 0 { violation = "asks about two at a time with an open breaker" }
        halt?.outstanding += 1
        breaker?.outstanding += 1
        if asked.contains(id) {
            retries += 1
            if let share = settings.retryShare {
                let floor = Double(settings.retryFloor)
                let allowed = floor + share * Double(asked.count) + floor * Double(now - began) / Double(sec(10))
                if Double(retries) > allowed + 0.001 { violation = "makes more retries than its budget allows" }
            }
        }
        return (order, violation)
    }

    /// Another key is used from now on.
    mutating func keyReplaced(at now: Int64) {
        halt?.notBefore = now
        witnessesNotBefore = now
        refused.sessions = []
    }

    /// The end of the request with this number, of a session of which the worker still knows (nil: its partition is gone).
    mutating func told(
        _ answer: UpstreamAnswer,
        about id: RecordID,
        of session: SessionDigest?,
        order number: Int,
        at now: Int64
    ) {
        if let spell = halt, number > spell.order { halt?.outstanding -= 1 }
        if let spell = breaker, number > spell.order { breaker?.outstanding -= 1 }
        guard answer.transport != .notSent(.withheld) else {
            // Nothing left the worker: the retry is still to come.
            if asked.contains(id) { retries -= 1 }
            return
        }
        asked.insert(id)
        let verdict = OracleTable.verdict(answer)
        let isServed = verdict?.isFinal == true && OracleTable.isTheirs(answer)
        judgeHalt(answer, verdict, session, number, at: now)
        judgeBreaker(answer, verdict, session, at: now)
        if verdict == .retryable, answer.retryAfter != nil, let session { toldToWait.sessions.insert(session) }
        if toldToWait.isEnough(servedAt: servedAt, at: now) { mayHaveStopped = true }
        guard isServed else { return }
        servedAt = now
        toldToWait.sessions = []
        if halt == nil { refused.sessions = [] }
    }

    private mutating func judgeHalt(
        _ answer: UpstreamAnswer,
        _ verdict: OracleTable.Verdict?,
        _ session: SessionDigest?,
        _ number: Int,
        at now: Int64
    ) {
        guard let pace = settings.haltProbeInterval else { return }
        let isNew = session.map { refused.sessions.contains($0) } == false
        // A page too: several sessions' count like the upstream's word.
        let isRefusal = verdict == .halt || [.answered(status: 401), .answered(status: 403)].contains(answer.transport)
        if isRefusal, let session { refused.sessions.insert(session) }
        let isProbe = halt.map { number > $0.order } ?? false
        if case .answered = answer.transport, !isRefusal, OracleTable.isTheirs(answer) {
            if isProbe {
                halt = nil
                refused.sessions = []
            }
        } else if isProbe {
            // One that was refused before delays no other.
            if isNew || !isRefusal { halt?.notBefore = now + pace.nanoseconds }
            witnessesNotBefore = now + pace.nanoseconds
        } else if halt == nil, isRefusal, refused.isEnough(servedAt: servedAt, at: now) {
            halt = Spell(order: order, notBefore: now)
            witnessesNotBefore = now + pace.nanoseconds
            mayHaveHalted = true
        }
    }

    private mutating func judgeBreaker(
        _ answer: UpstreamAnswer,
        _ verdict: OracleTable.Verdict?,
        _ session: SessionDigest?,
        at now: Int64
    ) {
        guard let settings = settings.breaker else { return }
        let isTooMany = answer.transport == .answered(status: 429)
        let isFailure = verdict == nil || verdict == .ambiguous || (verdict == .retryable && !isTooMany)
        guard isFailure else {
            breaker = nil
            failing = []
            if verdict != .halt, verdict != .retryable { mayBeFailing = [] }
            return
        }
        if let session {
            failing.insert(session)
            mayBeFailing.insert(session)
            troubled.insert(session)
        }
        if settings.failureShare < 1, troubled.count > 1 { mayHaveStopped = true }
        let limit = max(settings.consecutiveFailures, 2)
        if mayBeFailing.count >= limit { mayHaveStopped = true }
        if failing.count >= limit, breaker == nil { breaker = Spell(order: order, notBefore: now) }
    }
}

/// The fleet's calls against the limit that its workers share.
struct RateWatch {
    private static let window = sec(5)
    private var calls: [Int64] = []
    private var changes: [Int64] = []

    /// A worker began, or the ownership of partitions changed: each may be worth a call more.
    mutating func ownershipChanged(at now: Int64) { changes.append(now) }

    /// - Returns: what is wrong with one more call.
    mutating func called(at now: Int64, plan: Plan) -> String? {
        guard let limit = plan.protection.rateLimit, plan.faults.isDisjoint(with: Self.bunching) else { return nil }
        calls.removeAll { $0 <= now - Self.window }
        changes.removeAll { $0 <= now - Self.window }
        calls.append(now)
        let allowed = limit * 5 + Double(plan.workers + changes.count)
        return Double(calls.count) > allowed
            ? "\(calls.count) calls in 5 s, and \(Int(limit)) a second are allowed" : nil
    }

    /// Calls that were granted in time leave late, and together; or two workers believe that a share is theirs.
    private static let bunching: Set<Fault> = [
        .intentSlow, .connectSlow, .freeze, .freezeInTransaction, .freezeBeforeWrite, .loopStall, .brokerCut, .twin,
    ]
}
