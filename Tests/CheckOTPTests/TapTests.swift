import NIOCore
import NIOPosix
import OTPEngine
import Testing

@testable import CheckOTP

/// The line between `notSent` and `unknown` is the flush that passes the tap, not the write into the pipeline.
@Suite(.timeLimit(.minutes(1)))
struct TapTests {
    /// Stands where TLS stands and holds back what is written until it is told to let go.
    private final class Hold: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        let lets: Bool
        init(lets: Bool) { self.lets = lets }
        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if lets { context.write(data, promise: promise) }
        }
        func flush(context: ChannelHandlerContext) { context.flush() }
    }

    @Test(arguments: [false, true])
    func onlyAFlushThatReachesTheSocketCounts(lets: Bool) async throws {
        let gate = Gate()
        let server = try await ScriptedServer([.read, .send(answer()), .wait(gate), .close])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        _ = try await client.ask()
        let ending = try await client.ask(
            first: { client in
                do {
                    let pipeline = try #require(client.connections[0]?.channel).pipeline.syncOperations
                    let tap = try pipeline.handler(type: WireTap.self)
                    try pipeline.addHandler(Hold(lets: lets), position: .after(tap))
                } catch {
                    Issue.record(error)
                }
            },
            then: { _ in gate.open() }
        )
        #expect(ending == UpstreamAnswer(lets ? .unknown(.closed) : .notSent(.closed)))
        try await client.close()
    }
}
