/// Keeps retries to a share of the calls, so that they do not multiply the load on an upstream in trouble.
///
/// A bucket: a command's first attempt puts a part of a token in, a retry takes one out. A worker with little to do may still
/// retry, because the bucket fills by itself up to a floor.
package struct RetryBudget: Equatable, Sendable {
    /// The time in which an empty bucket fills to the floor by itself.
    package static let refill = Duration.seconds(10)
    /// Never more tokens than this many floors, so that a good hour does not pay for a storm.
    package static let floors = 10.0

    private let share: Double
    private let floor: Double
    private var tokens: Double
    private var filled: Instant

    /// - Parameters:
    ///   - share: retries per call.
    ///   - floor: retries that are always there after a quiet while.
    ///   - now: when it begins, with a full floor.
    package init(share: Double, floor: Int, now: Instant) {
        self.share = share
        self.floor = Double(floor)
        tokens = Double(floor)
        filled = now
    }

    package mutating func called() { tokens = min(tokens + share, floor * Self.floors) }

    /// Takes a token.
    ///
    /// Returns false if there is none: then the retry must not be.
    package mutating func retried(at now: Instant) -> Bool {
        if tokens < floor {
            let elapsed = Double((now - filled).nanoseconds) / Double(Self.refill.nanoseconds)
            tokens = min(tokens + elapsed * floor, floor)
        }
        filled = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
