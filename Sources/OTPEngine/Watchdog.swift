/// Notices an engine that has work and gets nowhere with it, though nothing outside is known to hold it up.
///
/// Everything that the engine waits for ends by itself: an attempt, a transaction, a back-off. So silence that outlasts all of
/// them is a fault of the worker's own, and a restart is the remedy; a broker that is away is not.
package struct Watchdog: Equatable, Sendable {
    /// Longer than anything that the engine waits for at a time: an attempt, a transaction with its abort, an intent.
    package static let bound = Duration.seconds(60)

    private var lastProgress: Instant

    package init(now: Instant) { lastProgress = now }

    /// Something moved, or there was nothing to move, or it is known what stands in the way.
    package mutating func progressed(at now: Instant) { lastProgress = now }

    /// For how long nothing has moved that should have; nil while that is within the bound.
    package func stalled(at now: Instant) -> Duration? {
        let silence = now - lastProgress
        return silence > Self.bound ? silence : nil
    }
}
