import NIOCore
import NIOPosix
import OTPContract
import OTPEngine
import Testing

@testable import CheckOTP

/// Which connection carries the next request, and what an idle connection that ends does to it.
@Suite(.timeLimit(.minutes(1)))
struct ReuseTests {
    private let verified = UpstreamAnswer(.answered(status: 200), body: .init(code: 0, message: "ok"))
    private let wrong = #"{"code":1,"message":"no"}"#

    @Test func oneConnectionServesCallAfterCall() async throws {
        let server = try await ScriptedServer([.read, .send(answer()), .read, .send(answer()), .read, .send(answer())])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        for _ in 1...3 { #expect(try await client.ask() == verified) }
        #expect(
            try await client.counters
                == .init(openConnections: 1, connectionsInUse: 0, waitingCalls: 0, connects: 1, requests: 3)
        )
        #expect(server.journal.accepted == 1)
        try await client.close()
    }

    @Test(arguments: [
        answer("200 OK", "Connection: close"), answer("200 OK", "Connection: Keep-Alive, Close"),
        "HTTP/1.0 200 OK\r\nContent-Length: 25\r\n\r\n{\"code\":0,\"message\":\"ok\"}",
        answer() + "H", answer() + answer(),
    ])
    func aSpentConnectionIsNotUsedAgain(text: String) async throws {
        let server = try await ScriptedServer(
            [.read, .send(text), .read],
            [.read, .send(answer(body: wrong))]
        )
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        #expect(try await client.ask() == verified)
        #expect(try await client.ask().body?.code == 1)
        #expect(server.journal.accepted == 2)
        try await client.close()
    }

    @Test func bytesThatNobodyAskedForEndAnIdleConnection() async throws {
        let gate = Gate()
        let server = try await ScriptedServer(
            [.read, .send(answer()), .wait(gate), .send(answer())],
            [.read, .send(answer(body: wrong))]
        )
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        #expect(try await client.ask() == verified)
        gate.open()
        try await client.until { $0.openConnections == 0 }
        #expect(try await client.ask().body?.code == 1)
        try await client.close()
    }

    @Test(arguments: [Step.close, .reset])
    func anIdleConnectionThatTheServerClosedIsReplacedUnnoticed(end: Step) async throws {
        let gate = Gate()
        let server = try await ScriptedServer([.read, .send(answer()), .wait(gate), end], [.read, .send(answer())])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        #expect(try await client.ask() == verified)
        gate.open()
        try await client.until { $0.openConnections == 0 }
        #expect(try await client.ask() == verified)
        #expect(server.journal.accepted == 2)
        try await client.close()
    }

    /// The server's close arrives while the client's loop is busy: it lies in the socket when the next request is due.
    @Test(arguments: [Step.close, .reset])
    func aCloseThatLiesUnreadSparesTheNextCall(end: Step) async throws {
        let gate = Gate()
        let server = try await ScriptedServer([.read, .send(answer()), .wait(gate), end])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)", on: Loops.heldUp)
        #expect(try await client.ask() == verified)
        let next = try await client.ask(first: { _ in
            holdUp(until: { server.journal.closed == 1 }, after: { gate.open() })
        })
        #expect(next == verified)
        #expect(server.journal.accepted == 2)
        try await client.close()
    }

    /// A second, late answer to the first code would verify the second one.
    @Test func anAnswerThatLiesUnreadIsNeverTakenForTheNextCodes() async throws {
        let gate = Gate()
        let server = try await ScriptedServer(
            [.read, .send(answer()), .wait(gate), .send(answer()), .close],
            [.read, .send(answer(body: wrong))]
        )
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)", on: Loops.heldUp)
        #expect(try await client.ask() == verified)
        let second = try await client.ask(first: { _ in
            holdUp(until: { server.journal.closed == 1 }, after: { gate.open() })
        })
        #expect(second.body?.code == 1)
        #expect(server.journal.accepted == 2)
        try await client.close()
    }

    /// Nobody asked anything yet.
    @Test func anAnswerThatComesBeforeTheFirstQuestionIsNone() async throws {
        let gate = Gate()
        let server = try await ScriptedServer(
            [.wait(gate), .send(answer()), .close],
            [.read, .send(answer(body: wrong))]
        )
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)", on: Loops.heldUp)
        try await client.run { $0.warmUp(connections: 1) }
        try await server.until { $0.accepted == 1 }
        let asked = try await client.ask(first: { _ in
            holdUp(until: { server.journal.closed == 1 }, after: { gate.open() })
        })
        #expect(asked.body?.code == 1)
        try await client.close()
    }

    /// What only something between could have written, or was written by chance, says nothing good of the connection.
    @Test(arguments: [
        answer("408 Request Timeout"), answer(body: "<html>"), answer(body: "{}"), answer(body: ""),
        answer("502 Bad Gateway", body: "<p>bad gateway"), "HTTP/1.1 100 Continue\r\n\r\n" + answer(),
        "HTTP/1.1 204 No Content\r\n\r\n", answer("404 Not Found", body: #"{"code":404,"message":"no route"}"#),
    ])
    func anOddAnswerIsTheLastOnItsConnection(text: String) async throws {
        let server = try await ScriptedServer([.read, .send(text), .read], [.read, .send(answer(body: wrong))])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        _ = try await client.ask()
        #expect(try await client.ask().body?.code == 1)
        #expect(server.journal.accepted == 2)
        try await client.close()
    }

    @Test func anErrorInTheUpstreamsFormKeepsItsConnection() async throws {
        let error = #"{"type":"api_error","message":"x","code":500,"result_code":8}"#
        let server = try await ScriptedServer([.read, .send(answer("500 Error", body: error)), .read, .send(answer())])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        #expect(try await client.ask().transport == .answered(status: 500))
        #expect(try await client.ask() == verified)
        #expect(server.journal.accepted == 1)
        try await client.close()
    }

    @Test func withoutReuseEachCallHasAConnectionOfItsOwn() async throws {
        let server = try await ScriptedServer([.read, .send(answer()), .read, .send(answer(body: wrong))])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)") { $0.reusesConnections = false }
        for _ in 1...3 { #expect(try await client.ask() == verified) }
        #expect(server.journal.accepted == 3)
        #expect(server.journal.requests.allSatisfy { $0.contains("\r\nConnection: close\r\n") })
        try await client.close()
    }

    /// The close lies in the socket behind the answer: the call that waits for this connection must not be sent into it.
    @Test func aCloseThatComesWithAnAnswerSparesTheNextCall() async throws {
        let gate = Gate()
        let server = try await ScriptedServer(
            [.read, .wait(gate), .send(answer()), .close],
            [.read, .send(answer())]
        )
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)", on: Loops.heldUp) {
            $0.maximumConnections = 1
        }
        async let first = client.ask()
        try await server.until { $0.requests.count == 1 }
        async let second = client.ask()
        try await client.until { $0.waitingCalls == 1 }
        try await client.run { _ in holdUp(until: { server.journal.closed == 1 }, after: { gate.open() }) }
        #expect(try await first == verified)
        #expect(try await second == verified)
        try await client.close()
    }

    /// The first connection's script has no answer for a second request: it must not get one.
    @Test func aConnectionIsGivenUpBeforeTheUpstreamClosesIt() async throws {
        let server = try await ScriptedServer(
            [.read, .send(answer("200 OK", "Keep-Alive: timeout=1, max=100"))],
            [.read, .send(answer("200 OK", "Keep-Alive: timeout=0"))],
            [.read, .send(answer(body: wrong))]
        )
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        #expect(try await client.ask() == verified)
        try await server.until { $0.closed == 1 }
        #expect(try await client.ask() == verified)
        #expect(try await client.ask().body?.code == 1)
        #expect(server.journal.accepted == 3)
        try await client.close()
    }

    /// What one answer told holds for connections that have carried nothing yet.
    @Test func aWarmConnectionIsGivenUpLikeAnyOther() async throws {
        let server = try await ScriptedServer([.read, .send(answer("200 OK", "Keep-Alive: timeout=1"))], [.read])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        #expect(try await client.ask() == verified)
        try await client.run { $0.warmUp(connections: 2) }
        // On a busy machine the first is gone already, and two are made.
        try await server.until { $0.closed == max($0.accepted, 2) }
        #expect(server.journal.requests.count == 1)
        try await client.close()
    }

    @Test func idleAndOldConnectionsAreClosed() async throws {
        let server = try await ScriptedServer([.read, .send(answer()), .read, .send(answer())])
        let idle = try await TestClient.make("http://127.0.0.1:\(server.port)") { $0.idleTimeout = .milliseconds(20) }
        #expect(try await idle.ask() == verified)
        try await server.until { $0.closed == 1 }
        let old = try await TestClient.make("http://127.0.0.1:\(server.port)") { $0.maximumAge = .milliseconds(20) }
        #expect(try await old.ask() == verified)
        try await server.until { $0.closed == 2 }
        #expect(try await old.counters.openConnections == 0)
        try await idle.close()
        try await old.close()
    }

    @Test func warmConnectionsAreReadyBeforeTheFirstCall() async throws {
        let server = try await ScriptedServer([.read, .send(answer())])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        try await client.run { $0.warmUp(connections: 3) }
        try await server.until { $0.accepted == 3 }
        #expect(try await client.ask() == verified)
        #expect(
            try await client.counters
                == .init(openConnections: 3, connectionsInUse: 0, waitingCalls: 0, connects: 3, requests: 1)
        )
        try await client.close()
        try await server.until { $0.closed == 3 }
    }

    @Test func aReplacedSecretIsShownFromTheNextRequestOn() async throws {
        let server = try await ScriptedServer([.read, .send(answer()), .read, .send(answer()), .read, .send(answer())])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)")
        _ = try await client.ask()
        _ = try await client.ask(first: { client in
            #expect(throws: Never.self) { try client.replaceSecret(Secret("sck_new")) }
        })
        _ = try await client.ask(first: { client in
            #expect(throws: CheckClientError.unusableSecret) { try client.replaceSecret(Secret("two lines\n")) }
        })
        let keys = server.journal.requests.map { request in
            request.split(separator: "\r\n").first { $0.hasPrefix("Authorization: ") }.map(String.init) ?? ""
        }
        let replaced = "Authorization: Basic sck_new"
        #expect(keys == ["Authorization: Basic \(TestClient.key)", replaced, replaced])
        try await client.close()
    }

    @Test func callsBeyondTheLimitWaitTheirTurn() async throws {
        let script = Array(repeating: [Step.read, .send(answer())], count: 50).flatMap { $0 }
        let server = try await ScriptedServer(script)
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)") { $0.maximumConnections = 4 }
        let answers = try await withThrowingTaskGroup { group in
            for _ in 1...50 { group.addTask { try await client.ask() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == Array(repeating: verified, count: 50))
        #expect(server.journal.accepted == 4)
        try await client.close()
    }
}

/// Keeps the loop it runs on from reading its sockets.
private func holdUp(until isMet: () -> Bool, after begin: () -> Void) {
    begin()
    let deadline = NIODeadline.now() + .seconds(10)
    while !isMet(), NIODeadline.now() < deadline {}
    #expect(isMet())
}
