import NIOSSL
import OTPEngine
import Testing

@testable import CheckOTP

/// What the client accepts as the upstream, and that a handshake that fails has sent nothing.
@Suite(.timeLimit(.minutes(1)), .enabled(if: Certificates.made != nil, "the openssl command is not installed"))
struct TLSTests {
    private let verified = UpstreamAnswer(.answered(status: 200), body: .init(code: 0, message: "ok"))
    private let certificates: Certificates

    init() throws {
        certificates = try #require(Certificates.made)
    }

    /// Asks a server with that certificate once, and counts the requests that it saw.
    private func ask(
        _ leaf: Certificates.Leaf = .localhost,
        host: String = "localhost",
        from minimum: TLSVersion = .tlsv12,
        to maximum: TLSVersion? = nil,
        trusting: Bool = true,
        script: [Step] = [.read, .send(answer())]
    ) async throws -> (answer: UpstreamAnswer, requests: Int) {
        let server = try await ScriptedServer(
            script,
            tls: certificates.server(leaf, from: minimum, to: maximum)
        )
        let authority = trusting ? certificates.authority : nil
        let client = try await TestClient.make("https://\(host):\(server.port)") { $0.extraCAFile = authority }
        let answer = try await client.ask()
        try await client.close()
        try await server.stop()
        return (answer, server.journal.requests.count)
    }

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func eachVersionFromTheFloorUpIsAccepted(version: TLSVersion) async throws {
        #expect(try await ask(from: version, to: version) == (verified, 1))
    }

    @Test(arguments: [TLSVersion.tlsv1, .tlsv11])
    func aServerBelowTheFloorIsRefused(version: TLSVersion) async throws {
        #expect(try await ask(from: version, to: version) == (UpstreamAnswer(.notSent(.tls)), 0))
    }

    @Test func aCertificateForAnotherNameIsRefused() async throws {
        #expect(try await ask(.otherName) == (UpstreamAnswer(.notSent(.tls)), 0))
    }

    @Test func anUnknownAuthorityIsRefused() async throws {
        #expect(try await ask(trusting: false) == (UpstreamAnswer(.notSent(.tls)), 0))
        #expect(try await ask(.selfSigned) == (UpstreamAnswer(.notSent(.tls)), 0))
    }

    @Test func anAddressIsVerifiedAgainstTheCertificateToo() async throws {
        #expect(try await ask(.address, host: "127.0.0.1") == (verified, 1))
        #expect(try await ask(.localhost, host: "127.0.0.1") == (UpstreamAnswer(.notSent(.tls)), 0))
    }

    /// The peer's own address does not make it the host that was asked for.
    @Test(arguments: [Certificates.Leaf.address, .commonName, .bareWildcard])
    func onlyANameOfItsOwnProvesAHost(leaf: Certificates.Leaf) async throws {
        #expect(try await ask(leaf) == (UpstreamAnswer(.notSent(.tls)), 0))
    }

    @Test func aNameThatSpellsAnAddressIsNone() async throws {
        #expect(try await ask(.namedAddress, host: "127.0.0.1") == (UpstreamAnswer(.notSent(.tls)), 0))
    }

    @Test func aConnectionThatEndsIsJudgedByWhetherTheRequestHadLeft() async throws {
        #expect(try await ask(script: [.read, .close]) == (UpstreamAnswer(.unknown(.closed)), 1))
        #expect(
            try await ask(script: [.read, .send("HTTP/1.1 200 OK\r\n\r\n{}"), .close]).answer.transport
                == .answered(status: 200)
        )
        #expect(
            try await ask(script: [.read, .send("HTTP/1.1 200 OK\r\n\r\n{}"), .reset]) == (
                UpstreamAnswer(.unknown(.closed)), 1
            )
        )
    }

    @Test(arguments: [[Step.close], [.send("HTTP/1.1 400 Bad Request\r\n\r\n"), .close]])
    func aServerThatDoesNotSpeakTLSGetsNothing(script: [Step]) async throws {
        let server = try await ScriptedServer(script)
        let client = try await TestClient.make("https://localhost:\(server.port)")
        #expect(try await client.ask() == UpstreamAnswer(.notSent(.tls)))
        try await client.close()
    }

    @Test func aHandshakeThatHangsSentNothing() async throws {
        let server = try await ScriptedServer([])
        let client = try await TestClient.make("https://localhost:\(server.port)") {
            $0.connectTimeout = .milliseconds(50)
        }
        #expect(try await client.ask() == UpstreamAnswer(.notSent(.connectTimeout)))
        try await server.until { $0.closed == $0.accepted }
        #expect(try await client.ask(timeout: .milliseconds(20)) == UpstreamAnswer(.notSent(.attemptTimeout)))
        try await client.close()
    }

    @Test func oneTLSConnectionServesCallAfterCall() async throws {
        let server = try await ScriptedServer(
            [.read, .send(answer()), .read, .send(answer())],
            tls: certificates.server(.localhost)
        )
        let authority = certificates.authority
        let client = try await TestClient.make("https://localhost:\(server.port)") { $0.extraCAFile = authority }
        #expect(try await client.ask() == verified)
        #expect(try await client.ask() == verified)
        #expect(server.journal.accepted == 1)
        try await client.close()
    }

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func aClientCertificateIsShownWhereItIsAskedFor(version: TLSVersion) async throws {
        let context = try certificates.server(.localhost, from: version, to: version, asksClient: true)
        let server = try await ScriptedServer([.read, .send(answer())], tls: context)
        let certificates = certificates
        let client = try await TestClient.make("https://localhost:\(server.port)") {
            $0.extraCAFile = certificates.authority
            $0.clientIdentity = .init(
                certificateFile: certificates.certificate(.client),
                keyFile: certificates.key(.client)
            )
        }
        #expect(try await client.ask() == verified)
        let stranger = try await TestClient.make("https://localhost:\(server.port)") {
            $0.extraCAFile = certificates.authority
        }
        #expect(try await stranger.ask() != verified)
        #expect(server.journal.requests.count == 1)
        try await client.close()
        try await stranger.close()
    }

    @Test func anIdentityThatCannotBeUsedIsNamedByItsFile() async throws {
        let certificates = certificates
        let unusable: [(certificate: String, key: String, named: String)] = [
            ("/nowhere/c.pem", certificates.key(.client), "/nowhere/c.pem"),
            (certificates.certificate(.client), "/nowhere/k.pem", "/nowhere/k.pem"),
            (certificates.certificate(.client), certificates.key(.address), certificates.key(.address)),
        ]
        for (certificate, key, named) in unusable {
            await #expect(throws: CheckClientError.unusableClientIdentity(named)) {
                try await TestClient.make("https://localhost") {
                    $0.clientIdentity = .init(certificateFile: certificate, keyFile: key)
                }
            }
        }
    }

    @Test func anUnusableAuthorityFileIsNamed() async throws {
        await #expect(throws: CheckClientError.unusableCAFile("/nowhere/ca.pem")) {
            try await TestClient.make("https://localhost") { $0.extraCAFile = "/nowhere/ca.pem" }
        }
    }
}
