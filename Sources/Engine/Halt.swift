/// Dispatch stops when the upstream refuses the account or the key, for no request of ours can succeed then.
///
/// At a slow pace one waiting command finds out whether somebody has mended it; any other answer ends the halt by itself.
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
        case halted(since: Instant, Cause, nextProbe: Instant, probe: RecordID?)
    }

    package private(set) var state = State.running
    private var waits: BackOff

    /// - Parameters:
    ///   - pace: from the halt, or the last probe's answer, to the next probe; doubled from probe to probe.
    ///   - longest: no such wait is longer.
    package init(pace: Duration, longest: Duration) { waits = BackOff(first: pace, longest: longest) }

    package var isHalted: Bool { state != .running }

    package func isProbe(_ id: RecordID) -> Bool {
        if case .halted(_, _, _, id) = state { true } else { false }
    }

    package func gate(at now: Instant) -> Gate {
        switch state {
        case .running: .open
        case .halted(_, _, _, .some): .closed(until: nil)
        case .halted(_, _, let next, nil): now < next ? .closed(until: next) : .probe
        }
    }

    package mutating func probed(with id: RecordID) {
        switch state {
        case .halted(let since, let cause, let next, nil):
            state = .halted(since: since, cause, nextProbe: next, probe: id)
        case .running, .halted: preconditionFailure("one probe at a time, in a halt")
        }
    }

    /// An answer that halts.
    ///
    /// Returns whether that is news.
    package mutating func refused(_ id: RecordID, _ cause: Cause, at now: Instant) -> Bool {
        switch state {
        case .running:
            waits.succeeded()
            state = .halted(since: now, cause, nextProbe: now + waits.failed(), probe: nil)
            return true
        case .halted(let since, _, _, id):
            state = .halted(since: since, cause, nextProbe: now + waits.failed(), probe: nil)
            return false
        case .halted: return false
        }
    }

    /// An answer that does not halt.
    ///
    /// Returns for how long it had been halted, if this ends it.
    package mutating func answered(_ id: RecordID, at now: Instant) -> Duration? {
        switch state {
        case .halted(let since, _, _, id):
            state = .running
            return now - since
        case .running, .halted: return nil
        }
    }

    /// The attempt ended without an answer, which says nothing about the key.
    package mutating func unanswered(_ id: RecordID, at now: Instant) {
        switch state {
        case .halted(let since, let cause, _, id):
            state = .halted(since: since, cause, nextProbe: now + waits.failed(), probe: nil)
        case .running, .halted: break
        }
    }

    /// Another key is used from now on: whether it works is found out at once.
    ///
    /// A probe under way may carry the old one; after it the waits begin anew.
    package mutating func keyReplaced(at now: Instant) {
        switch state {
        case .halted(let since, let cause, _, let probe):
            waits.succeeded()
            state = .halted(since: since, cause, nextProbe: now, probe: probe)
        case .running: break
        }
    }

    /// The probe came to nothing before it was asked about: another may go.
    package mutating func released(_ id: RecordID) {
        switch state {
        case .halted(let since, let cause, let next, id):
            state = .halted(since: since, cause, nextProbe: next, probe: nil)
        case .running, .halted: break
        }
    }
}
