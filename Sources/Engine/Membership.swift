/// The lease: whether this process may still speak for its partitions.
///
/// A process that was paused, cut off or fenced may have lost them without knowing; it asks nobody anything until the
/// broker has accepted something that it formed afterwards.
package struct Membership: Equatable, Sendable {
    package enum Distrust: String, Equatable, Sendable, CaseIterable {
        /// The loop did not turn for longer than half the session time-out.
        case slept
        /// The group's coordinator was silent for that long.
        case coordinatorSilent = "coordinator_silent"
        /// The broker refused our generation.
        case fenced
    }

    /// Half the session time-out: the broker may have given the partitions away after the whole of it.
    package let patience: Duration
    package private(set) var lastTurn: Instant
    /// Nil while trusted.
    package private(set) var cause: Distrust?
    /// Reasons for distrust so far.
    ///
    /// A batch notes the count when it is formed: counting tells "formed after" from "formed at the same moment", which
    /// a clock does not.
    package private(set) var distrusts: UInt64 = 0

    package init(sessionTimeout: Duration, now: Instant) {
        patience = sessionTimeout / 2
        lastTurn = now
    }

    package var isTrusted: Bool { cause == nil }

    /// How often the loop turns even if nothing happens, so that a gap is a gap.
    package var heartbeat: Duration { patience / 4 }

    /// The loop turns.
    ///
    /// Returns whether trust was lost by it.
    package mutating func turned(at now: Instant) -> Bool {
        let gap = now - lastTurn
        lastTurn = max(lastTurn, now)
        return gap > patience && distrust(.slept)
    }

    package mutating func coordinatorSilent(for silence: Duration) -> Bool {
        silence > patience && distrust(.coordinatorSilent)
    }

    package mutating func fenced() -> Bool { distrust(.fenced) }

    /// A transaction committed whose batch was formed when `count` reasons for distrust were known.
    ///
    /// Returns whether trust is back: anything formed before the latest reason proves nothing.
    package mutating func proven(by count: UInt64) -> Bool {
        guard !isTrusted, count == distrusts else { return false }
        cause = nil
        return true
    }

    private mutating func distrust(_ reason: Distrust) -> Bool {
        let isNews = isTrusted
        distrusts += 1
        cause = reason
        return isNews
    }
}
