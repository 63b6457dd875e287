import NIOSSL
import OTPEngine
import Testing

@testable import CheckOTP

/// The tunnel through a proxy: what it is asked, and that nothing else reaches it.
@Suite(.timeLimit(.minutes(1)), .enabled(if: Certificates.made != nil, "the openssl command is not installed"))
struct ProxyTests {
    private let certificates: Certificates

    init() throws {
        certificates = try #require(Certificates.made)
    }

    /// Asks `https://localhost:8443`, or another host, through a proxy with that script.
    private func ask(
        _ script: [Step],
        host: String = "localhost"
    ) async throws -> (answer: UpstreamAnswer, requests: [String]) {
        let server = try await ScriptedServer(script)
        let authority = certificates.authority
        let proxy = try Origin("http://127.0.0.1:\(server.port)")
        let client = try await TestClient.make("https://\(host):8443") {
            $0.extraCAFile = authority
            $0.proxy = proxy
        }
        let answer = try await client.ask()
        try await client.close()
        try await server.stop()
        return (answer, server.journal.requests)
    }

    @Test func aRequestTravelsThroughTheTunnel() async throws {
        let established = Step.send("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
        let upstream = [Step.startTLS(try certificates.server(.localhost)), .read, .send(answer())]
        let (answer, requests) = try await ask([.read, established] + upstream)
        #expect(answer.transport == .answered(status: 200))
        #expect(requests.first == "CONNECT localhost:8443 HTTP/1.1\r\nHost: localhost:8443\r\n\r\n")
        #expect(requests.last?.hasPrefix("POST /v1/card/check_otp HTTP/1.1\r\nHost: localhost:8443\r\n") == true)
    }

    private func ask(
        behindProxyWith leaf: Certificates.Leaf,
        host: String
    ) async throws -> (answer: UpstreamAnswer, requests: [String]) {
        let established = Step.send("HTTP/1.1 200 Connection established\r\n\r\n")
        return try await ask(
            [.read, established, .startTLS(certificates.server(leaf)), .read, .send(answer())],
            host: host
        )
    }

    /// Anyone who stands at the proxy's address has a certificate for it, and is not the upstream.
    @Test(arguments: [
        (Certificates.Leaf.address, "localhost"), (.address, "api.paynet.example"), (.otherName, "localhost"),
        (.commonName, "localhost"), (.bareWildcard, "localhost"), (.partialWildcard, "api.paynet.example"),
        (.topWildcard, "paynet.example"), (.wildcard, "paynet.example"), (.wildcard, "a.b.paynet.example"),
    ])
    func aCertificateForAnotherHostGetsNothing(leaf: Certificates.Leaf, host: String) async throws {
        let (answer, requests) = try await ask(behindProxyWith: leaf, host: host)
        #expect(answer == UpstreamAnswer(.notSent(.tls)))
        #expect(requests.count == 1)
    }

    @Test(arguments: ["api.paynet.example", "API.Paynet.Example", "api.paynet.example."])
    func aWildcardStandsForOneWholeLabel(host: String) async throws {
        #expect(try await ask(behindProxyWith: .wildcard, host: host).answer.transport == .answered(status: 200))
    }

    @Test(arguments: [
        [Step.read, .send("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")], [.read, .close],
        [.read, .send("HTTP/1.1 200 OK\r\n\r\nleftover")], [.read, .send("SSH-2.0-x\r\n\r\n")],
    ])
    func aTunnelThatIsRefusedSentNothing(script: [Step]) async throws {
        let (answer, requests) = try await ask(script)
        #expect(answer == UpstreamAnswer(.notSent(.connect)))
        #expect(requests.count == 1)
    }

    @Test(arguments: [("http://h", "http://p"), ("https://h", "https://p"), ("https://127.0.0.1", "http://p")])
    func aProxyThatCannotBeUsedIsRefused(origin: String, proxy: String) async throws {
        let proxy = try Origin(proxy)
        await #expect(throws: CheckClientError.unusableProxy) {
            try await TestClient.make(origin) { $0.proxy = proxy }
        }
    }
}
