import NIOCore
import NIOPosix

/// Asks the sandbox to send a code, as a shop's backend asks Paynet: one POST on one connection, for the demonstration only.
enum SendOTP {
    static func send(to port: Int, key: String, phone: String, session: String) async throws {
        let body = #"{"user_gsm":"\#(phone)","otp_session_id":"\#(session)"}"#
        let request = """
            POST /v1/card/send_otp HTTP/1.1\r
            Host: 127.0.0.1:\(port)\r
            Authorization: Basic \(key)\r
            Content-Type: application/json; charset=UTF-8\r
            Content-Length: \(body.utf8.count)\r
            Connection: close\r
            \r
            \(body)
            """
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let answer = try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: request))
            var answer = ByteBuffer()
            for try await var part in inbound { answer.writeBuffer(&part) }
            return String(buffer: answer)
        }
        guard answer.hasPrefix("HTTP/1.1 200 ") else {
            throw Failure("the sandbox refused to send a code: \(answer.prefix { !$0.isNewline })")
        }
    }
}
