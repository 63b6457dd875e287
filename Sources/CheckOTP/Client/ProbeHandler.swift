import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS
import SwiftASN1
import Synchronization
import X509

/// Tells a probe's handler that its time is up.
struct ProbeTimeout {}

/// The end of the probe's pipeline: it notes what comes by and completes with the answer's head, or with what went wrong.
final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// Nil: it leaves after the handshake.
    private let request: HTTPRequestHead?
    private let isSecured: Bool
    private let identity: ServerIdentity
    /// What was sent of it, where that is counted.
    let chain = Chain()
    private let completion: EventLoopPromise<UpstreamProbe.ProbeResult>
    private var result = UpstreamProbe.ProbeResult()
    private var isDone = false

    init(
        request: HTTPRequestHead?,
        isSecured: Bool,
        identity: ServerIdentity,
        _ completion: EventLoopPromise<UpstreamProbe.ProbeResult>
    ) {
        self.request = request
        self.isSecured = isSecured
        self.identity = identity
        self.completion = completion
    }

    /// How many certificates came.
    final class Chain: Sendable {
        let count = Mutex<Int?>(nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        reached(.connected)
        result.localAddress = context.channel.localAddress?.ipAddress
        result.remoteAddress = context.channel.remoteAddress?.ipAddress
        guard context.channel.isActive else { return end(.closed, context.channel) }
        if !isSecured { ask(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted: handshaken(context)
        case is ProbeTimeout: end(.silent, context.channel)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    private func handshaken(_ context: ChannelHandlerContext) {
        let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
        result.tlsVersion = tls?.tlsVersion?.text
        result.certificate = tls?.peerCertificate.flatMap(UpstreamProbe.ServerCertificate.init)
        result.certificate?.sent = chain.count.withLock { $0 }
        guard request != nil else { return end(nil, context.channel) }
        guard let certificate = tls?.peerCertificate, identity.accepts(certificate) else {
            return end(.tls(UpstreamProbe.otherHost), context.channel)
        }
        reached(.secured)
        ask(context)
    }

    private func ask(_ context: ChannelHandlerContext) {
        guard let request else { return }
        context.write(wrapOutboundOut(.head(request)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = unwrapInboundIn(data), head.status.code >= 200 else { return }
        reached(.answered)
        result.status = Int(head.status.code)
        result.isPage = head.headers.first(name: "content-type")?.lowercased().contains("html") ?? false
        result.date = head.headers.first(name: "date").flatMap { HTTPDate.secondsSince1970(Array($0.utf8)) }
        result.seenAddress = head.headers.first(name: "x-peer-address")
        end(nil, context.channel)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.closed, context.channel)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOSSLError.uncleanShutdown: end(.closed, context.channel)
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: end(.tls(Self.reason(error)), context.channel)
        case is HTTPParserError: end(.notHTTP, context.channel)
        default: end(.closed, context.channel)
        }
    }

    /// The TLS library's own word for it, such as `CERTIFICATE_VERIFY_FAILED`, without the place in its source.
    private static func reason(_ error: any Error) -> String {
        let text = "\(error)"
        return text.firstMatch(of: /OPENSSL_internal:([A-Z0-9_]+)/).map { String($0.output.1) } ?? text
    }

    func reached(_ stage: UpstreamProbe.Stage) {
        result.stage = stage
    }

    func end(_ failure: UpstreamProbe.Failure?, _ channel: any Channel) {
        guard !isDone else { return }
        isDone = true
        result.failure = failure
        completion.succeed(result)
        channel.close(promise: nil)
    }
}

extension UpstreamProbe.ServerCertificate {
    fileprivate init?(_ certificate: NIOSSLCertificate) {
        guard let bytes = try? certificate.toDERBytes(), let parsed = try? Certificate(derEncoded: bytes) else {
            return nil
        }
        let names = (try? parsed.extensions.subjectAlternativeNames).map { names in
            names.map { name in
                switch name {
                case .dnsName(let text): text
                case .ipAddress(let address):
                    (try? SocketAddress(packedIPAddress: ByteBuffer(bytes: address.bytes), port: 0))?.ipAddress ?? "?"
                default: "\(name)"
                }
            }
        }
        self.init(
            names: names ?? [],
            issuer: "\(parsed.issuer)",
            notBefore: Int64(certificate.notValidBefore),
            notAfter: Int64(certificate.notValidAfter),
            isSelfSigned: parsed.issuer == parsed.subject
        )
    }
}

extension TLSVersion {
    fileprivate var text: String {
        switch self {
        case .tlsv1: "TLS 1.0"
        case .tlsv11: "TLS 1.1"
        case .tlsv12: "TLS 1.2"
        case .tlsv13: "TLS 1.3"
        }
    }
}
