#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#endif

/// Names the seeds under way when a precondition of the engine stops the process: a programmer's error is a finding as well.
enum CrashNotice {
    static let jobs = 64
    /// Safe because each job writes its own element, and the handler only reads.
    nonisolated(unsafe) private static let seeds = UnsafeMutablePointer<UInt64>.allocate(capacity: jobs)

    static func running(_ seed: UInt64, job: Int) { seeds[job % jobs] = seed }

    static func install() {
        seeds.initialize(repeating: 0, count: jobs)
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGABRT] {
            signal(number) { _ in
                CrashNotice.say()
                _exit(70)
            }
        }
    }

    private static func say() {
        for job in 0..<jobs where seeds[job] > 0 {
            var text: [UInt8] = Array(
                "FAIL stopped by the engine itself  |  swift run -c release simulate --trace --seed ".utf8
            )
            text += Array(String(seeds[job]).utf8) + [10]
            _ = text.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
        }
    }
}
