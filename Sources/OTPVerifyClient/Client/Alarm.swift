import Dispatch
import Synchronization

/// Calls once at a moment; setting an earlier one replaces a later.
final class Alarm: Sendable {
    private struct State {
        var at: ContinuousClock.Instant?
        var generation: UInt64 = 0
        var isCancelled = false
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "otp-verify-client.alarm")

    /// Calls at `instant`, or not at all where one that is earlier is set: the one who is called looks for what is due next.
    func set(_ instant: ContinuousClock.Instant, _ call: @escaping @Sendable () -> Void) {
        let generation = state.withLock { state -> UInt64? in
            guard !state.isCancelled, state.at.map({ instant < $0 }) ?? true else { return nil }
            state.at = instant
            state.generation += 1
            return state.generation
        }
        guard let generation else { return }
        let wait = max(.zero, instant - .now)
        queue.asyncAfter(deadline: .now() + .microseconds(Int(min(wait, .seconds(3_600)) / .microseconds(1)) + 1)) {
            let isNewest = self.state.withLock { state in
                guard state.generation == generation, !state.isCancelled else { return false }
                state.at = nil
                return true
            }
            if isNewest { call() }
        }
    }

    func cancel() { state.withLock { $0.isCancelled = true } }
}

/// Opens once, for all who wait.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var next: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when it is open, or when the task is cancelled.
    func wait() async {
        let number = state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isOpen || Task.isCancelled { return true }
                    state.waiters[number] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
        }
    }
}
