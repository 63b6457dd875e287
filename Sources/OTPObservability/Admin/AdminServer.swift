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

    /// How long each step of a connection may take.
    package struct Times: Sendable {
        /// From the connection to the first byte of its first request, and from a request's first byte to its end.
        package var request = Duration.seconds(5)
        /// From a page to the next request.
        package var idle = Duration.seconds(60)
        /// From the end of a request to the moment when the kernel has all of its page.
        package var page = Duration.seconds(10)

        package init() {}
    }

    private static let limits = ConnectionBook<ObjectIdentifier>.Limits()

    private struct State {
        var wasStarted = false
        var isStopped = false
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        var book = ConnectionBook<ObjectIdentifier>(limits)
    }

    private let host: String
    private let port: Int
    private let times: Times
    private let pages: AdminPages
    private let state = Mutex(State())

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
        self.times = times
        pages = AdminPages(
            health: health,
            registry: registry,
            status: status,
            hosts: AllowedHosts(allowedHosts + [host])
        )
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
        } catch let error as IOError where error.errnoCode == EADDRNOTAVAIL {
            throw .noAddress(host: host)
        } catch {
            throw .cannotListen(host: host, port: port, cause: "\(error)")
        }
    }

    private func setUp(_ channel: any Channel) throws {
        guard let decision = admit(channel) else { throw ChannelError.ioOnClosedChannel }
        let id = ObjectIdentifier(channel)
        var pages = pages
        pages.areProbesOnly = decision == .forProbes
        let gate = ConnectionGate()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(gate)
        try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false)
        try pipeline.addHandler(
            AdminConnection(pages: pages, gate: gate, times: times) { isBusy in
                self.state.withLock { isBusy ? $0.book.busy(id) : $0.book.idle(id) }
            }
        )
    }

    /// Nil if there is no place for it.
    private func admit(_ channel: any Channel) -> ConnectionBook<ObjectIdentifier>.Verdict.Decision? {
        let id = ObjectIdentifier(channel)
        let peer = channel.remoteAddress?.ipAddress ?? ""
        let (verdict, evicted) = state.withLock { state in
            let verdict =
                state.isStopped ? .init(decision: .refused) : state.book.accepted(id, from: peer)
            if verdict.decision != .refused { state.connections[id] = channel }
            return (verdict, verdict.evicted.flatMap { state.connections[$0] })
        }
        evicted?.close(promise: nil)
        guard verdict.decision != .refused else { return nil }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { state in
                state.connections[id] = nil
                state.book.closed(id)
            }
        }
        return verdict.decision
    }
}
