import NIOCore
import NIOHTTP1

/// One connection of a ``PageServer``: a request, its page, and so on until one of the two closes; or a stream.
///
/// One request at a time, and nothing is read until its page was taken; anyone who sends the next one before gets the first one's page
/// and the end. Each step has a time (``PageServer/Times``).
final class PageConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase { case waiting, receiving, answering, streaming }

    /// No request of ours has a body.
    private static let maximumBodyBytes = 8_192

    private let gate: ConnectionGate
    private let times: PageServer.Times
    private let headers: HTTPHeaders
    private let answer: @Sendable (HTTPRequestHead) async -> PageServer.Answer
    private let onChange: (_ isBusy: Bool) -> Void
    private var phase = Phase.waiting
    private var request: HTTPRequestHead?
    private var bodyBytes = 0
    /// More was sent than one request: this page is the last.
    private var isLast = false
    private var timer: Scheduled<Void>?

    /// `onChange` is told when a request begins and ends being answered.
    init(
        gate: ConnectionGate,
        times: PageServer.Times,
        headers: HTTPHeaders,
        answer: @escaping @Sendable (HTTPRequestHead) async -> PageServer.Answer,
        onChange: @escaping (_ isBusy: Bool) -> Void
    ) {
        self.gate = gate
        self.times = times
        self.headers = headers
        self.answer = answer
        self.onChange = onChange
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
        let isAnswering = phase == .answering || phase == .streaming
        switch unwrapInboundIn(data) {
        case .head(let head):
            if isAnswering { isLast = true } else { request = head }
            bodyBytes = 0
        case .body(let bytes):
            bodyBytes += bytes.readableBytes
            if bodyBytes > Self.maximumBodyBytes { context.close(promise: nil) }
        case .end:
            guard !isAnswering, let request = request.take() else { return }
            answer(request, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        phase = .answering
        gate.hold()
        onChange(true)
        limit(times.page, context)
        let answer = answer
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        // Off the event loop: a page is a few milliseconds' work.
        context.eventLoop.makeFutureWithTask { await answer(request) }
            .whenSuccess { answer in
                let (connection, context) = bound.value
                connection.write(answer, to: request, context)
            }
    }

    private func write(_ answer: PageServer.Answer, to request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        switch answer {
        case .page(let page): write(page, to: request, context)
        case .stream(let stream) where stream.accept(context.channel): open(stream, context)
        case .stream(let stream): write(stream.refusal, to: request, context)
        }
    }

    private func write(_ page: PageServer.Page, to request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let isLast = isLast || page.isLast || !request.isKeepAlive
        var headers = headers
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

    private func open(_ stream: PageServer.Stream, _ context: ChannelHandlerContext) {
        phase = .streaming
        limit(stream.limit, context)
        var headers = headers
        headers.add(name: "content-type", value: stream.contentType)
        let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: stream.opening)))), promise: nil)
    }

    private func written(isLast: Bool, _ context: ChannelHandlerContext) {
        guard !isLast, let gateContext = try? context.pipeline.syncOperations.context(handler: gate) else {
            return context.close(promise: nil)
        }
        phase = .waiting
        onChange(false)
        limit(times.idle, context)
        gate.release(gateContext)
    }

    private func limit(_ time: Duration, _ context: ChannelHandlerContext) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: TimeAmount(time)) { channel.close(promise: nil) }
    }
}
