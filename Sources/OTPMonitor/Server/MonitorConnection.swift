import NIOCore
import NIOHTTP1
import OTPObservability

/// One connection of the monitor: a request, its page, and so on until one of the two closes; or a page's stream of events.
///
/// One request at a time, and nothing is read until its page was taken. Each step has a time (``MonitorServer/Times``).
final class MonitorConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase { case waiting, receiving, answering, streaming }

    /// What a connection asks of its server.
    struct Host {
        var credentials: () -> Credentials?
        /// A request begins, or ends, being answered.
        var onChange: (_ isBusy: Bool) -> Void
        /// Whether there is room for one more stream.
        var onStream: (Overview.Range) -> Bool
    }

    /// No request of ours has a body.
    private static let maximumBodyBytes = 8_192

    private let pages: MonitorPages
    private let gate: ConnectionGate
    private let times: MonitorServer.Times
    private let host: Host
    private var phase = Phase.waiting
    private var request: HTTPRequestHead?
    private var bodyBytes = 0
    /// More was sent than one request: this page is the last.
    private var isLast = false
    private var timer: Scheduled<Void>?
    private var stream: Stream?

    /// What a stream has sent, and since when it takes no more.
    private struct Stream {
        var range: Overview.Range
        var sent: [Overview.Part: UInt64] = [:]
        var isStalledSince: NIODeadline?
    }

    init(pages: MonitorPages, gate: ConnectionGate, times: MonitorServer.Times, host: Host) {
        self.pages = pages
        self.gate = gate
        self.times = times
        self.host = host
    }

    func handlerAdded(context: ChannelHandlerContext) {
        limit(times.request, context)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        gate.onBytes = { [unowned self] in
            guard phase == .waiting else { return }
            phase = .receiving
            limit(times.request, bound.value)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        gate.onBytes = {}
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if phase == .answering || phase == .streaming { isLast = true } else { request = head }
            bodyBytes = 0
        case .body(let bytes):
            bodyBytes += bytes.readableBytes
            if bodyBytes > Self.maximumBodyBytes { context.close(promise: nil) }
        case .end:
            guard phase != .answering, phase != .streaming, let request = request.take() else { return }
            answer(request, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        phase = .answering
        gate.hold()
        host.onChange(true)
        limit(times.page, context)
        let (pages, credentials) = (pages, host.credentials())
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        // Off the event loop: a page is a few milliseconds' work.
        context.eventLoop.makeFutureWithTask { pages.answer(request, credentials) }
            .whenSuccess { answer in
                let (connection, context) = bound.value
                connection.write(answer, to: request, context)
            }
    }

    private func write(_ answer: MonitorPages.Answer, to request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        switch answer {
        case .page(let page): write(page, to: request, context)
        case .events(let range) where host.onStream(range): open(range, context)
        case .events:
            let body = Array("too many live pages are open; this one loads again by itself without a script\n".utf8)
            write(MonitorPages.Page(status: .serviceUnavailable, body: body, isLast: true), to: request, context)
        }
    }

    private static let headers: HTTPHeaders = [
        "cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin", "cross-origin-opener-policy": "same-origin",
    ]

    private func write(_ page: MonitorPages.Page, to request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let isLast = isLast || page.isLast || !request.isKeepAlive
        var headers = Self.headers
        headers.add(name: "content-type", value: page.contentType)
        headers.add(name: "content-length", value: "\(page.body.count)")
        for header in page.headers { headers.add(name: header.name, value: header.value) }
        if isLast { headers.add(name: "connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: page.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: page.body)))), promise: nil)
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenSuccess {
            let (connection, context) = bound.value
            connection.written(isLast: isLast, context)
        }
    }

    private func written(isLast: Bool, _ context: ChannelHandlerContext) {
        guard !isLast, let gateContext = try? context.pipeline.syncOperations.context(handler: gate) else {
            return context.close(promise: nil)
        }
        phase = .waiting
        host.onChange(false)
        limit(times.idle, context)
        gate.release(gateContext)
    }

    // MARK: Streams

    private func open(_ range: Overview.Range, _ context: ChannelHandlerContext) {
        phase = .streaming
        stream = Stream(range: range)
        limit(times.stream, context)
        var headers = Self.headers
        headers.add(name: "content-type", value: "text/event-stream")
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers))),
            promise: nil
        )
        send(ServerEvent.opening, context)
        context.flush()
    }

    /// Sends what has changed, and that the monitor is there; nothing to one that has not taken what was sent before, and the end to one
    /// that takes nothing for long.
    func offer(_ feed: PartFeed, _ context: ChannelHandlerContext) {
        guard var stream, context.channel.isActive else { return }
        defer { self.stream = stream }
        guard context.channel.isWritable else {
            let since = stream.isStalledSince ?? .now()
            stream.isStalledSince = since
            if .now() - since > TimeAmount(times.stall) { context.close(promise: nil) }
            return
        }
        stream.isStalledSince = nil
        for part in feed.changes(stream.range, since: stream.sent) {
            send(part.bytes, context)
            stream.sent[part.id] = part.version
        }
        send(ServerEvent.beat, context)
        context.flush()
    }

    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
    }

    private func limit(_ time: Duration, _ context: ChannelHandlerContext) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: TimeAmount(time)) { channel.close(promise: nil) }
    }
}
