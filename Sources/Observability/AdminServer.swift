import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Serves `/live`, `/ready`, `/status` and `/metrics` over HTTP/1.1.
///
/// It only reads: nothing can be changed through it. It stays off the worker's event loop and answers when that one is
/// stuck.
package final class AdminServer: Sendable {
    /// Why the server does not listen.
    ///
    /// The description names the setting to change.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case portInUse(host: String, port: Int)
        case cannotListen(host: String, port: Int, cause: String)
        case alreadyStarted

        package var description: String {
            switch self {
            case .portInUse(let host, let port):
                "admin.port: another process listens on \(host):\(port); set admin.port to a free port, or to 0 for any"
            case .cannotListen(let host, let port, let cause):
                "admin.host, admin.port: cannot listen on \(host):\(port): \(cause)"
            case .alreadyStarted:
                "the admin server was started before"
            }
        }
    }

    /// The most connections served at a time; others wait in the kernel's backlog.
    package static let maxConnections = 64

    private let host: String
    private let port: Int
    private let health: HealthState
    private let registry: MetricRegistry
    private let status: @Sendable () async -> [UInt8]
    private let running = Mutex<Task<Void, Never>?>(nil)

    /// - Parameters:
    ///   - host: address to listen on.
    ///   - port: port to listen on; 0 takes any free one.
    ///   - health: what `/live` and `/ready` answer from.
    ///   - registry: what `/metrics` renders.
    ///   - status: makes the body of `/status`, a JSON text, for each request; holds no secret.
    package init(
        host: String = "127.0.0.1",
        port: Int = 9464,
        health: HealthState,
        registry: MetricRegistry,
        status: @escaping @Sendable () async -> [UInt8]
    ) {
        self.host = host
        self.port = port
        self.health = health
        self.registry = registry
        self.status = status
    }

    /// Listens and serves until `stop`.
    ///
    /// A server is started once.
    /// - Returns: the port that it listens on.
    /// - Throws: `Failure`.
    package func start() async throws -> Int {
        let (bound, signal) = AsyncThrowingStream<Int, any Error>.makeStream()
        let application = application { channel in
            signal.yield(channel.localAddress?.port ?? 0)
        }
        try running.withLock { task in
            guard task == nil else { throw Failure.alreadyStarted }
            task = Task {
                do {
                    try await application.run()
                    signal.finish()
                } catch {
                    signal.finish(throwing: error)
                }
            }
        }
        do {
            for try await port in bound { return port }
        } catch {
            throw failure(error)
        }
        throw Failure.cannotListen(host: host, port: port, cause: "stopped while starting")
    }

    /// Closes the port and all connections; returns when that is done.
    package func stop() async {
        let task = running.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    private func application(onListening: @escaping @Sendable (any Channel) async -> Void) -> some ApplicationProtocol {
        // What goes wrong while starting is thrown; the library's own lines would only repeat it.
        let silent = Logger(label: "admin") { _ in SwiftLogNoOpLogHandler() }
        var configuration = ApplicationConfiguration(address: .hostname(host, port: port))
        configuration.availableConnectionsDelegate = MaximumAvailableConnections(Self.maxConnections, logger: silent)
        return Application(
            router: router(),
            server: .http1(configuration: .init(idleTimeout: .seconds(60))),
            configuration: configuration,
            onServerRunning: onListening,
            logger: silent
        )
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.get("live") { [health] _, _ in
            let (isLive, body) = health.liveness
            return Self.json(body, isLive ? .ok : .serviceUnavailable)
        }
        router.get("ready") { [health] _, _ in
            let (isReady, body) = health.readiness
            return Self.json(body, isReady ? .ok : .serviceUnavailable)
        }
        router.get("status") { [status] _, _ in
            Self.json(await status(), .ok)
        }
        router.get("metrics") { [registry] _, _ in
            Self.response(Array(registry.render().utf8), PrometheusText.contentType, .ok)
        }
        return router
    }

    private static func json(_ body: [UInt8], _ status: HTTPResponse.Status) -> Response {
        response(body + [UInt8(ascii: "\n")], "application/json", status)
    }

    private static func response(_ body: [UInt8], _ contentType: String, _ status: HTTPResponse.Status) -> Response {
        Response(
            status: status,
            headers: [.contentType: contentType, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body))
        )
    }

    private func failure(_ error: any Error) -> Failure {
        if let error = error as? IOError, error.errnoCode == EADDRINUSE {
            return .portInUse(host: host, port: port)
        }
        return .cannotListen(host: host, port: port, cause: "\(error)")
    }
}
