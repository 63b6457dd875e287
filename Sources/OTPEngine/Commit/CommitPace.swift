/// When the next transaction may begin, by how the last ones went.
///
/// The first outcome after a quiet time is published at once. From then on transactions begin an interval apart, and where they take
/// longer than that, as on replicated brokers under load, as much time passes between two as they take: a commit writes a marker into
/// every partition that it touched, on every replica, so that fewer and larger ones leave the brokers the time for the rest. The
/// shorter of the last two counts: one that was slow by itself delays nobody further.
struct CommitPace {
    private let interval: Duration
    private var began: Instant
    private var ended: Instant
    private var durations = (last: Duration.zero, before: Duration.zero)

    init(interval: Duration, now: Instant) {
        self.interval = interval
        (began, ended) = (now, now)
    }

    mutating func began(at now: Instant) { began = now }

    mutating func committed(after duration: Duration, at now: Instant) {
        ended = now
        durations = (duration, durations.last)
    }

    /// In the past where nothing has been published for long.
    var next: Instant {
        let rest = min(durations.last, durations.before, Limits.longestGathering)
        return max(began + interval, ended + rest)
    }
}
