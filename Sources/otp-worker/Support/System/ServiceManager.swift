package import OTPObservability

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Tells systemd how the worker does: that it is ready, that it lives, that it stops.
///
/// One datagram each, as sd_notify(3) describes; nothing of systemd is needed. It never waits for the other side, and a worker
/// that no service manager asked for word has none.
package struct ServiceManager: Sendable {
    /// The service manager ends a worker from which it has not heard for so long; nil: it does not watch.
    package let watchdogPeriod: Duration?

    private let address: sockaddr_un
    private let length: socklen_t

    /// Nil where nobody asked to be told.
    /// - Parameters:
    ///   - environment: `NOTIFY_SOCKET`, the path of a socket or, behind an `@`, an abstract name; `WATCHDOG_USEC`, the
    ///     period in microseconds; `WATCHDOG_PID`, whom it is for.
    ///   - processID: this process; the period of another one is not ours.
    package init?(environment: [String: String], processID: Int32) {
        guard let name = environment["NOTIFY_SOCKET"], let first = name.first, first == "/" || first == "@" else {
            return nil
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if first == "@" { bytes[0] = 0 }
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { path in
            guard bytes.count < path.count else { return false }
            path.copyBytes(from: bytes)
            return true
        }
        guard fits, let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) else { return nil }
        self.address = address
        // A path ends with a zero; an abstract name is as long as it is said to be.
        length = socklen_t(start + bytes.count + (first == "@" ? 0 : 1))
        let isForUs = environment["WATCHDOG_PID"].map { $0 == "\(processID)" } ?? true
        let period = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        watchdogPeriod = isForUs && period > 0 ? .microseconds(period) : nil
    }

    /// Says once that the worker is ready, and from then on twice in a period that it lives, while its loop turns.
    ///
    /// Until cancelled, or until there is nothing more to say.
    /// - Throws: `CancellationError`.
    package func follow(_ health: HealthState) async throws {
        for await isReady in health.readinessChanges where isReady {
            if try await tellReady(health) { break }
        }
        try Task.checkCancellation()
        guard let watchdogPeriod else { return }
        while true {
            if health.isLive { tell("WATCHDOG=1") }
            try await Task.sleep(for: watchdogPeriod / 2)
        }
    }

    /// Again while nobody takes the word; false when it is no longer true.
    private func tellReady(_ health: HealthState) async throws -> Bool {
        while health.isReady {
            if tell("READY=1") { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    /// Says that the worker takes nothing new and will end.
    package func stopping() { tell("STOPPING=1") }

    @discardableResult
    private func tell(_ state: StaticString) -> Bool {
        let descriptor = socket(AF_UNIX, Self.kind, 0)
        guard descriptor >= 0 else { return false }
        defer { _ = close(descriptor) }
        return withUnsafePointer(to: address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                sendto(descriptor, state.utf8Start, state.utf8CodeUnitCount, Self.flags, address, length)
            }
        } == state.utf8CodeUnitCount
    }

    private static let flags = Int32(MSG_DONTWAIT)
    #if canImport(Glibc)
    private static let kind = Int32(SOCK_DGRAM.rawValue)
    #else
    private static let kind = SOCK_DGRAM
    #endif
}
