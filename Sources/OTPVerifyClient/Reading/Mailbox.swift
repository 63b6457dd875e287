import DequeModule
import Synchronization

/// Elements on their way to anyone who iterates, bounded by count and bytes: the oldest make room, and are counted.
final class Mailbox<Element: Sendable>: Sendable {
    private struct State {
        var elements = Deque<(element: Element, bytes: Int)>()
        var bytes = 0
        var dropped = 0
        var isFinished = false
        var waiters: [(number: UInt64, continuation: CheckedContinuation<Element?, Never>)] = []
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())
    private let maximumCount: Int
    private let maximumBytes: Int

    init(maximumCount: Int, maximumBytes: Int) {
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    /// How many were dropped so far.
    var dropped: Int { state.withLock { $0.dropped } }

    /// False when an older one was dropped for it.
    @discardableResult
    func put(_ element: Element, bytes: Int) -> Bool {
        let (waiter, isKept) = state.withLock { state -> (CheckedContinuation<Element?, Never>?, Bool) in
            guard !state.isFinished else { return (nil, true) }
            if !state.waiters.isEmpty { return (state.waiters.removeFirst().continuation, true) }
            state.elements.append((element, bytes))
            state.bytes += bytes
            let before = state.dropped
            while state.elements.count > maximumCount || state.bytes > maximumBytes,
                let oldest = state.elements.popFirst()
            {
                state.bytes -= oldest.bytes
                state.dropped += 1
            }
            return (nil, state.dropped == before)
        }
        waiter?.resume(returning: element)
        return isKept
    }

    /// The next element; nil once finished and empty, or when the task is cancelled.
    func next() async -> Element? {
        let number = state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = state.withLock { state -> Element?? in
                    if let first = state.elements.popFirst() {
                        state.bytes -= first.bytes
                        return .some(first.element)
                    }
                    if state.isFinished || Task.isCancelled { return .some(nil) }
                    state.waiters.append((number, continuation))
                    return nil
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.number == number }.map { state.waiters.remove(at: $0).continuation }
            }
            waiter?.resume(returning: nil)
        }
    }

    /// Nothing comes any more.
    func finish() {
        let waiters = state.withLock { state in
            state.isFinished = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
    }
}
