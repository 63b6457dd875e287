import NIOCore
import OTPContract
import OTPEngine
import Testing

@testable import CheckOTP

/// The bytes that leave, and the places where a secret must not show.
struct RequestTests {
    private func bytes(
        _ url: String = "https://api.example",
        _ authentication: CheckClientConfiguration.Authentication = .secretKey,
        _ request: CheckRequest = .example
    ) throws -> String {
        let encoder = try RequestEncoder(
            origin: Origin(url),
            authentication: authentication,
            secret: Secret(TestClient.key)
        )
        return String(buffer: encoder.encode(request, allocator: ByteBufferAllocator()))
    }

    private func golden(authorization: String, host: String = "api.example", path: String = "") -> String {
        """
        POST \(path)/v1/card/check_otp HTTP/1.1\r
        Host: \(host)\r
        Authorization: Basic \(authorization)\r
        Content-Type: application/json; charset=UTF-8\r
        Accept: application/json\r
        Accept-Encoding: identity\r
        User-Agent: otp-worker\r
        Content-Length: 69\r
        \r
        {"user_gsm":"5324818942","otp_session_id":"123456","otp_code":"ART2"}
        """
    }

    @Test func theKeyIsSentAsIssued() throws {
        #expect(try bytes() == golden(authorization: "sck_test_4bX9"))
    }

    @Test func orAsABasicPair() throws {
        // base64("sck_test_4bX9:")
        #expect(try bytes("https://api.example", .basicPair) == golden(authorization: "c2NrX3Rlc3RfNGJYOTo="))
    }

    @Test func theOriginShapesHostAndPath() throws {
        let text = golden(authorization: "sck_test_4bX9", host: "[::1]:8080", path: "/pts/api")
        #expect(try bytes("http://[::1]:8080/pts/api/") == text)
    }

    @Test func aTraceparentIsSentAlong() throws {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let text = try bytes("https://api.example", .secretKey, .make(traceparent: trace))
        #expect(text.contains("\r\ntraceparent: \(trace)\r\n\r\n{"))
    }

    @Test func aTracestateGoesWithItsTraceparent() throws {
        let state = "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"
        let text = try bytes("https://api.example", .secretKey, .make(traceparent: "00-ab-cd-01", tracestate: state))
        #expect(text.contains("\r\ntraceparent: 00-ab-cd-01\r\ntracestate: \(state)\r\n\r\n{"))
        #expect(try bytes("https://api.example", .secretKey, .make(tracestate: state)) == bytes())
    }

    @Test(arguments: ["a=b\r\nX-Evil: 1", "a=ş", "", "a\u{7f}", String(repeating: "a", count: 513)])
    func noTracestateCanAddAHeader(state: String) throws {
        let alone = try bytes("https://api.example", .secretKey, .make(traceparent: "00-ab-cd-01"))
        let both = CheckRequest.make(traceparent: "00-ab-cd-01", tracestate: state)
        #expect(try bytes("https://api.example", .secretKey, both) == alone)
    }

    @Test(arguments: ["00-ab\r\nX-Evil: 1", "00 ab", "", "00-ab\u{0}", String(repeating: "a", count: 129)])
    func noTraceparentCanAddAHeader(trace: String) throws {
        #expect(try bytes("https://api.example", .secretKey, .make(traceparent: trace)) == bytes())
    }

    @Test func aSessionIsEscapedAndMeasuredInBytes() throws {
        let text = try bytes("https://api.example", .secretKey, .make(session: #"a"\,"otp_code":"Ş"#))
        let body = #"{"user_gsm":"5324818942","otp_session_id":"a\"\\,\"otp_code\":\"Ş","otp_code":"ART2"}"#
        #expect(text.hasSuffix("\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"))
    }

    @Test(arguments: ["", "sck\r\nX: y", "sck key", "sck\u{e9}"])
    func aKeyThatNoHeaderCanCarryIsRefused(key: String) throws {
        #expect(throws: CheckClientError.unusableSecret) {
            try RequestEncoder(origin: Origin("https://api.example"), authentication: .secretKey, secret: Secret(key))
        }
    }

    @Test func theWireCarriesExactlyTheseBytes() async throws {
        let server = try await ScriptedServer([.read, .send(answer())])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        _ = try await client.ask()
        let text = golden(authorization: "sck_test_4bX9", host: "127.0.0.1:\(server.port)")
        #expect(server.journal.requests == [text])
        try await client.close()
    }

    @Test func nothingShowsASecret() async throws {
        let server = try await ScriptedServer([.read])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)", on: Loops.heldUp) {
            $0.authentication = .basicPair
        }
        async let asked = client.ask()
        try await server.until { $0.requests.count == 1 }
        try await client.run { client in
            var text = "\(client) \(client.counters) \(CheckRequest.example)"
            dump(client, to: &text)
            dump(CheckRequest.example, to: &text)
            // Dumped bytes are numbers on lines of their own.
            let numbers = text.split { !$0.isNumber }.joined(separator: " ")
            for secret in ["sck_test", "c2Nr", "5324818942", "ART2"] {
                #expect(!text.contains(secret))
                #expect(!numbers.contains(secret.utf8.map(String.init).joined(separator: " ")))
            }
        }
        try await client.close()
        #expect(try await asked == UpstreamAnswer(.unknown(.shutdown)))
    }
}
