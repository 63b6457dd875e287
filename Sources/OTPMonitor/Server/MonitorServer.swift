import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import OTPObservability
import Synchronization

/// Serves the monitor's pages over HTTP/1.1, and their streams of events.
///
/// It only reads. Whatever strangers open or leave unread, memory, connections and every wait are bounded.
package final class MonitorServer: Sendable {
    /// Why the server does not listen.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case cannotListen(host: String, port: Int, cause: String)
        case certificate(cause: String)

        package var description: String {
            switch self {
            case .cannotListen(let host, let port, let cause): "cannot listen on \(host):\(port): \(cause)"
            case .certificate(let cause): "the certificate or its key cannot be used: \(cause)"
            }
        }
    }

    /// How long each step of a connection may take.
    package struct Times: Sendable {
        /// From the connection to the first byte of its first request, TLS included, and from a request's first byte to its end.
        package var request = Duration.seconds(5)
        /// From a page to the next request.
        package var idle = Duration.seconds(60)
        /// From the end of a request to the moment when the kernel has all of its page.
        package var page = Duration.seconds(10)
        /// Without room for more in a stream.
        package var stall = Duration.seconds(15)
        /// Of a stream, after which a browser opens the next and says again who it is.
        package var stream = Duration.seconds(600)
        /// From one event to the next.
        package var beat = Duration.seconds(1)

        package init() {}
    }

    /// Streams at a time.
    package static let maximumStreams = 32
    /// Connections held at a time, streams and those kept for probes included.
    package static let maximumConnections = limits.total + limits.reserve

    private static let limits = ConnectionBook<ObjectIdentifier>.Limits(total: 96, perPeer: 64)

    private struct Stream: Sendable {
        var range: Overview.Range
        var connection: NIOLoopBound<(MonitorConnection, ChannelHandlerContext)>
        var eventLoop: any EventLoop
    }

    private struct State {
        var isStopped = false
        var credentials: Credentials?
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        var streams: [ObjectIdentifier: Stream] = [:]
        var book = ConnectionBook<ObjectIdentifier>(limits)
    }

    private let listening: Listening
    private let times: Times
    private let live: LiveMonitor
    private let pages: MonitorPages
    private let tls: NIOSSLContext?
    private let state: Mutex<State>

    /// A request's `Host` may have `allowedHosts` besides `localhost` and addresses; without credentials, everybody who reaches the port
    /// may look.
    package init(
        _ listening: Listening,
        allowedHosts: [String] = [],
        credentials: Credentials?,
        times: Times = Times(),
        live: LiveMonitor
    ) throws(Failure) {
        self.listening = listening
        self.times = times
        self.live = live
        pages = MonitorPages(live: live, hosts: AllowedHosts(allowedHosts + [listening.host]))
        tls = try Self.context(listening)
        var state = State()
        state.credentials = credentials
        self.state = Mutex(state)
    }

    private static func context(_ listening: Listening) throws(Failure) -> NIOSSLContext? {
        guard let certificateFile = listening.certificateFile, let keyFile = listening.keyFile else { return nil }
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(certificateFile).map {
                NIOSSLCertificateSource.certificate($0)
            }
            let key = try NIOSSLPrivateKey(file: keyFile, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain,
                privateKey: .privateKey(key)
            )
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            // One that does not take part in the end of TLS is not waited for longer.
            configuration.shutdownTimeout = .seconds(1)
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .certificate(cause: "\(error)")
        }
    }

    /// From now on only these may look; streams that are open end within ``Times/stream``.
    package func use(_ credentials: Credentials) { state.withLock { $0.credentials = credentials } }

    /// Listens.
    /// - Returns: the port that it listens on.
    package func start() async throws(Failure) -> Int {
        do {
            let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.backlog, value: 256)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try self.setUp(channel) }
                }
                .bind(host: listening.host, port: listening.port).get()
            state.withLock { $0.listener = listener }
            return listener.localAddress?.port ?? 0
        } catch {
            throw .cannotListen(host: listening.host, port: listening.port, cause: "\(error)")
        }
    }

    /// Streams that are open.
    package var streamCount: Int { state.withLock { $0.streams.count } }

    /// Tells the streams what has changed, once a second, until cancelled.
    package func feed() async throws {
        var feed = PartFeed()
        while true {
            try await Task.sleep(for: times.beat)
            let streams = state.withLock { Array($0.streams.values) }
            guard !streams.isEmpty else { continue }
            let ranges = Set(streams.map(\.range))
            let last = feed
            feed = live.look { monitor, now in
                var next = last
                next.render(monitor, at: now, ranges)
                return next
            }
            for stream in streams {
                stream.eventLoop.execute { [feed] in
                    let (connection, context) = stream.connection.value
                    connection.offer(feed, context)
                }
            }
        }
    }

    /// Closes the port and all connections, streams included; returns when that is done.
    package func stop() async {
        let open = state.withLock { state in
            state.isStopped = true
            return (state.listener.map { [$0] } ?? []) + state.connections.values
        }
        for channel in open { channel.close(promise: nil) }
        for channel in open { try? await channel.closeFuture.get() }
    }

    // MARK: Connections

    private func setUp(_ channel: any Channel) throws {
        guard let decision = admit(channel) else { throw ChannelError.ioOnClosedChannel }
        let id = ObjectIdentifier(channel)
        var pages = pages
        pages.areProbesOnly = decision == .forProbes
        let gate = ConnectionGate()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(gate)
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false)
        let host = MonitorConnection.Host(
            credentials: { self.state.withLock { $0.credentials } },
            onChange: { isBusy in self.state.withLock { isBusy ? $0.book.busy(id) : $0.book.idle(id) } },
            onStream: { [unowned channel] range in self.add(channel, range) }
        )
        try pipeline.addHandler(MonitorConnection(pages: pages, gate: gate, times: times, host: host))
    }

    /// False when there are too many.
    private func add(_ channel: any Channel, _ range: Overview.Range) -> Bool {
        guard let context = try? channel.pipeline.syncOperations.context(handlerType: MonitorConnection.self),
            let connection = context.handler as? MonitorConnection
        else { return false }
        let stream = Stream(
            range: range,
            connection: NIOLoopBound((connection, context), eventLoop: channel.eventLoop),
            eventLoop: channel.eventLoop
        )
        return state.withLock { state in
            guard state.streams.count < Self.maximumStreams, !state.isStopped else { return false }
            state.streams[ObjectIdentifier(channel)] = stream
            return true
        }
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
                state.streams[id] = nil
                state.book.closed(id)
            }
        }
        return verdict.decision
    }
}
