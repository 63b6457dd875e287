import NIOCore
import NIOHTTP1
import NIOSSL
package import OTPObservability

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
        package var connection = PageServer.Times()
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

    private let listening: Listening
    private let times: Times
    private let live: LiveMonitor
    private let visitors: Visitors
    private let server: PageServer

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
        let visitors = Visitors(credentials, maximumStreams: Self.maximumStreams)
        self.visitors = visitors
        let pages = MonitorPages(live: live, hosts: AllowedHosts(allowedHosts + [listening.host]))
        let tls = try Self.context(listening)
        server = PageServer(limits: Self.limits, times: times.connection, headers: Self.headers) { channel in
            if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
        } answer: { request, areProbesOnly in
            switch pages.answer(request, visitors.credentials, areProbesOnly: areProbesOnly) {
            case .page(let page): .page(page)
            case .events(let range):
                .stream(Self.events(limit: times.stream) { visitors.add($0, range) })
            }
        }
    }

    private static let headers: HTTPHeaders = [
        "cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin", "cross-origin-opener-policy": "same-origin",
    ]

    private static func events(
        limit: Duration,
        accept: @escaping @Sendable (any Channel) -> Bool
    ) -> PageServer.Stream {
        let why = "too many live pages are open; this one loads again by itself without a script\n"
        return PageServer.Stream(
            contentType: "text/event-stream",
            opening: ServerEvent.opening,
            limit: limit,
            accept: accept,
            refusal: MonitorPages.refusal(.serviceUnavailable, why)
        )
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
    package func use(_ credentials: Credentials) { visitors.use(credentials) }

    /// Listens.
    /// - Returns: the port that it listens on.
    package func start() async throws(Failure) -> Int {
        do {
            return try await server.start(host: listening.host, port: listening.port)
        } catch {
            throw .cannotListen(host: listening.host, port: listening.port, cause: "\(error)")
        }
    }

    /// Streams that are open.
    package var streamCount: Int { visitors.count }

    /// Tells the streams what has changed, once a second, until cancelled.
    package func feed() async throws {
        var feed = PartFeed()
        while true {
            try await Task.sleep(for: times.beat)
            let ranges = visitors.ranges
            guard !ranges.isEmpty else { continue }
            let last = feed
            feed = live.look { monitor, now in
                var next = last
                next.render(monitor, at: now, ranges)
                return next
            }
            visitors.offer(feed, patience: times.stall)
        }
    }

    /// Closes the port and all connections, streams included; returns when that is done.
    package func stop() async { await server.stop() }
}
