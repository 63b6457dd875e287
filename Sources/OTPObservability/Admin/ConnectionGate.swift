package import NIOCore

/// The first handler of a connection: it tells when bytes come, and reads none while an answer is under way.
package final class ConnectionGate: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = ByteBuffer

    /// The first bytes of a request came.
    package var onBytes: () -> Void = {}
    private var isHeld = false
    private var wantsRead = false

    package init() {}

    package func hold() {
        isHeld = true
    }

    package func release(_ context: ChannelHandlerContext) {
        isHeld = false
        if wantsRead {
            wantsRead = false
            context.read()
        }
    }

    package func read(context: ChannelHandlerContext) {
        if isHeld { wantsRead = true } else { context.read() }
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        onBytes()
        context.fireChannelRead(data)
    }
}
