import NIOCore
import NIOHTTP1

/// One connection of the admin server: a request, its page, and so on until one of the two closes.
///
/// Requests that were sent without waiting for answers come one at a time (NIO's pipelining handler).
final class AdminConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let pages: AdminPages
    private var request: HTTPRequestHead?

    init(pages: AdminPages) {
        self.pages = pages
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): request = head
        case .body: break
        case .end:
            guard let request = request.take() else { return }
            answer(request, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let pages = pages
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.makeFutureWithTask { await pages.page(request.method, request.uri) }
            .whenSuccess { page in
                let (connection, context) = bound.value
                connection.write(page, to: request, context)
            }
    }

    private func write(_ page: AdminPages.Page, to request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        var headers: HTTPHeaders = [
            "content-type": page.contentType, "content-length": "\(page.body.count)", "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        ]
        for header in page.headers { headers.add(name: header.name, value: header.value) }
        if !request.isKeepAlive { headers.add(name: "connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: page.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: page.body)))), promise: nil)
        }
        let flushed = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        guard !request.isKeepAlive else { return }
        let channel = context.channel
        flushed.whenComplete { _ in channel.close(promise: nil) }
    }
}
