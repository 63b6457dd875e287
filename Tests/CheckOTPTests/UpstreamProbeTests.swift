import NIOPosix
import NIOSSL
import OTPContract
import Testing

@testable import CheckOTP

/// What a look at the upstream sees, and that it asks about no code.
@Suite(.timeLimit(.minutes(1)), .enabled(if: Certificates.made != nil, "the openssl command is not installed"))
struct UpstreamProbeTests {
    private let certificates: Certificates

    init() throws {
        certificates = try #require(Certificates.made)
    }

    private func look(
        _ script: [Step],
        tls: NIOSSLContext? = nil,
        timeout: Duration = .seconds(10),
        trusting: Bool = true,
        _ adjust: (inout CheckClientConfiguration) throws -> Void = { _ in }
    ) async throws -> (result: UpstreamProbe.ProbeResult, requests: [String]) {
        let server = try await ScriptedServer(script, tls: tls)
        let url = "\(tls == nil ? "http" : "https")://localhost:\(server.port)"
        var configuration = CheckClientConfiguration(origin: try Origin(url)) { 0 }
        if trusting { configuration.extraCAFile = certificates.authority }
        try adjust(&configuration)
        let probe = try UpstreamProbe(configuration, secret: Secret(TestClient.key), timeout: timeout)
        let result = try await probe.look(on: Loops.clients.next())
        try await server.stop()
        return (result, server.journal.requests)
    }

    private let refusal = Step.send(
        "HTTP/1.1 405 Method Not Allowed\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n"
    )

    @Test func itShowsTheKeyAndAsksAboutNothing() async throws {
        let (result, requests) = try await look([.read, refusal], tls: certificates.server(.localhost))
        #expect(result.failure == nil)
        #expect(result.status == 405)
        #expect(result.date == 784_111_777)
        #expect(result.stage == .answered)
        #expect(result.certificate?.names == ["localhost"])
        #expect(result.localAddress == "127.0.0.1")
        let request = try #require(requests.first)
        #expect(request.hasPrefix("GET /v1/card/check_otp HTTP/1.1\r\n"))
        #expect(request.contains("Authorization: Basic \(TestClient.key)\r\n"))
        #expect(requests.count == 1)
    }

    /// How many were sent tells an intermediate certificate that is missing from an authority that is not known.
    @Test func theCertificatesOfAChainThatIsNotTrustedAreCounted() async throws {
        let alone = try await look([.read, refusal], tls: certificates.server(.localhost), trusting: false).result
        #expect(alone.certificate?.sent == 1 && alone.certificate?.isSelfSigned == false)
        let chain = try certificates.server(.localhost, withAuthority: true)
        let whole = try await look([.read, refusal], tls: chain, trusting: false).result
        #expect(whole.certificate?.sent == 2)
        let own = try await look([.read, refusal], tls: certificates.server(.selfSigned), trusting: false).result
        #expect(own.certificate?.sent == 1 && own.certificate?.isSelfSigned == true)
    }

    @Test func aFilesCertificatesAreReadInTheirOrder() throws {
        let chain = try #require(ClientChain(file: certificates.certificate(.client)))
        #expect(chain.links == [.init(subject: "CN=client", issuer: "CN=Test CA")] && chain.broken == nil)
        #expect(ClientChain(file: certificates.key(.client)) == nil)
        #expect(ClientChain(file: "/no/such/file") == nil)
    }

    @Test(arguments: [(TLSVersion.tlsv12, "TLS 1.2"), (.tlsv13, "TLS 1.3")])
    func itTellsTheVersionOfTLS(version: TLSVersion, text: String) async throws {
        let tls = try certificates.server(.localhost, from: version, to: version)
        #expect(try await look([.read, refusal], tls: tls).result.tlsVersion == text)
    }

    @Test func aServerBelowTheFloorIsSeenAndGetsNothing() async throws {
        let tls = try certificates.server(.localhost, from: .tlsv11, to: .tlsv11)
        let (result, requests) = try await look([.read, refusal], tls: tls)
        guard case .tls = result.failure else {
            Issue.record("\(result)")
            return
        }
        #expect(result.tlsVersion == "TLS 1.1")
        #expect(result.stage == .connected)
        #expect(requests.isEmpty)
    }

    @Test func aCertificateThatIsNotTrustedIsShownAndTheKeyIsNot() async throws {
        let (stranger, none) = try await look([.read, refusal], tls: certificates.server(.localhost), trusting: false)
        #expect(stranger.failure == .tls("CERTIFICATE_VERIFY_FAILED"))
        #expect(stranger.certificate?.issuer.contains("Test CA") == true)
        #expect(none.isEmpty)
        let (other, nothing) = try await look([.read, refusal], tls: certificates.server(.otherName))
        guard case .tls(let reason) = other.failure else {
            Issue.record("\(other)")
            return
        }
        #expect(
            reason.contains("failedToValidateHostname") || reason.contains("unableToValidateCertificate"),
            "\(reason)"
        )
        #expect(other.certificate?.names == ["other.example"])
        #expect(nothing.isEmpty)
    }

    @Test(arguments: [Certificates.Leaf.address, .commonName, .bareWildcard])
    func aCertificateForAnotherHostGetsNoKey(leaf: Certificates.Leaf) async throws {
        let (result, requests) = try await look([.read, refusal], tls: certificates.server(leaf))
        #expect(result.failure == .tls(UpstreamProbe.otherHost))
        #expect(result.stage == .connected)
        #expect(result.certificate != nil)
        #expect(requests.isEmpty)
    }

    @Test func theProxysCertificateIsNotTheUpstreams() async throws {
        let tunnel = Step.send("HTTP/1.1 200 Connection established\r\n\r\n")
        let server = try await ScriptedServer(
            [.read, tunnel, .startTLS(certificates.server(.address)), .read, refusal]
        )
        var configuration = CheckClientConfiguration(origin: try Origin("https://localhost:8443")) { 0 }
        configuration.extraCAFile = certificates.authority
        configuration.proxy = try Origin("http://127.0.0.1:\(server.port)")
        let probe = try UpstreamProbe(configuration, secret: Secret(TestClient.key), timeout: .seconds(10))
        let result = try await probe.look(on: Loops.clients.next())
        #expect(result.failure == .tls(UpstreamProbe.otherHost))
        #expect(result.stage == .tunnelled)
        try await server.stop()
        #expect(server.journal.requests.allSatisfy { $0.hasPrefix("CONNECT ") })
    }

    @Test func aClientCertificateThatIsMissingShowsAfterTheHandshake() async throws {
        let tls = try certificates.server(.localhost, from: .tlsv13, to: .tlsv13, asksClient: true)
        let (result, requests) = try await look([.read, refusal], tls: tls)
        guard case .tls = result.failure else {
            Issue.record("\(result)")
            return
        }
        #expect(result.stage == .secured)
        #expect(requests.isEmpty)
    }

    @Test func whatIsNoAnswerIsTold() async throws {
        #expect(try await look([.read, .close]).result.failure == .closed)
        #expect(try await look([.read, .send("SSH-2.0-x\r\n\r\n")]).result.failure == .notHTTP)
        #expect(try await look([.read], timeout: .milliseconds(50)).result.failure == .silent)
    }

    @Test func anUpstreamThatIsNotThereIsTold() async throws {
        let nobody = try Origin("http://127.0.0.1:1")
        #expect(
            try await look([]) { $0 = CheckClientConfiguration(origin: nobody) { 0 } }.result.failure == .unreachable
        )
        let nowhere = try Origin("http://nowhere.invalid")
        #expect(
            try await look([]) { $0 = CheckClientConfiguration(origin: nowhere) { 0 } }.result.failure == .unresolved
        )
    }

    @Test func itGoesThroughTheProxy() async throws {
        let tls = try certificates.server(.localhost)
        let tunnel = Step.send("HTTP/1.1 200 Connection established\r\n\r\n")
        let server = try await ScriptedServer([.read, tunnel, .startTLS(tls), .read, refusal])
        let proxy = try Origin("http://127.0.0.1:\(server.port)")
        let there = try Origin("https://localhost:8443")
        let authority = certificates.authority
        var configuration = CheckClientConfiguration(origin: there) { 0 }
        configuration.extraCAFile = authority
        configuration.proxy = proxy
        let probe = try UpstreamProbe(configuration, secret: Secret(TestClient.key), timeout: .seconds(10))
        #expect(try await probe.look(on: Loops.clients.next()).status == 405)
        #expect(server.journal.requests.first?.hasPrefix("CONNECT localhost:8443") == true)
        try await server.stop()

        let silent = try await ScriptedServer([.read])
        configuration.proxy = try Origin("http://127.0.0.1:\(silent.port)")
        let ignored = try UpstreamProbe(configuration, secret: Secret(TestClient.key), timeout: .milliseconds(50))
        let nothing = try await ignored.look(on: Loops.clients.next())
        #expect(nothing.failure == .silent)
        #expect(nothing.stage == .connected)
        try await silent.stop()

        let closed = try await ScriptedServer([.read, .send("HTTP/1.1 403 Forbidden\r\n\r\n")])
        configuration.proxy = try Origin("http://127.0.0.1:\(closed.port)")
        let refused = try UpstreamProbe(configuration, secret: Secret(TestClient.key), timeout: .seconds(10))
        #expect(try await refused.look(on: Loops.clients.next()).failure == .tunnelRefused)
        try await closed.stop()
    }

    @Test func itShowsNothingOfItself() throws {
        let probe = try UpstreamProbe(
            CheckClientConfiguration(origin: try Origin("https://h")) { 0 },
            secret: Secret(TestClient.key),
            timeout: .seconds(1)
        )
        var text = "\(probe)"
        dump(probe, to: &text)
        #expect(!text.contains(TestClient.key))
    }
}
