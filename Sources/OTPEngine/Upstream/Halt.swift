/// Dispatch stops when the upstream refuses the account or the key, for no request of ours can succeed then.
///
/// At once, and then at a slow pace, one waiting command finds out whether that is so for it too and whether somebody has fixed
/// it; any other answer of the upstream's own ends the halt by itself. Sessions that were refused already, the witnesses, say nothing new: each probe is
/// another session's, and a witness takes its turn only where nobody else waits, which delays no other.
package struct Halt: Equatable, Sendable {
    /// The answer that halted.
    package struct Cause: Equatable, Sendable, CustomStringConvertible {
        package var httpStatus: Int?
        package var code: Int?

        package init(httpStatus: Int?, code: Int?) {
            self.httpStatus = httpStatus
            self.code = code
        }

        package var description: String {
            let words = [httpStatus.map { "HTTP \($0)" }, code.map { "code \($0)" }]
            return "the upstream refuses the account or the key: " + words.compactMap(\.self).joined(separator: ", ")
        }
    }

    package enum State: Equatable, Sendable {
        case running
        /// `nextRepeat`: when a witness may be asked about again.
        case halted(since: Instant, Cause, nextProbe: Instant, nextRepeat: Instant, probe: RecordID?)
    }

    package private(set) var state = State.running
    private let pace: Duration
    private var waits: BackOff

    /// - Parameters:
    ///   - pace: from a probe's answer to the next probe, doubled from probe to probe; and from one witness to the next.
    ///   - longest: no such wait is longer.
    package init(pace: Duration, longest: Duration) {
        self.pace = pace
        waits = BackOff(first: pace, longest: longest)
    }

    package var isHalted: Bool { state != .running }

    package func isProbe(_ id: RecordID) -> Bool {
        if case .halted(_, _, _, _, id) = state { true } else { false }
    }

    package func gate(at now: Instant) -> Gate {
        switch state {
        case .running: .open
        case .halted(_, _, _, _, .some): .closed(until: nil)
        case .halted(_, _, let next, let nextRepeat, nil):
            now < min(next, nextRepeat) ? .closed(until: min(next, nextRepeat)) : .probe
        }
    }

    /// When the next probe may be a witness; nil: at any time.
    package var nextRepeat: Instant? {
        if case .halted(_, _, _, let nextRepeat, _) = state { nextRepeat } else { nil }
    }

    /// When the next probe may be a session that was not refused yet; nil: at any time.
    package var nextProbe: Instant? {
        if case .halted(_, _, let next, _, _) = state { next } else { nil }
    }

    package mutating func probed(with id: RecordID) {
        switch state {
        case .halted(let since, let cause, let next, let nextRepeat, nil):
            state = .halted(since: since, cause, nextProbe: next, nextRepeat: nextRepeat, probe: id)
        case .running, .halted: preconditionFailure("one probe at a time, in a halt")
        }
    }

    /// An answer that halts, once enough sessions have got one; a witness had got one before.
    ///
    /// Returns whether that is news.
    package mutating func refused(_ id: RecordID, _ cause: Cause, isWitness: Bool = false, at now: Instant) -> Bool {
        switch state {
        case .running:
            waits.succeeded()
            // The one that waits now is another session: it confirms the halt, or ends it.
            state = .halted(since: now, cause, nextProbe: now, nextRepeat: now + pace, probe: nil)
            return true
        case .halted(let since, _, let next, _, id) where isWitness:
            state = .halted(since: since, cause, nextProbe: next, nextRepeat: now + pace, probe: nil)
            return false
        case .halted(let since, _, _, _, id):
            let next = now + waits.failed()
            state = .halted(since: since, cause, nextProbe: next, nextRepeat: next, probe: nil)
            return false
        case .halted: return false
        }
    }

    /// An answer that does not halt.
    ///
    /// Returns for how long it had been halted, if this ends it.
    package mutating func answered(_ id: RecordID, at now: Instant) -> Duration? {
        switch state {
        case .halted(let since, _, _, _, id):
            state = .running
            return now - since
        case .running, .halted: return nil
        }
    }

    /// The attempt ended without an answer of the upstream's own, which says nothing about the key.
    package mutating func unanswered(_ id: RecordID, at now: Instant) {
        switch state {
        case .halted(let since, let cause, _, _, id):
            let next = now + waits.failed()
            state = .halted(since: since, cause, nextProbe: next, nextRepeat: next, probe: nil)
        case .running, .halted: break
        }
    }

    /// Another key is used from now on: whether it works is found out at once.
    ///
    /// A probe under way may carry the old one; after it the waits begin again.
    package mutating func keyReplaced(at now: Instant) {
        switch state {
        case .halted(let since, let cause, _, _, let probe):
            waits.succeeded()
            state = .halted(since: since, cause, nextProbe: now, nextRepeat: now, probe: probe)
        case .running: break
        }
    }

    /// The probe came to nothing before it was asked about: another may go.
    package mutating func released(_ id: RecordID) {
        switch state {
        case .halted(let since, let cause, let next, let nextRepeat, id):
            state = .halted(since: since, cause, nextProbe: next, nextRepeat: nextRepeat, probe: nil)
        case .running, .halted: break
        }
    }
}
