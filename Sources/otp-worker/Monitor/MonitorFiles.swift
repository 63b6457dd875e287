import OTPMonitor

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The files that `monitor` reads.
enum MonitorFiles {
    /// Throws what is wrong with the file, never what it holds.
    static func credentials(_ path: String) throws -> Credentials {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(
                "--credentials: \(path) cannot be read",
                remedy: "let this user read it",
                isConfiguration: true
            )
        }
        guard data.count <= Credentials.maximumBytes else {
            throw Failure(
                "--credentials: \(path) is larger than \(Credentials.maximumBytes) bytes",
                isConfiguration: true
            )
        }
        do throws(Credentials.Fault) {
            return try Credentials(parsing: String(decoding: data, as: UTF8.self))
        } catch {
            throw Failure(
                "--credentials: \(path): \(error)",
                remedy: "one a line: bearer TOKEN, or basic NAME:PASSWORD, each secret of 16 bytes or more",
                isConfiguration: true
            )
        }
    }
}
