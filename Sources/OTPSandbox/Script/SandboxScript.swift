/// What the fake Paynet goes through: phases, one after another, each with its own faults, latency and rate.
///
/// The first begins with the first call. After the last, unless the script repeats, all is as the configuration says.
/// Its YAML form is read by ``init(yaml:)``.
package struct SandboxScript: Sendable, Equatable {
    /// A stretch of the script.
    ///
    /// It ends by time or by calls, whichever comes first; without either it holds for ever.
    package struct Phase: Sendable, Equatable {
        /// What the summary calls it.
        package var name: String
        package var duration: Duration?
        /// How many `check_otp` calls it lasts, of those that faults can hit.
        package var calls: Int?
        /// Tried in their order; they count again in each phase.
        package var faults: [FaultRule]
        /// Instead of the configured one.
        package var latency: ClosedRange<Duration>?
        /// Calls per second, instead of the configured limit.
        package var rateLimit: Int?

        package init(
            _ name: String = "phase",
            for duration: Duration? = nil,
            calls: Int? = nil,
            faults: [FaultRule] = [],
            latency: ClosedRange<Duration>? = nil,
            rateLimit: Int? = nil
        ) {
            self.name = name
            self.duration = duration
            self.calls = calls
            self.faults = faults
            self.latency = latency
            self.rateLimit = rateLimit
        }

        var isEndless: Bool { duration == nil && calls == nil }
    }

    /// The most phases that a script may have.
    package static let maximumPhases = 1000

    package var phases: [Phase]
    /// Whether the first phase follows the last.
    package var repeats: Bool

    package init(_ phases: [Phase] = [], repeats: Bool = false) {
        self.phases = phases
        self.repeats = repeats
    }

    /// These faults from the first call on, for ever.
    package init(faults: [FaultRule]) {
        self.init([Phase(faults: faults)])
    }
}

/// Where in its script a sandbox is.
struct ScriptProgress {
    private let script: SandboxScript
    private var index = 0
    private var began: Duration?
    private var calls = 0
    private var latest: Duration = .zero

    init(_ script: SandboxScript) {
        self.script = script
    }

    /// The phase in force; nil once the script is over.
    var phase: SandboxScript.Phase? {
        index < script.phases.count ? script.phases[index] : nil
    }

    /// Time has come this far.
    ///
    /// Returns whether another phase is in force now.
    mutating func reached(_ now: Duration) -> Bool {
        guard let first = began else {
            began = now
            return false
        }
        let before = (index, first)
        while let phase, let end = end(of: phase), end <= now {
            index += 1
            if script.repeats { index %= script.phases.count }
            (began, calls) = (end, 0)
        }
        return (index, began ?? first) != before
    }

    mutating func called(at now: Duration) {
        calls += 1
        latest = now
    }

    private func end(of phase: SandboxScript.Phase) -> Duration? {
        if let limit = phase.calls, calls >= limit { return latest }
        guard let began, let duration = phase.duration else { return nil }
        return began + duration
    }
}
