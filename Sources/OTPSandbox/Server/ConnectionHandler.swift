import NIOCore
import NIOHTTP1

/// One connection: requests in, one after the other, and the bytes or the silence that the model decided out.
///
/// It decides nothing. A request that arrives while another waits for its answer waits behind it.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    /// The largest request body that is read, in bytes; a larger one ends the connection with a 400.
    private static let maximumBody = 1 << 16

    private let core: SandboxCore
    private let connection: Int
    private let cutter: ConnectionCutter
    private var request = SandboxRequest()
    private var keepAlive = true
    private var waiting = CircularBuffer<(request: SandboxRequest, keepAlive: Bool)>()
    private var isBusy = false
    /// Its last bytes are on their way: whatever arrives now is too late.
    private var isClosing = false
    private var isGone = false
    private var unanswered: String?
    /// The end of an idle connection.
    private var idling: Scheduled<Void>?

    init(core: SandboxCore, cutter: ConnectionCutter) {
        self.core = core
        self.cutter = cutter
        connection = core.nextConnection()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isClosing { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            begin(head, from: context.remoteAddress)
        case .body(let bytes):
            guard request.body.count + bytes.readableBytes <= Self.maximumBody else {
                return refuse(context)
            }
            request.body.append(contentsOf: bytes.readableBytesView)
        case .end:
            if isBusy {
                waiting.append((request, keepAlive))
            } else {
                handle(request, keepAlive: keepAlive, context)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isGone = true
        idling?.cancel()
        waiting.removeAll()
        noteFinished()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is HTTPParserError {
            refuse(context)
        } else {
            cutter.cut()
        }
    }

    private func begin(_ head: HTTPRequestHead, from peer: SocketAddress?) {
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        request = SandboxRequest(
            method: head.method.rawValue,
            path: parts.first.map(String.init) ?? "",
            query: parts.count > 1 ? String(parts[1]) : nil,
            authorization: head.headers.first(name: "authorization"),
            contentType: head.headers.first(name: "content-type"),
            hasTraceparent: head.headers.contains(name: "traceparent"),
            connection: connection,
            peer: peer?.ipAddress
        )
        keepAlive = head.isKeepAlive
    }

    private func handle(_ request: SandboxRequest, keepAlive: Bool, _ context: ChannelHandlerContext) {
        isBusy = true
        idling?.cancel()
        if request.path.hasPrefix(SandboxControl.prefix) {
            let answer = SandboxControl.answer(request, core: core)
            send(AnswerBytes.whole(answer, keepAlive: keepAlive, context.channel.allocator), context, close: !keepAlive)
            return
        }
        let (decision, flushDue) = core.decide(request)
        unanswered = decision.entry.session
        if flushDue {
            let core = core
            context.eventLoop.execute { core.flushJournal() }
        }
        guard decision.delay > .zero else { return deliver(decision, keepAlive: keepAlive, context) }
        context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(decision.delay)) {
            if !self.isGone { self.deliver(decision, keepAlive: keepAlive, context) }
        }
    }

    private func deliver(_ decision: SandboxDecision, keepAlive: Bool, _ context: ChannelHandlerContext) {
        let allocator = context.channel.allocator
        var told = decision.answer
        if keepAlive { told?.idleTimeout = core.idleTimeout }
        switch (decision.delivery, told) {
        case (.never, _): break
        case (.garbage, _):
            send(allocator.buffer(string: AnswerBytes.garbage), context, close: true)
        case (.cut, _), (_, nil):
            cutter.cut()
        case (.whole, let answer?):
            send(AnswerBytes.whole(answer, keepAlive: keepAlive, allocator), context, close: !keepAlive)
        case (.wholeThenClose, let answer?):
            send(AnswerBytes.whole(answer, keepAlive: true, allocator), context, close: true)
        case (.half, let answer?):
            send(AnswerBytes.half(answer, allocator), context, close: true)
        case (.chunked, let answer?):
            send(AnswerBytes.chunked(answer, keepAlive: keepAlive, allocator), context, close: !keepAlive)
        case (.informational, let answer?):
            send(AnswerBytes.informational(answer, keepAlive: keepAlive, allocator), context, close: !keepAlive)
        case (.malformedChunks, let answer?):
            send(AnswerBytes.malformedChunks(answer, allocator), context, close: true)
        case (.drip(let interval), let answer?):
            let bytes = AnswerBytes.whole(answer, keepAlive: keepAlive, allocator)
            drip(bytes, interval: TimeAmount(interval), context, close: !keepAlive)
        }
    }

    private func drip(_ bytes: ByteBuffer, interval: TimeAmount, _ context: ChannelHandlerContext, close: Bool) {
        var rest = bytes
        guard let byte = rest.readSlice(length: 1), rest.readableBytes > 0 else {
            return send(bytes, context, close: close)
        }
        context.writeAndFlush(wrapOutboundOut(byte), promise: nil)
        context.eventLoop.assumeIsolated().scheduleTask(in: interval) {
            if !self.isGone { self.drip(rest, interval: interval, context, close: close) }
        }
    }

    /// Writes the last bytes of an answer, then ends the connection or takes the next request.
    private func send(_ bytes: ByteBuffer, _ context: ChannelHandlerContext, close: Bool) {
        noteFinished()
        guard close else {
            context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
            isBusy = false
            if let next = waiting.popFirst() {
                handle(next.request, keepAlive: next.keepAlive, context)
            } else if let seconds = core.idleTimeout {
                idling = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(Int64(seconds))) {
                    if !self.isBusy, !self.isGone { context.close(promise: nil) }
                }
            }
            return
        }
        isClosing = true
        context.writeAndFlush(wrapOutboundOut(bytes)).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    private func refuse(_ context: ChannelHandlerContext) {
        let answer = SandboxAnswer(status: 400, contentType: "text/plain", body: "unreadable request")
        send(AnswerBytes.whole(answer, keepAlive: false, context.channel.allocator), context, close: true)
    }

    private func noteFinished() {
        if let session = unanswered { core.finished(session) }
        unanswered = nil
    }
}

/// Ends a connection at once: it sits below TLS, so that not even a goodbye is sent.
final class ConnectionCutter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func cut() {
        context?.close(promise: nil)
    }
}
