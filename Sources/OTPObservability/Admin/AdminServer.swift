import NIOCore
import NIOHTTP1
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Serves `/live`, `/ready`, `/status` and `/metrics` over HTTP/1.1, and at `/` a page that shows them to people.
///
/// It only reads: nothing can be changed through it. It stays off the worker's event loop and answers when that one is
/// stuck.
package final class AdminServer: Sendable {
    /// Why the server does not listen.
    ///
    /// The description names the setting to change.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case portInUse(host: String, port: Int)
        case noAddress(host: String)
        case cannotListen(host: String, port: Int, cause: String)
        case alreadyStarted

        package var description: String {
            switch self {
            case .portInUse(let host, let port):
                "admin.port: another process listens on \(host):\(port); set admin.port to a free port, or to 0 for any"
            case .noAddress(let host):
                "admin.host: \(host) is no address of this machine; write one of its own, or 0.0.0.0 for all of them"
            case .cannotListen(let host, let port, let cause):
                "admin.host, admin.port: cannot listen on \(host):\(port): \(cause)"
            case .alreadyStarted:
                "the admin server was started before"
            }
        }
    }

    /// Connections held at a time, those kept for probes included.
    package static let maxConnections = limits.total + limits.reserve

    package typealias Times = PageServer.Times

    private static let limits = ConnectionBook<ObjectIdentifier>.Limits()

    private let host: String
    private let port: Int
    private let server: PageServer
    private let wasStarted = Atomic<Bool>(false)

    /// - Parameters:
    ///   - host: address to listen on.
    ///   - port: port to listen on; 0 takes any free one.
    ///   - allowedHosts: names besides `localhost` and addresses that a request's `Host` may have.
    ///   - times: how long it waits for whom.
    ///   - health: what `/live` and `/ready` answer from.
    ///   - registry: what `/metrics` renders.
    ///   - status: makes the body of `/status`, a JSON text, for each request; holds no secret.
    package init(
        host: String = "127.0.0.1",
        port: Int = 9464,
        allowedHosts: [String] = [],
        times: Times = Times(),
        health: HealthState,
        registry: MetricRegistry,
        status: @escaping @Sendable () async -> [UInt8]
    ) {
        self.host = host
        self.port = port
        let pages = AdminPages(
            health: health,
            registry: registry,
            status: status,
            hosts: AllowedHosts(allowedHosts + [host])
        )
        server = PageServer(
            limits: Self.limits,
            times: times,
            headers: ["cache-control": "no-store", "x-content-type-options": "nosniff"]
        ) { .page(await pages.page($0, areProbesOnly: $1)) }
    }

    /// Listens and serves until `stop`.
    ///
    /// A server is started once.
    /// - Returns: the port that it listens on.
    /// - Throws: `Failure`.
    package func start() async throws -> Int {
        guard !wasStarted.exchange(true, ordering: .relaxed) else { throw Failure.alreadyStarted }
        do {
            return try await server.start(host: host, port: port)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw Failure.portInUse(host: host, port: port)
        } catch let error as IOError where error.errnoCode == EADDRNOTAVAIL {
            throw Failure.noAddress(host: host)
        } catch {
            throw Failure.cannotListen(host: host, port: port, cause: "\(error)")
        }
    }

    /// Closes the port and all connections; returns when that is done.
    package func stop() async { await server.stop() }
}
