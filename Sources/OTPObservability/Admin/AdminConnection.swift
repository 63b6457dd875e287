import NIOCore
import NIOHTTP1

/// One connection of the admin server: a request, its page, and so on until one of the two closes.
///
/// One request at a time, and nothing is read until its page was taken; anyone who sends the next one before gets the first one's
/// page and the end. Each step has a time (``AdminServer/Times``).
final class AdminConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase { case waiting, receiving, answering }

    private let pages: AdminPages
    private let gate: ConnectionGate
    private let times: AdminServer.Times
    private let onChange: (_ isBusy: Bool) -> Void
    private var phase = Phase.waiting
    private var request: HTTPRequestHead?
    /// More was sent than one request: this page is the last.
    private var isLast = false
    private var timer: Scheduled<Void>?

    /// `onChange` is told when a request begins and ends being answered.
    init(
        pages: AdminPages,
        gate: ConnectionGate,
        times: AdminServer.Times,
        onChange: @escaping (_ isBusy: Bool) -> Void
    ) {
        self.pages = pages
        self.gate = gate
        self.times = times
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
        switch unwrapInboundIn(data) {
        case .head(let head):
            if phase == .answering { isLast = true } else { request = head }
        case .body: break
        case .end:
            guard phase != .answering, let request = request.take() else { return }
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
        let pages = pages
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.makeFutureWithTask { await pages.page(request) }
            .whenSuccess { page in
                let (connection, context) = bound.value
                connection.write(page, to: request, context)
            }
    }

    private func write(_ page: AdminPages.Page, to request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let isLast = isLast || page.isLast || !request.isKeepAlive
        var headers: HTTPHeaders = [
            "content-type": page.contentType, "content-length": "\(page.body.count)", "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        ]
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
