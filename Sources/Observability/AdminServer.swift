import NIOCore
import NIOHTTP1
import NIOPosix
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

    /// The most connections held at a time; one more is closed at once.
    package static let maxConnections = 64

    /// How long a connection may stay without a request, or a request without its end.
    package static let idleTimeout = Duration.seconds(60)

    private struct State {
        var wasStarted = false
        var isStopped = false
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
    }

    private let host: String
    private let port: Int
    private let pages: AdminPages
    private let state = Mutex(State())

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
        pages = AdminPages(health: health, registry: registry, status: status)
    }

    /// Listens and serves until `stop`.
    ///
    /// A server is started once.
    /// - Returns: the port that it listens on.
    /// - Throws: `Failure`.
    package func start() async throws -> Int {
        try state.withLock { state in
            guard !state.wasStarted else { throw Failure.alreadyStarted }
            state.wasStarted = true
        }
        let listener = try await bind()
        let isStopped = state.withLock { state in
            state.listener = listener
            return state.isStopped
        }
        guard !isStopped else {
            try? await listener.close()
            throw Failure.cannotListen(host: host, port: port, cause: "stopped while starting")
        }
        return listener.localAddress?.port ?? 0
    }

    /// Closes the port and all connections; returns when that is done.
    package func stop() async {
        let open = state.withLock { state in
            state.isStopped = true
            return (state.listener.map { [$0] } ?? []) + state.connections.values
        }
        for channel in open { channel.close(promise: nil) }
        for channel in open { try? await channel.closeFuture.get() }
    }

    // Plain handlers, not NIOAsyncChannel: an accepted one that nobody has read from when the server ends stops the
    // process.
    private func bind() async throws(Failure) -> any Channel {
        do {
            return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.backlog, value: 256)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try self.setUp(channel) }
                }
                .bind(host: host, port: port).get()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw .portInUse(host: host, port: port)
        } catch {
            throw .cannotListen(host: host, port: port, cause: "\(error)")
        }
    }

    private func setUp(_ channel: any Channel) throws {
        guard admit(channel) else { throw ChannelError.ioOnClosedChannel }
        let pipeline = channel.pipeline.syncOperations
        try pipeline.configureHTTPServerPipeline()
        try pipeline.addHandler(IdleStateHandler(readTimeout: TimeAmount(Self.idleTimeout)))
        try pipeline.addHandler(AdminConnection(pages: pages))
    }

    private func admit(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isAdmitted = state.withLock { state in
            guard !state.isStopped, state.connections.count < Self.maxConnections else { return false }
            state.connections[id] = channel
            return true
        }
        guard isAdmitted else { return false }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { _ = $0.connections.removeValue(forKey: id) }
        }
        return true
    }
}
