/// What stands between a waiting command and the upstream: halt, breaker, `Retry-After`, the rate and the concurrency limit, and
/// the budget for retries, as one question and one set of answers.
///
/// It decides whether a call may begin, never which. An answer concerns its own session until others have confirmed it; see
/// ``Witnesses``.
struct Protection {
    struct Answer {
        var id: RecordID
        /// Nil when its partition is gone: then nobody knows whether others were told the same.
        var session: SessionDigest?
        var judged: AnswerClass
        var answer: UpstreamAnswer
        /// When the attempt began and when the command was dispatched; nil when its partition is gone.
        var began: Instant?
        var dispatched: Instant?
        /// All the time that an attempt may have passed without an answer.
        var isTimedOut = false
    }

    private let settings: ProtectionSettings
    private let retry: RetrySchedule
    /// All the engine's chance: jitter of retries and of the breaker's openings.
    private var random: SplitMix64
    private(set) var breaker: CircuitBreaker?
    private(set) var halt: Halt?
    private var retries: RetryBudget?
    /// Of intents, and of calls: intents that are acknowledged late come together, their calls must not.
    private var rate: RateLimiter?
    private var calls: RateLimiter?
    private(set) var concurrency: ConcurrencyLimit
    private var latency: LatencyEstimate
    /// `Retry-After` of several sessions' answers: nothing is asked before.
    private var heldUntil: Instant?
    /// Who was refused, and who was told to wait, since somebody was served last; and when the shortest such wait ends.
    private var refused = Witnesses()
    private var toldToWait = Witnesses()
    private var shortestWaitEnd: Instant?
    private var served: Instant?
    private var limitReported: Instant?
    /// Until somebody takes them.
    private var changes: [UpstreamChange] = []

    init(_ configuration: EngineConfiguration, seed: UInt64, now: Instant) {
        let settings = configuration.protection
        self.settings = settings
        retry = configuration.retry
        random = SplitMix64(seed: seed)
        breaker = settings.breaker.map { CircuitBreaker($0) }
        halt = settings.haltProbeInterval.map { Halt(pace: $0, longest: max($0, settings.maxHaltProbeInterval)) }
        retries = settings.retryShare.map { RetryBudget(share: $0, floor: settings.retryFloor, now: now) }
        rate = settings.rateLimit.map { RateLimiter(limit: $0, partitions: settings.partitions, now: now) }
        calls = rate
        concurrency = ConcurrencyLimit(cap: configuration.maximumInFlight)
        latency = LatencyEstimate(longest: configuration.attemptTimeout)
    }

    var maximumWait: Duration { settings.maximumWait }
    /// Calls per second that this worker may make.
    var rateShare: Double? { rate?.rate }

    /// What the last answers and gates changed, once.
    mutating func dequeueChanges() -> [UpstreamChange] {
        guard !changes.isEmpty else { return [] }
        defer { changes.removeAll(keepingCapacity: true) }
        return changes
    }

    // MARK: Before a call

    /// Dispatch as a whole stands still, or a single probe is all there is.
    func isBlocked(at now: Instant) -> Bool {
        if let heldUntil, now < heldUntil { return true }
        return halt?.isHalted == true || breaker?.isClosed == false
    }

    /// When a command may be asked about.
    func gate(at now: Instant) -> Gate {
        let gate = isBlocked(at: now) ? blockedGate(at: now) : .open
        guard gate == .open || gate == .probe, let next = rate?.nextCall, next > now else { return gate }
        return .closed(until: next)
    }

    private func blockedGate(at now: Instant) -> Gate {
        if let heldUntil, now < heldUntil { return .closed(until: heldUntil) }
        let halting = halt?.gate(at: now) ?? .open
        let breaking = breaker?.gate(at: now) ?? .open
        if case .closed = halting { return halting }
        if case .closed = breaking { return breaking }
        return halting == .probe || breaking == .probe ? .probe : .open
    }

    /// Whether this session was told already what keeps the others waiting: it would only be told so again.
    func isWitness(_ session: SessionDigest?) -> Bool {
        guard let session else { return false }
        return (halt?.isHalted == true && refused.contains(session)) || breaker?.isWitness(session) == true
    }

    /// When a session that is no witness may probe, and one that is.
    func probes(at now: Instant) -> (unrelated: Instant, witness: Instant) {
        (halt?.nextProbe ?? now, halt?.nextRepeat ?? now)
    }

    /// Somebody is refused, and nobody was served since, whether that is enough for a halt or not.
    var isKeyInQuestion: Bool { halt?.isHalted == true || refused.count > 0 }

    /// Dispatch waits for the rate alone.
    mutating func limited(at now: Instant) {
        guard !isBlocked(at: now), limitReported.map({ now - $0 >= Limits.limitReports }) ?? true else { return }
        limitReported = now
        changes.append(.rateLimited)
    }

    /// A slot is given to this command: it may be the probe.
    mutating func granted(_ id: RecordID, at now: Instant) {
        guard isBlocked(at: now) else { return }
        if halt?.gate(at: now) == .probe { halt?.probed(with: id) }
        if breaker?.gate(at: now) == .probe {
            breaker?.probed(with: id)
            changes.append(.breakerHalfOpened)
        }
    }

    /// An intent is written.
    mutating func intended(at now: Instant) { rate?.called(at: now) }

    /// A call begins.
    mutating func called(at now: Instant) { calls?.called(at: now) }

    /// When the rate lets the next call begin; nil without a limit.
    var nextCall: Instant? { calls?.nextCall }

    /// Whether a command that was granted a while ago, for its intent, may still be asked about.
    func stillAllows(_ id: RecordID, at now: Instant) -> Bool {
        if let heldUntil, now < heldUntil { return false }
        if let nextCall, nextCall > now { return false }
        return (halt?.isHalted != true || halt?.isProbe(id) == true)
            && (breaker?.isClosed != false || breaker?.isProbe(id) == true)
    }

    /// Its slot is free again and nothing was asked.
    mutating func released(_ id: RecordID, at now: Instant) {
        halt?.released(id)
        breaker?.released(id, at: now)
    }

    /// A call begun now would be cut off before its answer, as far as can be told.
    func isHopeless(_ left: Duration, at now: Instant) -> Bool {
        settings.shedsHopeless && left < latency.needed(at: now)
    }

    mutating func keyReplaced(at now: Instant) {
        // What was said of the old key says nothing of this one.
        refused.clear()
        halt?.keyReplaced(at: now)
    }

    mutating func counted(_ partitions: Int, at now: Instant) {
        rate?.counted(partitions, at: now)
        calls?.counted(partitions, at: now)
    }

    mutating func owned(_ partitions: Int, at now: Instant) {
        rate?.owned(partitions, at: now)
        calls?.owned(partitions, at: now)
    }

    // MARK: After it

    /// When this command may be asked about again, as far as its own attempts say; ``retried(at:)`` has the last word.
    mutating func nextAttempt(of command: Command, retryAfter: Duration?, at now: Instant) -> RetrySchedule.Next {
        retry.next(
            attempts: command.attempts,
            ambiguous: command.ambiguousAttempts,
            retryAfter: retryAfter,
            now: now,
            end: command.end,
            using: &random
        )
    }

    /// A retry is to be scheduled; returns false if there have been too many.
    mutating func retried(at now: Instant) -> Bool {
        guard retries?.retried(at: now) == false else { return true }
        changes.append(.retryDenied)
        return false
    }

    mutating func answered(_ answer: Answer, isFirst: Bool, slots: Int, at now: Instant) {
        if isFirst { retries?.called() }
        measure(answer, at: now)
        adapt(answer, slots: slots, at: now)
        hold(answer, at: now)
        judgeHalt(answer, at: now)
        judgeBreaker(answer, at: now)
        if answer.judged.isHealthy, answer.answer.isUpstreamsOwn { isServed(at: now) }
    }

    private mutating func isServed(at now: Instant) {
        served = now
        forgetWaits()
        // In a halt the probe alone decides.
        if halt?.isHalted != true { refused.clear() }
    }

    private mutating func forgetWaits() {
        toldToWait.clear()
        shortestWaitEnd = nil
    }

    private mutating func measure(_ answer: Answer, at now: Instant) {
        guard let dispatched = answer.dispatched else { return }
        switch answer.answer.transport {
        case .answered: latency.answered(after: now - dispatched, at: now)
        case .unknown(.attemptTimeout): latency.timedOut(after: now - dispatched, at: now)
        case .unknown, .notSent: break
        }
    }

    private mutating func adapt(_ answer: Answer, slots: Int, at now: Instant) {
        guard settings.adaptsConcurrency, let began = answer.began, let session = answer.session else { return }
        let isOverload =
            switch answer.answer.transport {
            case .answered(429), .answered(503): true
            case .answered, .notSent, .unknown: answer.isTimedOut
            }
        if isOverload {
            guard concurrency.overloaded(by: session, began: began, at: now) else { return }
            changes.append(.concurrencyCut(to: concurrency.limit))
        } else if answer.judged.isHealthy {
            concurrency.succeeded(inFlight: slots + 1, at: now)
        }
    }

    private mutating func hold(_ answer: Answer, at now: Instant) {
        guard answer.judged == .retryable, let wait = answer.answer.retryAfter, wait > .zero else { return }
        if let shortestWaitEnd, shortestWaitEnd <= now { forgetWaits() }
        toldToWait.heard(answer.session)
        // What all of them were told: who is told to wait for an hour is told so for itself.
        let end = now + min(wait, settings.longestHold)
        let until = min(shortestWaitEnd ?? end, end)
        shortestWaitEnd = until
        guard toldToWait.areEnough(served: served, at: now), until > max(heldUntil ?? now, now) else { return }
        heldUntil = until
        changes.append(.held(for: until - now))
    }

    private mutating func judgeHalt(_ answer: Answer, at now: Instant) {
        guard case .answered(let status) = answer.answer.transport else {
            halt?.unanswered(answer.id, at: now)
            return
        }
        // A page with such a status too: no matter who refuses several sessions, no request of ours gets through.
        if answer.judged == .halt || status == 401 || status == 403 {
            let code = status == 200 ? answer.answer.body?.code : answer.answer.body?.resultCode
            let cause = Halt.Cause(httpStatus: status, code: code)
            let isWitness = !refused.heard(answer.session) && answer.session != nil
            guard halt?.isHalted == true || refused.areEnough(served: served, at: now) else { return }
            if halt?.refused(answer.id, cause, isWitness: isWitness, at: now) == true { changes.append(.halted(cause)) }
        } else if !answer.answer.isUpstreamsOwn {
            halt?.unanswered(answer.id, at: now)
        } else if let duration = halt?.answered(answer.id, at: now) {
            refused.clear()
            changes.append(.recovered(after: duration))
        }
    }

    private mutating func judgeBreaker(_ answer: Answer, at now: Instant) {
        let change: CircuitBreaker.Change?
        switch answer.judged {
        case .accepted, .alreadySucceeded, .rejected, .refused: change = breaker?.succeeded(answer.id, at: now)
        case .halt: change = breaker?.lived(answer.id, at: now)
        case .retryable where answer.answer.transport == .answered(status: 429):
            change = breaker?.lived(answer.id, at: now)
        case .retryable, .ambiguous: change = breaker?.failed(answer.id, of: answer.session, at: now, using: &random)
        case .withheld: change = nil
        }
        switch change {
        case .opened(let until): changes.append(.breakerOpened(for: until - now))
        case .closed: changes.append(.breakerClosed)
        case nil: break
        }
    }
}

extension AnswerClass {
    /// The upstream did what it is there for.
    var isHealthy: Bool {
        switch self {
        case .accepted, .alreadySucceeded, .rejected, .refused: true
        case .halt, .retryable, .ambiguous, .withheld: false
        }
    }
}
