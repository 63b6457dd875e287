/// The lease: whether this process may still speak for its partitions.
///
/// A process that was paused, cut off or fenced may have lost them without knowing; it asks nobody anything until the
/// broker has accepted something that it formed afterwards.
package struct Membership: Equatable, Sendable {
    /// Why the lease is lost: another member may own the partitions.
    package enum LeaseLoss: String, Equatable, Sendable, CaseIterable {
        /// The loop did not turn for longer than half the session time-out.
        case slept
        /// The group's coordinator was not heard for three quarters of it.
        case coordinatorSilent = "coordinator_silent"
        /// The group does not know us, or another producer has our transactional id.
        case fenced
    }

    /// Half the session time-out: the broker may have given the partitions away after the whole of it.
    package let patience: Duration
    package private(set) var lastTurn: Instant
    /// Nil while the lease is valid.
    package private(set) var cause: LeaseLoss?
    /// How often the lease was lost so far.
    ///
    /// A batch notes the count when it is formed: counting tells "formed after" from "formed at the same moment", which
    /// a clock does not.
    package private(set) var leaseLosses: UInt64 = 0
    /// When the coordinator last answered this member's consumer, as far as is known; nil before its first answer.
    private var heard: Instant?
    /// Three quarters of the session time-out: silence and sleep add up, so they have one measure.
    private let longestUnheard: Duration

    package init(sessionTimeout: Duration, now: Instant) {
        patience = sessionTimeout / 2
        longestUnheard = sessionTimeout * 3 / 4
        lastTurn = now
    }

    package var isLeaseValid: Bool { cause == nil }

    /// How often the loop turns even if nothing happens, so that a gap is a gap.
    package var heartbeat: Duration { patience / 4 }

    /// The loop turns.
    ///
    /// Returns whether the lease was lost by it.
    package mutating func turned(at now: Instant) -> Bool {
        let gap = now - lastTurn
        lastTurn = max(lastTurn, now)
        if gap > patience { return lost(.slept) }
        return isLeaseValid && !canProve(at: now) && lost(.coordinatorSilent)
    }

    /// The coordinator answered something at that moment, and nothing since.
    package mutating func coordinatorHeard(at moment: Instant, now: Instant) {
        // It may have answered that the member is gone: what was formed while it was silent proves nothing any more.
        if !canProve(at: now) { leaseLosses += 1 }
        heard = max(heard ?? moment, moment)
    }

    /// The consumer was given up: what its coordinator said is of no use to the next.
    package mutating func consumerReplaced() { heard = nil }

    /// Whether a commit could make the lease valid again: while the coordinator is silent, it may give the partitions away a moment later.
    package func canProve(at now: Instant) -> Bool { heard.map { now - $0 <= longestUnheard } ?? true }

    package mutating func fenced() -> Bool { lost(.fenced) }

    /// A transaction committed whose batch was formed when the lease had been lost `count` times.
    ///
    /// Returns whether the lease is valid again: anything formed before its latest loss proves nothing.
    package mutating func proven(by count: UInt64, at now: Instant) -> Bool {
        guard !isLeaseValid, count == leaseLosses, canProve(at: now) else { return false }
        cause = nil
        return true
    }

    /// The coordinator is heard while no partition is owned: there is nothing that another member could have been given, and nothing to
    /// commit as a proof.
    ///
    /// Returns whether the lease is valid again.
    package mutating func ownsNothing(at now: Instant) -> Bool {
        guard !isLeaseValid, canProve(at: now) else { return false }
        cause = nil
        return true
    }

    private mutating func lost(_ reason: LeaseLoss) -> Bool {
        let isNews = isLeaseValid
        leaseLosses += 1
        cause = reason
        return isNews
    }
}
