/// Stops asking an upstream that only fails, and finds out with one command at a time whether it is back.
///
/// A wrong code is a healthy answer. What was asked before it opened decides nothing afterwards: only the probe does.
package struct CircuitBreaker: Equatable, Sendable {
    package struct Settings: Equatable, Sendable {
        /// Failures in a row that open it.
        package var consecutiveFailures: Int
        /// Or this share of the calls within `window`, if they are at least `minimumCalls`.
        package var failureShare: Double
        package var minimumCalls: Int
        package var window: Duration
        /// How long it stays open: at first, and at the longest; doubled from one opening to the next, with jitter down to half.
        package var firstOpening: Duration
        package var longestOpening: Duration

        package init(
            consecutiveFailures: Int = 10,
            failureShare: Double = 0.5,
            minimumCalls: Int = 20,
            window: Duration = .seconds(10),
            firstOpening: Duration = .seconds(1),
            longestOpening: Duration = .seconds(30)
        ) {
            self.consecutiveFailures = consecutiveFailures
            self.failureShare = failureShare
            self.minimumCalls = minimumCalls
            self.window = window
            self.firstOpening = firstOpening
            self.longestOpening = longestOpening
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
    private var consecutive = 0
    private var window: FailureWindow
    private var openings: BackOff
    private var closedAt: Instant?

    package init(_ settings: Settings) {
        self.settings = settings
        window = FailureWindow(length: settings.window)
        openings = BackOff(first: settings.firstOpening, longest: settings.longestOpening)
    }

    package var isClosed: Bool { state == .closed }

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
            consecutive = 0
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

    package mutating func failed(_ id: RecordID, at now: Instant, using generator: inout SplitMix64) -> Change? {
        switch state {
        case .closed:
            consecutive += 1
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
        if consecutive >= settings.consecutiveFailures { return true }
        let (calls, failures) = window.totals(at: now)
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
        consecutive = 0
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
