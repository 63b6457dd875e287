import CProcess
import OTPWorker

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Keeps the key, phone numbers and codes that this process holds out of what the system keeps of processes.
///
/// Called before anything is read. It never fails: where the system knows no such protection, nothing is lost but that.
enum ProcessShield {
    /// Signals that end a crashing process, for which Swift's runtime sets up its own report.
    private static let crashes = [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGBUS, SIGSEGV]

    /// No core dump, nobody of the same user attaches to it or reads its memory and its environment, and a crash prints no memory.
    ///
    /// Swift's report of a crash shows the bytes that each register points to. Anyone who wants the report sets `SWIFT_BACKTRACE`
    /// with `registers=none` in it.
    static func raise() {
        cprocess_forbid_dumps()
        let report = getenv("SWIFT_BACKTRACE").map { String(cString: $0) } ?? ""
        guard !report.split(separator: ",").contains("registers=none") else { return }
        for crash in crashes { signal(crash, SIG_DFL) }
    }

    /// Takes the secrets out of the environment: overwritten where they stood, and gone for anyone who reads it later.
    static func forgetSecrets() {
        for name in SettingsReader.secretVariables(among: Array(ProcessInfo.processInfo.environment.keys)) {
            guard let value = getenv(name) else { continue }
            memset(value, 0, strlen(value))
            unsetenv(name)
        }
    }
}
