/// How long a command takes from its dispatch to its answer, on the safe side: the mean and four deviations, as TCP estimates
/// its time-out.
///
/// A command that has less time than that left would only take the place of one that can make it: under overload, with the
/// oldest first, all calls would come too late. It fades while nothing is measured, so that a bad moment is not believed for ever.
package struct LatencyEstimate: Equatable, Sendable {
    private let longest: Double
    private var mean = 0.0
    private var deviation = 0.0
    private var measured: Instant?

    /// - Parameter longest: it is never longer.
    package init(longest: Duration) { self.longest = Double(longest.nanoseconds) }

    package mutating func answered(after latency: Duration, at now: Instant) {
        let sample = Double(latency.nanoseconds)
        if measured == nil {
            mean = sample
            deviation = sample / 2
        } else {
            deviation += (abs(sample - mean) - deviation) / 4
            mean += (sample - mean) / 8
        }
        measured = now
    }

    /// No answer came in that time: what it takes is more, and nobody knows how much.
    package mutating func timedOut(after wait: Duration, at now: Instant) { answered(after: wait * 2, at: now) }

    package func needed(at now: Instant) -> Duration {
        guard let measured else { return .zero }
        var needed = min(mean + 4 * deviation, longest)
        let silence = (now - measured).nanoseconds / 1_000_000_000
        if silence > 0 { needed /= Double(1 << min(silence, 40)) }
        return .nanoseconds(Int64(needed))
    }
}
