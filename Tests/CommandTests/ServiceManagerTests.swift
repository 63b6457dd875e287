import Dispatch
import OTPObservability
import Synchronization
import Testing
import otp_worker

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What systemd hears, at a socket as systemd has it.
struct ServiceManagerTests {
    /// Both kinds of names; the abstract one leaves no file behind.
    @Test(arguments: ["/tmp/otp-worker-notify-\(getpid())", "@otp-worker-notify-\(getpid())"])
    func aWorkerIsReadyLivesAndStops(_ name: String) async throws {
        let socket = try NotifySocket(name)
        let manager = try #require(
            ServiceManager(environment: ["NOTIFY_SOCKET": name, "WATCHDOG_USEC": "20000"], processID: getpid())
        )
        let beat = Mutex(Duration.zero)
        let health = HealthState(conditions: ["broker"], heartbeatBound: .seconds(1)) { beat.withLock { $0 } }
        let following = Task { try await manager.follow(health) }

        #expect(await socket.next(within: .milliseconds(200)) == nil, "it is not ready yet")
        health.set("broker", isOK: true)
        #expect(await socket.next() == "READY=1")
        #expect(await socket.next() == "WATCHDOG=1")
        #expect(await socket.next() == "WATCHDOG=1")
        beat.withLock { $0 = .seconds(2) }
        #expect(await socket.fallsSilent(), "a loop that does not turn is not alive")
        beat.withLock { $0 = .zero }
        #expect(await socket.next() == "WATCHDOG=1", "a loop that turns again lives again")

        following.cancel()
        #expect(await following.result.failure is CancellationError)
        #expect(await socket.fallsSilent())
        manager.stopping()
        #expect(await socket.next() == "STOPPING=1")
    }

    @Test(.timeLimit(.minutes(2)))
    func readyIsSaidUntilItIsHeard() async throws {
        let name = "@otp-worker-late-\(getpid())"
        let manager = try #require(ServiceManager(environment: ["NOTIFY_SOCKET": name], processID: getpid()))
        let health = HealthState(conditions: ["broker"]) { .zero }
        health.set("broker", isOK: true)
        let following = Task { try await manager.follow(health) }
        let socket = try NotifySocket(name)
        // It ends once the word was taken; the word stays in the socket until somebody reads it.
        try await following.value
        #expect(await socket.next() == "READY=1")
        #expect(await socket.next(within: .milliseconds(100)) == nil, "nobody asked for more")
    }

    @Test func aPeriodIsForTheProcessThatItNames() {
        func period(_ environment: [String: String]) -> Duration? {
            ServiceManager(environment: environment.merging(["NOTIFY_SOCKET": "/x"]) { $1 }, processID: 7)?
                .watchdogPeriod
        }
        #expect(period([:]) == nil)
        #expect(period(["WATCHDOG_USEC": "20000000"]) == .seconds(20))
        #expect(period(["WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "7"]) == .seconds(20))
        #expect(period(["WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "8"]) == nil)
        #expect(period(["WATCHDOG_USEC": "soon"]) == nil)
        #expect(period(["WATCHDOG_USEC": "-1"]) == nil)
    }

    @Test(arguments: ["", "vsock:2:1", "relative", "/" + String(repeating: "x", count: 200)])
    func nobodyIsToldWhereNobodyCanBe(_ name: String) {
        #expect(ServiceManager(environment: ["NOTIFY_SOCKET": name], processID: getpid()) == nil)
        #expect(ServiceManager(environment: [:], processID: getpid()) == nil)
    }
}

extension Result {
    fileprivate var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
}

/// The receiving end, with a deadline on every wait.
private final class NotifySocket: Sendable {
    private let descriptor: Int32
    private let path: String

    struct Failure: Error {
        var errno: Int32
    }

    init(_ name: String) throws {
        path = name
        #if canImport(Glibc)
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        #else
        descriptor = socket(AF_UNIX, SOCK_DGRAM, 0)
        #endif
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard status == 0 else { throw Failure(errno: errno) }
    }

    deinit {
        _ = close(descriptor)
        if path.hasPrefix("/") { _ = unlink(path) }
    }

    /// The next datagram; nil when none comes in time.
    ///
    /// It waits on a thread of its own: the worker's tasks have but a few.
    func next(within limit: Duration = .seconds(30)) async -> String? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: self.receive(within: limit)) }
        }
    }

    /// Takes what is still under way, and tells whether that ends.
    func fallsSilent() async -> Bool {
        for _ in 0..<20 where await next(within: .milliseconds(300)) == nil { return true }
        return false
    }

    private func receive(within limit: Duration) -> String? {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let milliseconds = limit.components.seconds * 1000 + limit.components.attoseconds / 1_000_000_000_000_000
        guard poll(&poller, 1, Int32(milliseconds)) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }
}
