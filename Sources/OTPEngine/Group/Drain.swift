/// The way out: stop dispatching, wait for what is in flight, commit it, leave.
///
/// Each step ends by itself or at the deadline.
package struct Drain: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        case running
        /// No new call begins; calls in flight and the last transactions go on until the deadline.
        case draining(deadline: Instant)
        /// Nothing is left to wait for, or the deadline came.
        case stopped
    }

    package private(set) var state = State.running

    package init() {}

    package var isRunning: Bool { state == .running }

    /// Returns whether this is news.
    package mutating func requested(at now: Instant, timeout: Duration) -> Bool {
        switch state {
        case .running:
            state = .draining(deadline: now + timeout)
            return true
        case .draining, .stopped: return false
        }
    }

    /// Returns true once: when the worker may leave.
    package mutating func progressed(isIdle: Bool, at now: Instant) -> Bool {
        switch state {
        case .draining(let deadline) where isIdle || now >= deadline:
            state = .stopped
            return true
        case .running, .draining, .stopped: return false
        }
    }

    package var deadline: Instant? {
        switch state {
        case .draining(let deadline): deadline
        case .running, .stopped: nil
        }
    }
}
