import NIOCore
import NIOPosix
import NIOSSL
import OTPContract
import OTPEngine
import Testing

@testable import CheckOTP

/// A client on a loop of its own, driven from a test.
final class TestClient: Sendable {
    static let key = "sck_test_4bX9"

    let loop: any EventLoop
    private let client: NIOLoopBound<CheckClient>

    static func make(
        _ url: String,
        on group: MultiThreadedEventLoopGroup = Loops.clients,
        _ adjust: @Sendable (inout CheckClientConfiguration) -> Void = { _ in }
    ) async throws -> TestClient {
        var configuration = CheckClientConfiguration(origin: try Origin(url)) { 784_111_777 }
        // Tests wait for one another's handshakes.
        configuration.connectTimeout = .seconds(8)
        adjust(&configuration)
        let context = try configuration.makeTLSContext()
        let loop = group.next()
        return try await loop.submit { [configuration] in
            let client = try CheckClient(
                configuration: configuration,
                secret: Secret(key),
                eventLoop: loop,
                tls: context
            )
            return TestClient(loop, NIOLoopBound(client, eventLoop: loop))
        }.get()
    }

    private init(_ loop: any EventLoop, _ client: NIOLoopBound<CheckClient>) {
        self.loop = loop
        self.client = client
    }

    /// Asks once and returns how it ended; fails after 10 seconds, or if the client says it twice.
    func ask(
        _ request: CheckRequest = .example,
        timeout: Duration = .seconds(8),
        permit: Bool = true,
        first: @escaping @Sendable (CheckClient) -> Void = { _ in },
        then: @escaping @Sendable (CheckClient) -> Void = { _ in }
    ) async throws -> UpstreamAnswer {
        let ended = loop.makePromise(of: UpstreamAnswer.self)
        loop.execute { [client] in
            first(client.value)
            var endings = 0
            client.value.call(request, timeout: timeout, permit: { permit }) { answer in
                endings += 1
                #expect(endings == 1)
                ended.succeed(answer)
            }
            #expect(endings == 0, "a call must not end within itself")
            then(client.value)
        }
        return try await ended.futureResult.withDeadline("the call never ended").get()
    }

    func run(_ body: @escaping @Sendable (CheckClient) -> Void) async throws {
        try await loop.submit { [client] in body(client.value) }.get()
    }

    var counters: CheckClientCounters {
        get async throws { try await loop.submit { [client] in client.value.counters }.get() }
    }

    /// Returns once `isMet`, looking again with every turn of the loop; fails after 10 seconds.
    func until(_ isMet: @escaping @Sendable (CheckClientCounters) -> Bool) async throws {
        let deadline = NIODeadline.now() + .seconds(10)
        while try await !isMet(counters) {
            guard NIODeadline.now() < deadline else {
                throw Overdue(description: "the client is at \(try await counters)")
            }
            await Task.yield()
        }
    }

    func close() async throws {
        let closed = loop.makePromise(of: Void.self)
        loop.execute { [client] in client.value.close { closed.succeed() } }
        try await closed.futureResult.withDeadline("the client never closed").get()
    }
}

extension CheckRequest {
    static let example = make()

    static func make(
        session: String = "123456",
        code: String = "ART2",
        traceparent: String? = nil,
        tracestate: String? = nil
    ) -> CheckRequest {
        guard let session = SessionID(session), let phone = PhoneNumber(normalising: "5324818942"),
            let code = OTPCode(trimming: code)
        else { preconditionFailure("unusable example") }
        return CheckRequest(
            sessionID: session,
            phone: phone,
            code: code,
            traceparent: traceparent.map { Array($0.utf8) },
            tracestate: tracestate.map { Array($0.utf8) }
        )
    }
}

/// An HTTP answer as text.
func answer(_ status: String = "200 OK", _ fields: String..., body: String = #"{"code":0,"message":"ok"}"#) -> String {
    let lines = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + fields
    return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
}
