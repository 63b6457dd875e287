/// Stops asking an upstream that only fails, and finds out with one command at a time whether it is back.
///
/// A wrong code is a healthy answer. A session counts once however often it fails, for it may be that one which fails and not
/// the upstream; the session that probes has not failed yet, if such a one waits. What was asked before it opened decides nothing afterwards: only the probe does.
package struct CircuitBreaker: Equatable, Sendable {
    package struct Settings: Equatable, Sendable {
        /// Different sessions in a row that failed, and none served between, open it; never fewer than two.
        package var consecutiveFailures: Int
        /// Or this share of the calls within `window`, if they are at least `minimumCalls` and several sessions failed; 1 is never,
        /// for where somebody is served another session that fails may be alone with that.
        package var failureShare: Double
        package var minimumCalls: Int
        package var window: Duration
        /// How long it stays open: at first, and at the longest; doubled from one opening to the next, with jitter down to half.
        package var openDuration: Duration
        package var maxOpenDuration: Duration

        package init(
            consecutiveFailures: Int = 10,
            failureShare: Double = 1,
            minimumCalls: Int = 20,
            window: Duration = .seconds(10),
            openDuration: Duration = .seconds(1),
            maxOpenDuration: Duration = .seconds(30)
        ) {
            self.consecutiveFailures = consecutiveFailures
            self.failureShare = failureShare
            self.minimumCalls = minimumCalls
            self.window = window
            self.openDuration = openDuration
            self.maxOpenDuration = maxOpenDuration
        }
    }

    package enum State: Equatable, Sendable {
        case closed
        case open(until: Instant)
        case halfOpen(probe: RecordID)
    }

    package enum Change: Equatable, Sendable {
        case opened(until: Instant)
        case closed
    }

    private let settings: Settings
    package private(set) var state = State.closed
    /// Failed since the last that was served.
    private var failing = Witnesses()
    /// Who failed last, when, and when another session did before.
    private var lastFailed: SessionDigest?
    private var lastFailure: Instant?
    private var othersFailure: Instant?
    private var window: FailureWindow
    private var openings: BackOff
    private var closedAt: Instant?

    package init(_ settings: Settings) {
        self.settings = settings
        window = FailureWindow(length: settings.window)
        openings = BackOff(first: settings.openDuration, longest: settings.maxOpenDuration)
    }

    package var isClosed: Bool { state == .closed }

    /// It has failed since somebody was served last.
    package func isWitness(_ session: SessionDigest) -> Bool { failing.contains(session) }

    package func isProbe(_ id: RecordID) -> Bool { state == .halfOpen(probe: id) }

    package func gate(at now: Instant) -> Gate {
        switch state {
        case .closed: .open
        case .open(let until): now < until ? .closed(until: until) : .probe
        case .halfOpen: .closed(until: nil)
        }
    }

    /// This command is asked about to find out.
    package mutating func probed(with id: RecordID) {
        switch state {
        case .open: state = .halfOpen(probe: id)
        case .closed, .halfOpen: preconditionFailure("a probe belongs to an open breaker")
        }
    }

    package mutating func succeeded(_ id: RecordID, at now: Instant) -> Change? {
        switch state {
        case .closed:
            failing.clear()
            window.count(isFailure: false, at: now)
            return nil
        case .halfOpen(id): return close(at: now)
        case .open, .halfOpen: return nil
        }
    }

    /// It answered, and neither well nor badly: enough for a probe.
    package mutating func lived(_ id: RecordID, at now: Instant) -> Change? {
        switch state {
        case .halfOpen(id): close(at: now)
        case .closed, .open, .halfOpen: nil
        }
    }

    /// A failure of this session's; where nobody knows any more whose it was (nil), it counts for a share only.
    package mutating func failed(
        _ id: RecordID,
        of session: SessionDigest?,
        at now: Instant,
        using generator: inout SplitMix64
    ) -> Change? {
        if let session {
            failing.heard(session)
            if session != lastFailed { (lastFailed, othersFailure) = (session, lastFailure) }
            lastFailure = now
        }
        switch state {
        case .closed:
            window.count(isFailure: true, at: now)
            return isTooMuch(at: now) ? open(at: now, using: &generator) : nil
        case .halfOpen(id): return open(at: now, using: &generator)
        case .open, .halfOpen: return nil
        }
    }

    /// The probe came to nothing before it was asked about: another may go.
    package mutating func released(_ id: RecordID, at now: Instant) {
        switch state {
        case .halfOpen(id): state = .open(until: now)
        case .closed, .open, .halfOpen: break
        }
    }

    private func isTooMuch(at now: Instant) -> Bool {
        if failing.count >= max(settings.consecutiveFailures, Limits.witnesses) { return true }
        guard settings.failureShare < 1 else { return false }
        let (calls, failures) = window.totals(at: now)
        guard let othersFailure, now - othersFailure < settings.window else { return false }
        return calls >= settings.minimumCalls && Double(failures) >= settings.failureShare * Double(calls)
    }

    private mutating func open(at now: Instant, using generator: inout SplitMix64) -> Change {
        // One that opens again right after it closed has learnt nothing new: the wait goes on growing.
        if let closedAt, now - closedAt > settings.window { openings.succeeded() }
        closedAt = nil
        let longest = openings.failed().nanoseconds
        let until = now + .nanoseconds(Int64.random(in: longest / 2...longest, using: &generator))
        state = .open(until: until)
        return .opened(until: until)
    }

    private mutating func close(at now: Instant) -> Change {
        state = .closed
        failing.clear()
        window.clear()
        closedAt = now
        return .closed
    }
}

/// Whether a command may be asked about now.
package enum Gate: Equatable, Sendable {
    case open
    /// One may, to find out.
    case probe
    /// None may until then; nil: until an answer is there.
    case closed(until: Instant?)
}
