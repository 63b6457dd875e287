/// Doubling waits between tries at something that must be tried for ever: from the first to the longest, and from the start
/// again after a success.
package struct BackOff: Equatable, Sendable {
    private let first: Duration
    private let longest: Duration
    private var next: Duration

    package init(first: Duration = Limits.firstRetry, longest: Duration = Limits.longestRetry) {
        self.first = first
        self.longest = longest
        next = first
    }

    package mutating func failed() -> Duration {
        defer { next = min(next * 2, longest) }
        return next
    }

    package mutating func succeeded() { next = first }
}
