import NIOSSL
import Testing

@testable import OTPSandbox

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The server over real sockets, in plain text and over TLS.
@Suite(.timeLimit(.minutes(1))) struct ServerTests {
    @Test func theWholeFlowOverOneConnection() async throws {
        var configuration = SandboxConfiguration()
        configuration.secretKey = "sck_flow"
        try await withServer(configuration) { server in
            let client = try await WireClient.connect(server.port)
            let key = "Authorization: Basic sck_flow\r\n"
            let body = "{\"user_gsm\":\"\(phone)\",\"otp_session_id\":\"kart 1+a\"}"
            let sent = try await client.exchange(httpRequest("POST", "/v1/card/send_otp", body, headers: key))
            #expect(sent.status == 200)
            #expect(sent.body.hasPrefix(#"{"otp_expire":"20"#))
            let path = "/_sandbox/otp?otp_session_id=kart%201%2Ba"
            let message = try await client.exchange(httpRequest("GET", path)).body
            let code = try #require(server.code(of: "kart 1+a"))
            #expect(message == "{\"otp_code\":\"\(code)\"}")
            let wrong = try await client.exchange(httpCheck("kart 1+a", "wrong", headers: key))
            #expect(wrong.body.hasPrefix(#"{"code":1,"#))
            let right = try await client.exchange(httpCheck("kart 1+a", code, headers: key))
            #expect(right.body == #"{"code":0,"message":"Başarılı İşlem"}"#)
            #expect(right.headers["content-type"] == "application/json; charset=utf-8")
            #expect(try await client.exchange(httpCheck("kart 1+a", code)).status == 401)
            #expect(server.calls().map(\.status) == [200, 200, 200, 401])
            #expect(server.calls().map(\.right) == [false, false, true, true])
            #expect(server.calls().map(\.processed) == [true, true, true, false])
            #expect(try await client.exchange(httpRequest("GET", "/_sandbox/otp?otp_session_id=no")).status == 404)
        }
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func tlsIsTrustedThroughTheFile(_ host: String) async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("sandbox-ca-\(UUID()).pem").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let configuration = implicit {
            $0.tls = true
            $0.host = host
            $0.caFile = path
        }
        try await withServer(configuration) { server in
            #expect(server.caFile == path)
            #expect(server.url == (host == "::1" ? "https://[::1]:\(server.port)" : "https://127.0.0.1:\(server.port)"))
            let pem = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
            #expect(pem == server.caPEM)
            #expect(!pem.contains("PRIVATE"))
            let client = try await WireClient.connect(server.port, host: host, caPEM: pem)
            #expect(try await client.exchange(httpCheck("123456", "3456")).status == 200)
        }
    }

    @Test func tlsIsRefusedToAStrangerAWrongNameAndAnExpiredCertificate() async throws {
        func refusal(_ change: (inout SandboxConfiguration) -> Void, caPEM: String? = nil) async throws -> Bool {
            var refused = false
            let configuration = implicit {
                $0.tls = true
                change(&$0)
            }
            try await withServer(configuration) { server in
                let client = try await WireClient.connect(server.port, caPEM: caPEM ?? server.caPEM)
                do {
                    _ = try await client.exchange(httpCheck("123456", "3456"))
                } catch is NIOSSLExtraError {
                    refused = true
                } catch is NIOSSLError {
                    refused = true
                }
            }
            return refused
        }
        let other = try TestCertificates.make(names: ["localhost"], expired: false)
        #expect(try await refusal({ _ in }) == false)
        #expect(try await refusal({ _ in }, caPEM: other.authorityPEM))
        #expect(try await refusal { $0.certificateNames = ["example.test"] })
        #expect(try await refusal { $0.certificateExpired = true })
        #expect(try await refusal { $0.tlsVersions = .v11 ... .v11 })
        #expect(try await refusal { $0.tlsVersions = .v13 ... .v13 } == false)
    }

    @Test func requestsInOnePacketAreAnsweredInTheirOrder() async throws {
        try await withServer { server in
            let client = try await WireClient.connect(server.port)
            client.send(httpCheck("1~delay20~", "AY20") + httpCheck("2", "A") + httpCheck("2", "0002"))
            var answers: [String] = []
            for _ in 0..<3 { answers.append(String(try await client.answer().body.prefix(9))) }
            #expect(answers == [#"{"code":0"#, #"{"code":1"#, #"{"code":0"#])
        }
    }

    @Test func theCallersWishToCloseIsHonoured() async throws {
        try await withServer { server in
            let client = try await WireClient.connect(server.port)
            client.send(httpCheck("123456", "3456", headers: "Connection: close\r\n"))
            let answer = try #require(WireAnswer(whole: try await client.receiveAll().bytes))
            #expect(answer.status == 200)
            #expect(answer.headers["connection"] == "close")
        }
    }

    @Test(arguments: [
        "nonsense\r\n\r\n", httpRequest("POST", "/v1/card/check_otp", String(repeating: "x", count: 70_000)),
    ])
    func anUnreadableRequestEndsTheConnection(_ request: String) async throws {
        try await withServer { server in
            let client = try await WireClient.connect(server.port)
            client.send(request)
            let received = try await client.receiveAll()
            #expect(WireAnswer(whole: received.bytes)?.status == 400)
            #expect(server.calls().isEmpty)
        }
    }

    @Test func stoppingClosesTheConnectionsAndFreesThePort() async throws {
        let server = try await SandboxServer.start(implicit())
        let client = try await WireClient.connect(server.port)
        #expect(try await client.exchange(httpCheck("123456", "3456")).status == 200)
        await server.stop()
        #expect(try await client.receiveAll().isClosed)
        try await withServer(implicit { $0.port = server.port }) { again in
            #expect(again.port == server.port)
            await #expect(throws: (any Error).self) {
                _ = try await SandboxServer.start(implicit { $0.port = server.port })
            }
        }
        await server.stop()
    }

    @Test func aFileThatCannotBeWrittenStopsTheStart() async throws {
        for change in [{ $0.journalFile = "/nowhere/a" }, { ($0.tls, $0.caFile) = (true, "/nowhere/a") }]
            as [(inout SandboxConfiguration) -> Void]
        {
            await #expect(throws: SandboxError.self) { _ = try await SandboxServer.start(implicit(change)) }
        }
    }

    @Test func manyConnectionsOnManyThreadsLoseNoCall() async throws {
        try await withServer(implicit { $0.threads = 2 }) { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for connection in 0..<16 {
                    group.addTask {
                        let client = try await WireClient.connect(server.port)
                        for call in 0..<25 {
                            let session = "c\(connection)n\(call)"
                            let check = httpCheck(session, OneTimeCode.implicit(for: session))
                            #expect(try await client.exchange(check).body.hasPrefix(#"{"code":0"#))
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.calls().map(\.sequence) == Array(1...400))
            #expect(Set(server.calls().map(\.session)).count == 400)
            #expect(Set(server.calls().map(\.connection)) == Set(1...16))
        }
    }
}
