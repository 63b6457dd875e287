import NIOCore

/// Which connection carries which call, which calls wait, and when each of them has waited long enough.
///
/// A value: it is told what happened and returns what to do. It never touches a channel, a clock or a timer.
///
/// A slot is one place for a connection. Calls that find none idle wait in order, and a connection is opened for each
/// while the limit allows; whichever connection is free first, new or released, takes the longest-waiting call.
struct ConnectionPool<Call: Equatable>: Equatable {
    typealias Slot = Int

    private enum State: Equatable {
        case free
        case connecting(until: NIODeadline)
        case idle(until: NIODeadline, retireAt: NIODeadline)
        case busy(until: NIODeadline, retireAt: NIODeadline)
    }

    private struct Waiting: Equatable {
        var call: Call
        var deadline: NIODeadline
    }

    enum CallAction: Equatable {
        case send(on: Slot)
        case wait
        case waitAndOpen(Slot)
        case refuse
    }

    enum FreedAction: Equatable {
        case send(Call, on: Slot)
        case park(until: NIODeadline)
        /// Close this one, and open another for the calls that wait.
        case close(thenOpen: Slot?)
    }

    struct FailedAction: Equatable {
        /// The call that hears about it, if one was relying on this connection.
        var fail: Call?
        var open: Slot?
    }

    struct TimeAction: Equatable {
        var expiredWaiting: [Call] = []
        var expiredConnecting: [Slot] = []
        var expiredAttempts: [Slot] = []
        var closeIdle: [Slot] = []
        var next: NIODeadline?
    }

    struct CloseAction: Equatable {
        var fail: [Call] = []
        var close: [Slot] = []
    }

    private let maximum: Int
    private let connectTimeout: TimeAmount
    private let idleTimeout: TimeAmount
    private var slots: [State] = []
    private var freeSlots: [Slot] = []
    /// The last one parked is on top: reusing it keeps the others idle, so that a pool that was too large shrinks.
    private var idle: [Slot] = []
    private var waiting = CircularBuffer<Waiting>()
    private var isClosed = false
    private(set) var connecting = 0
    private(set) var inUse = 0

    init(maximum: Int, connectTimeout: TimeAmount, idleTimeout: TimeAmount) {
        self.maximum = maximum
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
    }

    /// Connections that exist or are being made.
    var open: Int { slots.count - freeSlots.count }
    var waitingCalls: Int { waiting.count }

    /// Someone wants `call` on the wire before `deadline`.
    ///
    /// `timeReached` comes first if it is due, so what is idle here may be used.
    mutating func called(_ call: Call, deadline: NIODeadline, at now: NIODeadline) -> CallAction {
        if isClosed { return .refuse }
        if let slot = idle.popLast() {
            guard case .idle(_, let retireAt) = slots[slot] else { preconditionFailure("idle slot \(slots[slot])") }
            slots[slot] = .busy(until: deadline, retireAt: retireAt)
            inUse += 1
            return .send(on: slot)
        }
        waiting.append(Waiting(call: call, deadline: deadline))
        guard let slot = openForWaiting(at: now) else { return .wait }
        return .waitAndOpen(slot)
    }

    /// As many connections as are missing to `count` should be opened ahead of need.
    mutating func warmUpRequested(_ count: Int, at now: NIODeadline) -> [Slot] {
        var opened: [Slot] = []
        while !isClosed, open < count, let slot = acquireSlot() {
            startConnecting(slot, at: now)
            opened.append(slot)
        }
        return opened
    }

    /// The connection in `slot` is ready for its first request and is to be retired at `retireAt`.
    ///
    /// None begins after `end`.
    mutating func opened(
        _ slot: Slot,
        retireAt: NIODeadline,
        reusableUntil end: NIODeadline = .distantFuture,
        at now: NIODeadline
    ) -> FreedAction {
        switch slots[slot] {
        case .connecting:
            connecting -= 1
            return assign(slot, retireAt: retireAt, reusableUntil: end, at: now)
        case .free, .idle, .busy:
            preconditionFailure("opened while \(slots[slot])")
        }
    }

    /// The connection in `slot` could not be made.
    mutating func openFailed(_ slot: Slot, at now: NIODeadline) -> FailedAction {
        switch slots[slot] {
        case .connecting:
            connecting -= 1
            free(slot)
        case .free, .idle, .busy:
            preconditionFailure("openFailed while \(slots[slot])")
        }
        var action = FailedAction()
        if waiting.count > connecting { action.fail = waiting.popFirst()?.call }
        action.open = openForWaiting(at: now)
        return action
    }

    /// The call on `slot` has ended and its connection can carry another, if that begins before `end`.
    mutating func released(
        _ slot: Slot,
        reusableUntil end: NIODeadline = .distantFuture,
        at now: NIODeadline
    ) -> FreedAction {
        switch slots[slot] {
        case .busy(_, let retireAt):
            inUse -= 1
            if now >= min(retireAt, end) {
                free(slot)
                return .close(thenOpen: openForWaiting(at: now))
            }
            return assign(slot, retireAt: retireAt, reusableUntil: end, at: now)
        case .free, .connecting, .idle:
            preconditionFailure("released while \(slots[slot])")
        }
    }

    /// The connection in `slot`, idle or busy, is no more.
    ///
    /// Returns a slot to open for the calls that wait.
    mutating func closed(_ slot: Slot, at now: NIODeadline) -> Slot? {
        switch slots[slot] {
        case .idle:
            if let index = idle.lastIndex(of: slot) { idle.remove(at: index) }
        case .busy:
            inUse -= 1
        case .free, .connecting:
            preconditionFailure("closed while \(slots[slot])")
        }
        free(slot)
        return openForWaiting(at: now)
    }

    /// The connection in `slot` turned out to be of no use before `call` was written to it.
    ///
    /// The call takes another idle one, or is the next to get a connection.
    mutating func spoiled(_ slot: Slot, for call: Call, at now: NIODeadline) -> CallAction {
        guard case .busy(let deadline, _) = slots[slot] else { preconditionFailure("spoiled while \(slots[slot])") }
        inUse -= 1
        free(slot)
        if isClosed { return .refuse }
        if let other = idle.popLast() {
            guard case .idle(_, let retireAt) = slots[other] else { preconditionFailure("idle slot \(slots[other])") }
            slots[other] = .busy(until: deadline, retireAt: retireAt)
            inUse += 1
            return .send(on: other)
        }
        waiting.prepend(Waiting(call: call, deadline: deadline))
        guard let opened = openForWaiting(at: now) else { return .wait }
        return .waitAndOpen(opened)
    }

    /// The one timer fired.
    ///
    /// What expired is reported and, except for attempts (their connection must end first), forgotten.
    mutating func timeReached(_ now: NIODeadline) -> TimeAction {
        var action = TimeAction()
        func note(_ deadline: NIODeadline) {
            action.next = action.next.map { min($0, deadline) } ?? deadline
        }
        if waiting.contains(where: { $0.deadline <= now }) {
            action.expiredWaiting = waiting.filter { $0.deadline <= now }.map(\.call)
            waiting.removeAll { $0.deadline <= now }
        }
        for entry in waiting { note(entry.deadline) }
        for slot in slots.indices {
            switch slots[slot] {
            case .free: break
            case .connecting(let until):
                if until <= now { action.expiredConnecting.append(slot) } else { note(until) }
            case .busy(let until, _):
                if until <= now { action.expiredAttempts.append(slot) } else { note(until) }
            case .idle(let until, _):
                if until <= now {
                    action.closeIdle.append(slot)
                    free(slot)
                } else {
                    note(until)
                }
            }
        }
        if !action.closeIdle.isEmpty {
            idle.removeAll { slots[$0] == .free }
        }
        return action
    }

    /// No call is taken any more.
    ///
    /// The connections are the caller's to close; their `closed` and `openFailed` follow.
    mutating func closeRequested() -> CloseAction {
        isClosed = true
        var action = CloseAction(fail: waiting.map(\.call))
        waiting.removeAll()
        for slot in slots.indices where slots[slot] != .free { action.close.append(slot) }
        return action
    }

    private mutating func assign(
        _ slot: Slot,
        retireAt: NIODeadline,
        reusableUntil end: NIODeadline,
        at now: NIODeadline
    ) -> FreedAction {
        if isClosed {
            free(slot)
            return .close(thenOpen: nil)
        }
        if let next = waiting.popFirst() {
            slots[slot] = .busy(until: next.deadline, retireAt: retireAt)
            inUse += 1
            return .send(next.call, on: slot)
        }
        let until = min(now + idleTimeout, retireAt, end)
        slots[slot] = .idle(until: until, retireAt: retireAt)
        idle.append(slot)
        return .park(until: until)
    }

    private mutating func openForWaiting(at now: NIODeadline) -> Slot? {
        guard !isClosed, waiting.count > connecting, let slot = acquireSlot() else { return nil }
        startConnecting(slot, at: now)
        return slot
    }

    private mutating func startConnecting(_ slot: Slot, at now: NIODeadline) {
        slots[slot] = .connecting(until: now + connectTimeout)
        connecting += 1
    }

    private mutating func acquireSlot() -> Slot? {
        if let slot = freeSlots.popLast() { return slot }
        guard slots.count < maximum else { return nil }
        slots.append(.free)
        return slots.count - 1
    }

    private mutating func free(_ slot: Slot) {
        slots[slot] = .free
        freeSlots.append(slot)
    }
}
