import Foundation
import LoopbackKit
import OTPContract
import OTPObservability
import Synchronization
import Testing

/// What strangers on the network can do to the server for probes and metrics, and what they cannot.
@Suite(.timeLimit(.minutes(1))) struct AdminLimitsTests {
    private func withServer(
        allowedHosts: [String] = [],
        request: Duration = AdminServer.Times.patient.request,
        status: @escaping @Sendable () -> [UInt8] = { Array("{}".utf8) },
        _ body: (Int) async throws -> Void
    ) async throws {
        let health = HealthState(conditions: ["x"]) { .zero }
        var times = AdminServer.Times.patient
        times.request = request
        let server = AdminServer(
            port: 0,
            allowedHosts: allowedHosts,
            times: times,
            health: health,
            registry: MetricRegistry(),
            status: { status() }
        )
        let port = try await server.start()
        do {
            try await body(port)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    /// More connections than there are places, each silent or in the middle of its first line.
    @Test(arguments: ["", "GET /live HTTP/1.1\r\nX: "])
    func idleConnectionsDoNotKeepAProbeOut(bytes: String) async throws {
        try await withServer { port in
            let strangers = try (0..<100).map { _ in try LoopbackHTTP.Held(port: port, sending: bytes) }
            #expect(try await LoopbackHTTP.get("/live", port: port).status == 200)
            #expect(try await LoopbackHTTP.get("/metrics", port: port).status == 200)
            for stranger in strangers { stranger.end() }
        }
    }

    /// Requests are answered one at a time, and the next one not before the page was taken: so a connection never holds
    /// more than one page.
    @Test func aClientThatSendsManyRequestsAtOnceGetsOnePage() async throws {
        let pages = Atomic(0)
        let page = Array(String(repeating: "x", count: 100_000).utf8)
        try await withServer(status: {
            pages.add(1, ordering: .relaxed)
            return page
        }) { port in
            let many = String(repeating: "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 500)
            let text = try await LoopbackHTTP.exchange(many, port: port)
            #expect(text.ranges(of: "HTTP/1.1 200").count == 1)
            #expect(text.lowercased().contains("connection: close"))
            #expect(pages.load(ordering: .relaxed) == 1)
        }
    }

    @Test(arguments: [
        "", "GET /live HTTP/1.1\r\nHost: localhost\r\n", "POST /live HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
    ])
    func aRequestThatDoesNotEndIsGivenUp(bytes: String) async throws {
        try await withServer(request: .milliseconds(50)) { port in
            // Closed, or reset where bytes lay unread.
            let answer = try? await LoopbackHTTP.exchange(bytes, port: port)
            #expect((answer ?? "").isEmpty)
        }
    }

    @Test func oneConnectionServesRequestAfterRequest() async throws {
        try await withServer { port in
            let connection = try LoopbackHTTP.Held(port: port, sending: "")
            for _ in 1...3 {
                connection.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(try await connection.receive(until: "}\n").hasPrefix("HTTP/1.1 200"))
            }
            connection.end()
        }
    }

    @Test(arguments: [
        ("Host: localhost", 200), ("Host: LOCALHOST:9464", 200), ("Host: 10.1.2.3:9464", 200),
        ("Host: [fd00::7]:1", 200),
        ("Host: worker.internal.", 200), ("X: no host at all", 200), ("Host: evil.example", 421),
        ("Host: 127.0.0.1.evil.example", 421), ("Host: localhost\r\nHost: evil.example", 421), ("Host: ", 421),
    ])
    func onlyAHostThatItKnowsIsAnswered(header: String, status: Int) async throws {
        try await withServer(allowedHosts: ["Worker.Internal"]) { port in
            for path in ["/", "/live", "/metrics"] {
                let request = "GET \(path) HTTP/1.1\r\n\(header)\r\nConnection: close\r\n\r\n"
                let text = try await LoopbackHTTP.exchange(request, port: port)
                #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text.prefix(40))")
                #expect(status == 200 || text.contains("admin.allowed_hosts"))
            }
        }
    }
}
