/// When a command may be asked about again: exponential back-off with full jitter, never before the upstream's
/// `Retry-After`, and never so late that the answer would come after the command's total time-out or deadline.
package struct RetrySchedule: Equatable, Sendable {
    package enum Next: Equatable, Sendable {
        case wait(until: Instant)
        case giveUp
    }

    /// Attempts in all, the first included.
    package var maximumAttempts: Int
    /// The first back-off's upper end; doubled with every attempt.
    package var base: Duration
    /// No back-off's upper end is above this.
    package var cap: Duration
    /// How often an ambiguous answer is asked about again.
    package var ambiguousRetries: Int

    package init(maximumAttempts: Int, base: Duration, cap: Duration, ambiguousRetries: Int) {
        self.maximumAttempts = maximumAttempts
        self.base = base
        self.cap = cap
        self.ambiguousRetries = ambiguousRetries
    }

    /// What follows `attempts` attempts, `ambiguous` of which left the outcome open.
    package func next(
        attempts: Int,
        ambiguous: Int,
        retryAfter: Duration?,
        now: Instant,
        end: Instant,
        using generator: inout SplitMix64
    ) -> Next {
        guard attempts < maximumAttempts, ambiguous <= ambiguousRetries else { return .giveUp }
        let doubled = base * Int(1 << min(max(attempts - 1, 0), 16))
        let ceiling = min(doubled, cap).nanoseconds
        let jittered = Duration.nanoseconds(Int64.random(in: 0...max(ceiling, 0), using: &generator))
        let until = now + max(jittered, retryAfter ?? .zero)
        return until < end ? .wait(until: until) : .giveUp
    }
}
