package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
package import OTPContract
import OTPEngine
import Synchronization

/// Looks at the way to the upstream once, as a client would take it, and asks about no code.
///
/// It connects (through the proxy if there is one), shakes hands, and sends a `GET` with the key to the path of `check_otp`, which
/// can only be refused. It judges nothing, and shows nothing of itself: it holds the key.
package struct UpstreamProbe: Redacting {
    /// What there was to see; as far as it came.
    package struct ProbeResult: Equatable, Sendable {
        /// This end of the connection, such as `10.0.0.7`.
        package var localAddress: String?
        package var remoteAddress: String?
        /// Such as `TLS 1.2`.
        package var tlsVersion: String?
        package var certificate: ServerCertificate?
        /// How far it came.
        package var stage = Stage.nowhere
        /// Of the answer.
        package var status: Int?
        /// The answer calls itself a page for people, which the upstream's own never is.
        package var isPage = false
        /// The answer's `Date`, in seconds since 1970.
        package var date: Int64?
        /// The address that the upstream saw, where it tells: the sandbox does.
        package var seenAddress: String?
        package var failure: Failure?

        package init() {}
    }

    /// The steps of the way, in their order.
    package enum Stage: Int, Sendable {
        case nowhere
        /// With the proxy, if there is one.
        case connected
        /// Through the proxy.
        case tunnelled
        /// The chain and the name were verified.
        case secured
        case answered
    }

    package struct ServerCertificate: Equatable, Sendable {
        /// The names that it is for.
        package var names: [String]
        package var issuer: String
        /// Seconds since 1970.
        package var notBefore: Int64
        package var notAfter: Int64
        /// It signed itself.
        package var isSelfSigned: Bool
        /// Certificates that were sent, this one included; nil where they were not counted.
        package var sent: Int?

        package init(
            names: [String],
            issuer: String,
            notBefore: Int64,
            notAfter: Int64,
            isSelfSigned: Bool = false,
            sent: Int? = nil
        ) {
            self.names = names
            self.issuer = issuer
            self.notBefore = notBefore
            self.notAfter = notAfter
            self.isSelfSigned = isSelfSigned
            self.sent = sent
        }
    }

    /// Where the way ended.
    package enum Failure: Error, Equatable, Sendable {
        /// The host's name has no address.
        case unresolved
        /// Nobody listens, or no route.
        case unreachable
        case connectTimeout
        /// The proxy did not make a tunnel.
        case tunnelRefused
        /// What the TLS library says.
        case tls(String)
        /// Neither an answer nor an end in time.
        case silent
        case closed
        case notHTTP
    }

    /// The reason of ``Failure/tls(_:)`` where the certificate is trusted, but not for the origin's host.
    package static let otherHost = "the certificate is for another host"

    private let configuration: CheckClientConfiguration
    private let request: HTTPRequestHead
    private let timeout: Duration

    /// - Throws: ``CheckClientError/unusableSecret``.
    package init(_ configuration: CheckClientConfiguration, secret: Secret, timeout: Duration) throws {
        self.configuration = configuration
        self.timeout = timeout
        let authorization = try RequestEncoder.authorization(configuration.authentication, secret)
        request = HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: "\(configuration.origin.basePath)/v1/card/check_otp",
            headers: [
                "Host": configuration.origin.hostHeader,
                "Authorization": String(decoding: authorization, as: UTF8.self),
                "Accept": "application/json", "User-Agent": "otp-worker", "Connection": "close",
            ]
        )
    }

    /// Goes the whole way once.
    ///
    /// Where TLS fails it shakes hands again without verifying, and leaves without having sent anything, to see whose certificate
    /// it was.
    /// - Throws: ``CheckClientError`` or NIO's error where the client itself cannot be made.
    package func look(on eventLoop: any EventLoop) async throws -> ProbeResult {
        let tls = try configuration.makeTLSContext()
        var result = await attempt(on: eventLoop, tls: tls, request: request)
        guard case .tls = result.failure, result.certificate == nil else { return result }
        var unverified = TLSConfiguration.makeClientConfiguration()
        unverified.certificateVerification = .none
        unverified.minimumTLSVersion = .tlsv1
        let glance = await attempt(on: eventLoop, tls: try NIOSSLContext(configuration: unverified), request: nil)
        result.certificate = glance.certificate
        result.tlsVersion = glance.tlsVersion
        return result
    }

    /// Whether anybody accepts connections at an address, within the limit.
    package static func reaches(
        host: String,
        port: Int,
        within limit: Duration,
        on eventLoop: any EventLoop
    ) async -> Failure? {
        do {
            let channel = try await ClientBootstrap(group: eventLoop).connectTimeout(TimeAmount(limit))
                .connect(host: host, port: port).get()
            try? await channel.close()
            return nil
        } catch {
            return Failure(connecting: error)
        }
    }

    private func attempt(
        on eventLoop: any EventLoop,
        tls: NIOSSLContext?,
        request: HTTPRequestHead?
    ) async -> ProbeResult {
        let peer = configuration.proxy ?? configuration.origin
        do {
            let channel = try await ClientBootstrap(group: eventLoop)
                .connectTimeout(TimeAmount(configuration.connectTimeout))
                .connect(host: peer.host, port: peer.port).get()
            return try await eventLoop.flatSubmit {
                let completion = eventLoop.makePromise(of: ProbeResult.self)
                do {
                    try self.prepare(channel, tls: tls, request: request, completion)
                } catch {
                    // It was closed before anything could be made of it.
                    var result = ProbeResult()
                    result.stage = .connected
                    result.failure = .closed
                    channel.close(promise: nil)
                    completion.succeed(result)
                }
                // Not before: nobody would be there to hear that the time is up.
                let deadline = eventLoop.scheduleTask(in: TimeAmount(self.timeout)) {
                    channel.pipeline.fireUserInboundEventTriggered(ProbeTimeout())
                }
                completion.futureResult.whenComplete { _ in deadline.cancel() }
                return completion.futureResult
            }.get()
        } catch {
            var result = ProbeResult()
            result.failure = Failure(connecting: error)
            return result
        }
    }

    private func prepare(
        _ channel: any Channel,
        tls: NIOSSLContext?,
        request: HTTPRequestHead?,
        _ completion: EventLoopPromise<ProbeResult>
    ) throws {
        let origin = configuration.origin
        let handler = ProbeHandler(
            request: request,
            isSecured: tls != nil,
            identity: ServerIdentity(origin),
            completion
        )
        let pipeline = channel.pipeline.syncOperations
        let secure = try tls.map { tls in
            let name = origin.isAddress ? nil : origin.host
            guard request == nil else { return try NIOSSLClientHandler(context: tls, serverHostname: name) }
            // A probe that only looks at the certificate takes whatever comes, and counts it.
            return try NIOSSLClientHandler(
                context: tls,
                serverHostname: name,
                customVerificationCallback: { [chain = handler.chain] certificates, verdict in
                    chain.count.withLock { $0 = certificates.count }
                    verdict.succeed(.certificateVerified)
                }
            )
        }
        if let secure, configuration.proxy != nil {
            let tunnel = ProxyTunnel(to: origin.authority) { isOpen in
                guard isOpen, let tunnel = try? pipeline.context(handlerType: ProxyTunnel.self) else {
                    return handler.end(.tunnelRefused, channel)
                }
                handler.reached(.tunnelled)
                try? pipeline.addHandler(secure, position: .after(tunnel.handler))
                pipeline.removeHandler(context: tunnel, promise: nil)
            }
            try pipeline.addHandler(tunnel)
        } else if let secure {
            try pipeline.addHandler(secure)
        }
        try pipeline.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
        try pipeline.addHandler(handler)
    }
}

extension UpstreamProbe.Failure {
    fileprivate init(connecting error: any Error) {
        self =
            switch TransportFailure(connecting: error) {
            case .resolve: .unresolved
            case .connectTimeout: .connectTimeout
            default: .unreachable
            }
    }
}
