import Logging

/// Decides whether a log line that repeats is still written.
///
/// The first `limit` lines of a component and message in an interval pass; the rest are counted, and the count comes
/// out as one summary. It takes the time as an argument and writes nothing.
struct RepeatLimiter {
    struct Key: Hashable {
        var component: String
        var level: Logger.Level
        var message: String
    }

    /// How many lines of a key were held back since its last summary.
    struct Summary: Equatable {
        var key: Key
        var suppressed: Int
    }

    /// Keys followed at a time.
    ///
    /// Messages are the cases of `LogMessage`, so it is never reached; if it is, the keys beyond it share one allowance per
    /// level.
    static let maxKeys = 1024

    let limit: Int
    /// In milliseconds, as every time here.
    let interval: Int64
    private var windows: [Key: Window] = [:]
    private var nextSweep: Int64 = .min

    private struct Window {
        var start: Int64
        var passed = 0
        var suppressed = 0

        func isOver(at now: Int64, interval: Int64) -> Bool {
            now - start >= interval || now < start
        }
    }

    init(limit: Int, interval: Duration) {
        self.limit = limit
        self.interval = max(1, Int64(interval.inSeconds * 1000))
    }

    /// Counts one line and tells whether it may be written.
    mutating func admits(_ key: Key, at now: Int64) -> Bool {
        let key = isFollowed(key) ? key : Key(component: "", level: key.level, message: "various messages")
        var window = windows[key] ?? Window(start: now)
        if window.isOver(at: now, interval: interval) {
            window = Window(start: now, suppressed: window.suppressed)
        }
        let admitted = window.passed < limit
        if admitted { window.passed += 1 } else { window.suppressed += 1 }
        windows[key] = window
        return admitted
    }

    /// The summaries of the intervals that are over; looks at most once per interval.
    ///
    /// What is over is forgotten.
    mutating func dueSummaries(at now: Int64) -> [Summary] {
        // A clock that was set back must not postpone the next look.
        guard now >= nextSweep || nextSweep - now > interval else { return [] }
        nextSweep = now + interval
        let interval = interval
        return summaries { $0.isOver(at: now, interval: interval) }
    }

    /// The summaries of every interval, over or not: for the end of the process.
    mutating func allSummaries() -> [Summary] {
        summaries { _ in true }
    }

    private mutating func summaries(where isDue: (Window) -> Bool) -> [Summary] {
        let due = windows.filter { isDue($0.value) }
        for key in due.keys { windows[key] = nil }
        return due.filter { $0.value.suppressed > 0 }
            .sorted { ($0.value.start, $0.key.message) < ($1.value.start, $1.key.message) }
            .map { Summary(key: $0.key, suppressed: $0.value.suppressed) }
    }

    private func isFollowed(_ key: Key) -> Bool {
        windows[key] != nil || windows.count < Self.maxKeys
    }
}
