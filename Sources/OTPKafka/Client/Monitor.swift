#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A value behind a lock, with a condition to wait on until a deadline.
///
/// It never runs a caller's code while waiting.
@safe
final class Monitor<State>: @unchecked Sendable {
    // Safe because the state is touched only with the mutex held.
    private var state: State
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init(_ state: State) {
        self.state = state
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Reads or changes the state; nobody waiting is woken.
    func withLock<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Changes the state and wakes all who wait.
    func update<Result>(_ body: (inout State) -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer {
            unsafe pthread_cond_broadcast(condition)
            unsafe pthread_mutex_unlock(mutex)
        }
        return body(&state)
    }

    /// Waits until the state fits, or the deadline passes; says whether it fits.
    func wait(until deadline: Deadline, for fits: (State) -> Bool) -> Bool {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while !fits(state) {
            let remaining = deadline.remaining
            guard remaining > .zero else { return false }
            // The condition waits by the wall clock, which may be set: never for long at a time.
            var until = timespec()
            unsafe clock_gettime(CLOCK_REALTIME, &until)
            let nanoseconds = until.tv_nsec + Int(min(remaining, .milliseconds(250)) / .nanoseconds(1))
            until.tv_sec += nanoseconds / 1_000_000_000
            until.tv_nsec = nanoseconds % 1_000_000_000
            unsafe pthread_cond_timedwait(condition, mutex, &until)
        }
        return true
    }
}

/// A point in monotonic time by which something must have ended.
struct Deadline: Sendable {
    private let instant: ContinuousClock.Instant

    init(in duration: Duration) {
        instant = .now + min(duration, .seconds(86_400))
    }

    var remaining: Duration { instant - .now }
    var hasPassed: Bool { remaining <= .zero }
    /// The same, but at most so far away from now.
    func capped(at limit: Duration) -> Deadline { Deadline(in: min(remaining, limit)) }
    /// Whole milliseconds left, rounded up, for a C call.
    var milliseconds: Int32 { remaining.wholeMilliseconds }

    /// The milliseconds left, but at most those of `limit`.
    func milliseconds(atMost limit: Duration) -> Int32 { min(remaining, limit).wholeMilliseconds }
}

extension Duration {
    /// Whole milliseconds, rounded up, never negative.
    var wholeMilliseconds: Int32 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let fraction = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(clamping: min(seconds, 2_000_000) * 1000 + fraction)
    }
}

/// Runs a body on a thread of its own, for calls that block.
///
/// It never shares a pool's thread.
@safe
final class OwnThread: Sendable {
    private let ended = Monitor(false)

    init(_ body: @escaping @Sendable () -> Void) {
        let ended = self.ended
        let start = Start {
            body()
            ended.update { $0 = true }
        }
        let context = unsafe Unmanaged.passRetained(start).toOpaque()
        #if canImport(Darwin)
        var thread: pthread_t?
        let created = unsafe pthread_create(&thread, nil, { unsafe Start.run($0) }, context)
        if let thread = unsafe thread { unsafe pthread_detach(thread) }
        #else
        var thread = pthread_t()
        let created = unsafe pthread_create(&thread, nil, { unsafe $0.flatMap { unsafe Start.run($0) } }, context)
        if created == 0 { pthread_detach(thread) }
        #endif
        precondition(created == 0, "no thread could be started")
    }

    /// Says whether the body has returned by the deadline.
    func join(until deadline: Deadline) -> Bool {
        ended.wait(until: deadline) { $0 }
    }

    private final class Start: Sendable {
        private let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }

        static func run(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
            unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
            return nil
        }
    }
}
