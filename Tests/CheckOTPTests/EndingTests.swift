import NIOCore
import NIOPosix
import OTPEngine
import Testing

@testable import CheckOTP

/// Every way an attempt can end on a plain connection, as a raw server brings it about.
@Suite(.timeLimit(.minutes(1)))
struct EndingTests {
    private let verified = UpstreamAnswer(.answered(status: 200), body: .init(code: 0, message: "ok"))

    private func ask(
        _ scripts: [Step]...,
        timeout: Duration = .seconds(5),
        _ adjust: @Sendable (inout CheckClientConfiguration) -> Void = { _ in }
    ) async throws -> UpstreamAnswer {
        let server = try await ScriptedServer(scripts[0])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)", adjust)
        let answer = try await client.ask(timeout: timeout)
        try await client.close()
        try await server.stop()
        return answer
    }

    @Test(arguments: [
        answer(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "10;x=1\r\n{\"code\":0,\"messa\r\n9\r\nge\":\"ok\"}\r\n0\r\nX: y\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(),
        "HTTP/1.0 200 OK\r\nContent-Length: 25\r\n\r\n{\"code\":0,\"message\":\"ok\"}",
        answer("200 OK", "Connection: close"),
    ])
    func anAnswerIsReadHoweverItIsFramed(text: String) async throws {
        #expect(try await ask([.read, .send(text)]) == verified)
    }

    private static let hasIPv6 = (try? System.enumerateDevices())?.contains { $0.address?.ipAddress == "::1" } ?? false

    @Test(.enabled(if: hasIPv6)) func anAddressMayBeOfEitherFamily() async throws {
        let server = try await ScriptedServer([.read, .send(answer())], host: "::1")
        let client = try await TestClient.make("http://[::1]:\(server.port)")
        #expect(try await client.ask() == verified)
        #expect(server.journal.requests.first?.contains("\r\nHost: [::1]:\(server.port)\r\n") == true)
        try await client.close()
        try await server.stop()
    }

    @Test func aBodyThatLastsUntilTheEndOfTheStreamIsAnAnswer() async throws {
        let text = "HTTP/1.1 200 OK\r\n\r\n{\"code\":0,\"message\":\"ok\"}"
        #expect(try await ask([.read, .send(text), .close]) == verified)
    }

    @Test func aRedirectIsAStatusLikeAnyOther() async throws {
        let answer = try await ask([.read, .send(answer("307 Temporary", "Location: /x", body: ""))])
        #expect(answer == UpstreamAnswer(.answered(status: 307), bodyFault: .empty))
    }

    @Test func retryAfterComesWithTheAnswer() async throws {
        let answer = try await ask([.read, .send(answer("503 Busy", "Retry-After: 7", body: "<p>"))])
        #expect(answer == UpstreamAnswer(.answered(status: 503), bodyFault: .html, retryAfter: .seconds(7)))
    }

    @Test func aRefusedConnectionSentNothing() async throws {
        let server = try await ScriptedServer([])
        let port = server.port
        try await server.stop()
        let client = try await TestClient.make("http://127.0.0.1:\(port)")
        #expect(try await client.ask() == UpstreamAnswer(.notSent(.connect)))
        #expect(
            try await client.counters
                == .init(openConnections: 0, connectionsInUse: 0, waitingCalls: 0, connects: 1, requests: 0)
        )
        try await client.close()
    }

    @Test func aNameThatDoesNotResolveSentNothing() async throws {
        let client = try await TestClient.make("http://\(String(repeating: "a", count: 64)).invalid")
        #expect(try await client.ask() == UpstreamAnswer(.notSent(.resolve)))
        try await client.close()
    }

    @Test(arguments: [
        [Step.close], [.read, .close], [.read, .reset], [.read, .send("HTTP/1.1 200 OK\r\nContent-Le"), .close],
        [.read, .send("HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{\"code\":0,"), .close],
        [.read, .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"cod"), .close],
        [.read, .send("HTTP/1.1 200 OK\r\n\r\n{\"code\":0,\"message\":\"ok\"}"), .reset],
    ])
    func aConnectionThatEndsAfterTheRequestLeftIsUnknown(script: [Step]) async throws {
        #expect(try await ask(script) == UpstreamAnswer(.unknown(.closed)))
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ])
    func garbageIsUnknown(text: String) async throws {
        #expect(try await ask([.read, .send(text)]) == UpstreamAnswer(.unknown(.malformedResponse)))
    }

    @Test(arguments: [
        answer(body: String(repeating: "x", count: 2000)), "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 2000),
    ])
    func tooLargeAnAnswerIsUnknown(text: String) async throws {
        let answer = try await ask([.read, .send(text)]) { $0.maximumResponseBytes = 1000 }
        #expect(answer == UpstreamAnswer(.unknown(.responseTooLarge)))
    }

    @Test func silenceAfterTheRequestIsUnknown() async throws {
        let server = try await ScriptedServer([.read, .send(answer()), .read])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        #expect(try await client.ask() == verified)
        #expect(try await client.ask(timeout: .milliseconds(20)) == UpstreamAnswer(.unknown(.attemptTimeout)))
        #expect(try await client.counters.openConnections == 0)
        try await client.close()
    }

    @Test func aCallThatFindsNoConnectionInTimeSentNothing() async throws {
        let gate = Gate()
        let server = try await ScriptedServer([.read, .wait(gate), .send(answer())])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)") { $0.maximumConnections = 1 }
        async let first = client.ask()
        try await server.until { $0.requests.count == 1 }
        #expect(try await client.ask(timeout: .milliseconds(20)) == UpstreamAnswer(.notSent(.attemptTimeout)))
        gate.open()
        #expect(try await first == verified)
        #expect(server.journal.requests.count == 1)
        try await client.close()
    }

    @Test func aWithheldRequestLeavesNothingAndTheConnectionServesTheNext() async throws {
        let server = try await ScriptedServer([.read, .send(answer())])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        #expect(try await client.ask(permit: false) == UpstreamAnswer(.notSent(.withheld)))
        #expect(
            try await client.counters
                == .init(openConnections: 1, connectionsInUse: 0, waitingCalls: 0, connects: 1, requests: 0)
        )
        #expect(try await client.ask() == verified)
        #expect(server.journal == .init(requests: server.journal.requests, accepted: 1, closed: 0))
        #expect(server.journal.requests.count == 1)
        try await client.close()
    }

    @Test func closingEndsACallByWhetherItsRequestHadLeft() async throws {
        let server = try await ScriptedServer([.read])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)") { $0.maximumConnections = 1 }
        async let asked = client.ask()
        try await server.until { $0.requests.count == 1 }
        async let waited = client.ask()
        try await client.until { $0.waitingCalls == 1 }
        try await client.close()
        #expect(try await asked == UpstreamAnswer(.unknown(.shutdown)))
        #expect(try await waited == UpstreamAnswer(.notSent(.shutdown)))
        #expect(try await client.ask() == UpstreamAnswer(.notSent(.shutdown)))
        try await server.until { $0.closed == 1 }
    }

    @Test func closingWhileConnectingSentNothing() async throws {
        let server = try await ScriptedServer([])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        let answer = try await client.ask(then: { client in client.close {} })
        #expect(answer == UpstreamAnswer(.notSent(.shutdown)))
    }
}
