import NIOCore
import NIOSSL
import NIOTLS
import OTPEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The last handler before the transport: it tells the connection when bytes are about to be handed to the socket.
///
/// What that means is explained at ``ConnectionState``. It changes nothing that passes.
final class WireTap: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: Connection
    private var hasUnflushed = false

    init(connection: Connection) {
        self.connection = connection
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        hasUnflushed = true
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        if hasUnflushed {
            hasUnflushed = false
            if context.channel.isActive { connection.bytesLeaving() }
        }
        context.flush()
    }
}

/// One connection to the upstream: the shell around ``ConnectionState`` and ``ResponseParser``.
///
/// It carries one call at a time and reports its end to the client. It never decides which call, and never reconnects.
final class Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let slot: Int
    private let client: CheckClient
    private let maximumResponseBytes: Int
    private let identity: ServerIdentity
    private var state = ConnectionState()
    private var parser = ResponseParser()
    private var inbound = ByteBuffer()
    private var received = 0
    private var isSecured = false
    /// A request was written to it before.
    private var hasServed = false
    private var call: PendingCall?
    private var context: ChannelHandlerContext?
    /// No request is begun later: the upstream closes the connection when it is idle for so long.
    private(set) var reusableUntil = NIODeadline.distantFuture
    private(set) var channel: (any Channel)?
    /// The channel's, and valid while that is active.
    private var socket: NIOBSDSocket.Handle?

    init(slot: Int, client: CheckClient, maximumResponseBytes: Int, identity: ServerIdentity) {
        self.slot = slot
        self.client = client
        self.maximumResponseBytes = maximumResponseBytes
        self.identity = identity
    }

    var isClosed: Bool { state.isClosed }

    /// Takes over a fresh channel, before it has read anything; `tunnel` is the authority to ask a proxy for.
    func start(on channel: any Channel, tls: NIOSSLClientHandler?, tunnel authority: String?) {
        self.channel = channel
        isSecured = tls != nil
        state.connected(securing: isSecured)
        do {
            let pipeline = channel.pipeline.syncOperations
            socket = try pipeline.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
            try pipeline.addHandler(WireTap(connection: self))
            if let tls, let authority {
                try pipeline.addHandler(ProxyTunnel(to: authority) { self.tunnelled($0, tls: tls) })
            } else if let tls {
                try pipeline.addHandler(tls)
            }
            try pipeline.addHandler(self)
        } catch {
            fail(.closed)
            return
        }
        if !channel.isActive {
            fail(.closed)
        } else if tls == nil {
            client.opened(self)
        }
    }

    private func tunnelled(_ isOpen: Bool, tls: NIOSSLClientHandler) {
        guard isOpen, let pipeline = channel?.pipeline.syncOperations else { return fail(.connect) }
        do {
            let tunnel = try pipeline.context(handlerType: ProxyTunnel.self)
            try pipeline.addHandler(tls, position: .after(tunnel.handler))
            pipeline.removeHandler(context: tunnel, promise: nil)
        } catch {
            fail(.closed)
        }
    }

    /// Whether nothing lies unread in the socket, neither bytes that nobody asked for nor its end.
    ///
    /// Asked immediately before a request is written: what lies there now would be taken for its answer. Before the first request
    /// under TLS it is not asked, for the server's session tickets may lie there.
    var isQuiet: Bool {
        guard let channel, channel.isActive, let socket else { return false }
        if isSecured, !hasServed { return true }
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) < 0 && errno == EAGAIN
    }

    /// Writes the request.
    ///
    /// How it ended is told to the client, perhaps before this returns.
    func ask(_ request: ByteBuffer, for call: PendingCall) {
        self.call = call
        received = 0
        state.asked()
        hasServed = true
        // Without a promise: a write that fails closes the channel, or the attempt's deadline does.
        context?.writeAndFlush(wrapOutboundOut(request), promise: nil)
        if context?.channel.isActive != true { fail(.closed) }
    }

    /// From here on the upstream's time for an idle connection runs, where it has told one.
    func idles(within limit: Duration?) {
        reusableUntil = limit.map { .now() + TimeAmount(KeepAlive.use(of: $0)) } ?? .distantFuture
    }

    func bytesLeaving() {
        state.flushed()
    }

    /// One tick after the answer: true if the next request may be asked, false if the connection is spent, nil if it is gone
    /// and the pool was told.
    func release() -> Bool? {
        let reusable = state.released()
        if reusable == false { close() }
        return reusable
    }

    /// Ends whatever the connection is doing.
    func fail(_ failure: TransportFailure) {
        let action = state.failed(failure)
        switch action {
        case .ignore: return
        case .failOpening(let failure): client.openFailed(self, failure)
        case .vanish, .keepAnswer: client.closed(self)
        case .end(let transport):
            if let call = removeCall() { client.ended(call, with: UpstreamAnswer(transport)) }
            client.closed(self)
        }
        close()
    }

    /// The deadline of its attempt has passed.
    ///
    /// An answer that came within the same tick still stands.
    func expire() {
        if state.isAsking { fail(.attemptTimeout) }
    }

    /// Closes an idle connection that the pool has given up, with a TLS goodbye.
    func retire() {
        _ = state.failed(.closed)
        channel?.close(promise: nil)
    }

    /// Closes the socket at once, beneath TLS.
    func close() {
        guard let channel else { return }
        guard let tap = try? channel.pipeline.syncOperations.context(handlerType: WireTap.self) else {
            channel.close(promise: nil)
            return
        }
        tap.close(promise: nil)
    }

    private func removeCall() -> PendingCall? {
        defer { call = nil }
        return call
    }
}

extension Connection {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event { handshaken(context) }
        context.fireUserInboundEventTriggered(event)
    }

    /// Nothing of a request passes before this: a certificate for another host gets nothing.
    private func handshaken(_ context: ChannelHandlerContext) {
        let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
        guard let certificate = tls?.peerCertificate, identity.accepts(certificate) else { return fail(.tls) }
        // A tick later: what came along with the end of the handshake is read before anything is asked.
        context.eventLoop.assumeIsolated().execute {
            if self.state.secured() { self.client.opened(self) }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        switch state.bytesArrived() {
        case .ignore: return
        case .fail(let failure): return fail(failure)
        case .parse: break
        }
        received += bytes.readableBytes
        guard received <= maximumResponseBytes else { return fail(.responseTooLarge) }
        if inbound.readableBytes == 0 { inbound = bytes } else { inbound.writeBuffer(&bytes) }
        do {
            if let response = try parser.consume(&inbound) {
                answered(response, isSpent: inbound.readableBytes > 0)
            } else if parser.announcedLength > maximumResponseBytes {
                fail(.responseTooLarge)
            }
        } catch {
            fail(.malformedResponse)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let response = parser.endOfStream() { answered(response, isSpent: true) }
        fail(.closed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOSSLError.uncleanShutdown: fail(.closed)
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError: fail(.tls)
        default: fail(.closed)
        }
    }

    private func answered(_ response: ResponseParser.Response, isSpent: Bool) {
        guard let call = removeCall() else { return }
        inbound = ByteBuffer()
        let isInForm = client.answered(call, on: self, response)
        state.answered(reusable: response.keepAlive && isInForm && !isSpent)
    }
}
