import OTPContract
import OTPEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The two clocks, read here and nowhere else on the way of a command.
///
/// Waits and leases are measured on a clock that goes on while the machine sleeps: anyone who slept must notice. The wall clock
/// only becomes deadlines and time stamps.
enum Clocks {
    private static let origin = ContinuousClock.now

    static func now() -> Instant { Instant(nanoseconds: (ContinuousClock.now - origin).nanoseconds) }

    static func wall() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Holds the calling thread up for that long, or until a signal comes.
    static func sleep(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        nanosleep(&time, nil)
    }
}
