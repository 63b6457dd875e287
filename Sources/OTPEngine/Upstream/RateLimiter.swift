/// This worker's share of the calls per second that the whole fleet may make: owned of all partitions, so no store is needed.
///
/// A token bucket kept as the moment at which it will be full again. It is small (20 ms worth, at least one call), so that no
/// second holds more than the limit and that little.
package struct RateLimiter: Equatable, Sendable {
    package static let burst = Duration.milliseconds(20)

    /// Calls per second of the fleet.
    private let limit: Double
    /// Of the command topic; nil: taken for ours alone.
    private var partitions: Int?
    private var owned = 0
    /// Calls per second of this worker.
    package private(set) var rate: Double
    private var full: Instant

    package init(limit: Double, partitions: Int?, now: Instant) {
        precondition(limit > 0, "a rate limit is above zero, or none at all")
        self.limit = limit
        self.partitions = partitions
        rate = limit
        full = now
    }

    package mutating func owned(_ owned: Int, at now: Instant) {
        self.owned = owned
        share(at: now)
    }

    /// The command topic has other partitions than before; without effect where all is taken for ours.
    package mutating func counted(_ partitions: Int, at now: Instant) {
        guard self.partitions != nil else { return }
        self.partitions = partitions
        share(at: now)
    }

    private mutating func share(at now: Instant) {
        guard let partitions, partitions > 0 else { return }
        rate = limit * Double(min(max(owned, 1), partitions)) / Double(partitions)
        // What the old share still owes is never more than one call of the new one.
        full = min(full, now + .nanoseconds(interval + tolerance))
    }

    /// When the next call may be; now or in the past if it may be now.
    package var nextCall: Instant { Instant(nanoseconds: full.nanoseconds - tolerance) }

    package mutating func called(at now: Instant) { full = max(full, now) + .nanoseconds(interval) }

    /// Nanoseconds between two calls.
    private var interval: Int64 { Int64(min(1_000_000_000 / rate, 1e18)) }

    private var tolerance: Int64 { max(Self.burst.nanoseconds - interval, 0) }
}
