import OTPContract

/// The wall clock as the engine tells it: one line through readings of whole milliseconds, on which a later moment is never earlier.
///
/// Each reading drops a fraction of its own. Times that are counted from several of them may be out of order by a millisecond; those
/// of one line are not. It never reads a clock.
struct WallLine: Equatable {
    /// A clock that was set back by no more than this is waited for, and time stands still; beyond it, the clock is followed.
    static let patience = Duration.seconds(1)

    private var anchor = WallTime(milliseconds: 0)
    private var read: Instant
    private var floor = Int64.min

    init(at now: Instant) { read = now }

    func time(at now: Instant) -> WallTime {
        // By hand: a `Duration` has 128 bits, and every record asks for the time.
        WallTime(milliseconds: max(anchor.milliseconds + (now.nanoseconds &- read.nanoseconds) / 1_000_000, floor))
    }

    /// The clock was read.
    mutating func told(_ wall: WallTime, at now: Instant) {
        let shown = time(at: now)
        // What is left of a reading's fraction is lost with the next anchor, so the old one stays while it fits.
        guard wall != shown else { return }
        let setBack = Duration.milliseconds(shown.milliseconds - wall.milliseconds)
        floor = (.zero...Self.patience).contains(setBack) ? shown.milliseconds : .min
        anchor = wall
        read = now
    }
}
