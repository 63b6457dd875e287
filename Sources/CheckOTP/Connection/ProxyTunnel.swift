import NIOCore

/// Asks an HTTP proxy for a tunnel to the upstream and then steps aside for TLS.
///
/// What it writes is no part of a request to the upstream: a tunnel that is refused has sent nothing.
final class ProxyTunnel: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A proxy that says more than this before the tunnel stands, in bytes, is not one.
    private static let maximumHeadBytes = 8 * 1024

    private let authority: String
    private var head = ByteBuffer()
    /// Nil once it was called.
    private var completion: ((_ isOpen: Bool) -> Void)?

    init(to authority: String, completion: @escaping (_ isOpen: Bool) -> Void) {
        self.authority = authority
        self.completion = completion
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let request = "CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        head.writeBuffer(&bytes)
        let text = head.readableBytesView
        guard let end = text.firstRange(of: Array("\r\n\r\n".utf8)) else {
            if text.count > Self.maximumHeadBytes { complete(false) }
            return
        }
        // The upstream speaks second under TLS: bytes behind the head are nobody's.
        let isOpen = text.starts(with: "HTTP/1.".utf8) && text.dropFirst(8).starts(with: " 2".utf8)
        complete(isOpen && end.upperBound == text.endIndex)
    }

    func channelInactive(context: ChannelHandlerContext) {
        complete(false)
        context.fireChannelInactive()
    }

    private func complete(_ isOpen: Bool) {
        completion?(isOpen)
        completion = nil
    }
}
