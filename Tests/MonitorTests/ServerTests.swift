import LoopbackKit
import OTPContract
import OTPMonitor
import OTPObservability
import Testing

/// What strangers on the network can do to the monitor, and what they cannot.
@Suite(.timeLimit(.minutes(2)), .serialized) struct ServerTests {
    private static let token = "0123456789abcdef0123"

    private func withServer(
        credentials: String? = nil,
        times change: (inout MonitorServer.Times) -> Void = { _ in },
        story: Story = Story(),
        _ body: @escaping (Int, LiveMonitor, MonitorServer) async throws -> Void
    ) async throws {
        let live = LiveMonitor(story.monitor)
        var times = MonitorServer.Times()
        // Threads of a test wait for one another.
        times.connection.request = .seconds(50)
        times.connection.page = .seconds(50)
        times.beat = .milliseconds(200)
        change(&times)
        let server = try MonitorServer(
            Listening(host: "127.0.0.1", port: 0, hasCredentials: credentials != nil),
            allowedHosts: ["monitor.example.com"],
            credentials: try credentials.map { try Credentials(parsing: $0) },
            times: times,
            live: live
        )
        let port = try await server.start()
        let feeding = Task { try await server.feed() }
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(port, live, server))
        } catch {
            outcome = .failure(error)
        }
        feeding.cancel()
        let began = ContinuousClock.now
        await server.stop()
        #expect(ContinuousClock.now - began < .seconds(5), "it ends whatever is open")
        try outcome.get()
    }

    private func head(_ path: String, _ more: String = "", method: String = "GET") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(more)\r\n"
    }

    @Test func pagesCarryThePolicy() async throws {
        var story = Story()
        story.isWell()
        story.results(3, .sessionBusy)
        try await withServer(story: story) { port, _, _ in
            for path in ["/", "/session?id=s-1", "/runbook"] {
                let answer = try await LoopbackHTTP.get(path, port: port)
                #expect(answer.status == 200)
                #expect(answer.headers.contains("content-security-policy: default-src 'none'; script-src 'self'"))
                #expect(answer.headers.contains("cache-control: no-store") && !answer.headers.contains("unsafe"))
            }
            for (path, type) in [
                ("/style.css", "text/css"), ("/script.js", "text/javascript"), ("/icon.svg", "image/svg+xml"),
            ] {
                let answer = try await LoopbackHTTP.get(path, port: port)
                #expect(answer.status == 200 && answer.headers.contains("content-type: \(type)"))
            }
            #expect(try await LoopbackHTTP.get("/session?id=nobody", port: port).status == 404)
            #expect(try await LoopbackHTTP.get("/admin", port: port).status == 404)
        }
    }

    @Test func whoDoesNotSayWhoTheyAreSeesNothing() async throws {
        try await withServer(credentials: "bearer \(Self.token)") { port, _, _ in
            for path in ["/", "/session?id=a", "/runbook", "/events", "/script.js", "/nothing"] {
                let refused = try await LoopbackHTTP.get(path, port: port)
                #expect(refused.status == 401 && refused.headers.contains("www-authenticate: basic"))
                #expect(refused.body == "who are you?\n")
            }
            let right = "Authorization: Bearer \(Self.token)\r\n"
            #expect(try await LoopbackHTTP.get("/", port: port, headers: right).status == 200)
            let twice = try await LoopbackHTTP.get("/", port: port, headers: right + right)
            #expect(twice.status == 401)
            // Probes have no credentials, and hear nothing of any record.
            #expect(try await LoopbackHTTP.get("/live", port: port).status == 200)
            #expect(try await LoopbackHTTP.get("/ready", port: port).status == 503)
        }
    }

    @Test func credentialsThatAreReadAgainCount() async throws {
        let live = LiveMonitor(Story().monitor)
        let server = try MonitorServer(
            Listening(host: "127.0.0.1", port: 0, hasCredentials: true),
            credentials: Credentials(parsing: "bearer \(Self.token)"),
            live: live
        )
        let port = try await server.start()
        try server.use(Credentials(parsing: "bearer another-0123456789"))
        let statuses = [Self.token, "another-0123456789"].map { "Authorization: Bearer \($0)\r\n" }
        #expect(try await LoopbackHTTP.get("/", port: port, headers: statuses[0]).status == 401)
        #expect(try await LoopbackHTTP.get("/", port: port, headers: statuses[1]).status == 200)
        await server.stop()
    }

    @Test func aStrangersNameForThisMachineIsRefused() async throws {
        try await withServer { port, _, _ in
            for (host, status) in [("monitor.example.com", "200"), ("evil.example", "421"), ("127.0.0.1:1", "200")] {
                let request = "GET / HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"
                let answer = try await LoopbackHTTP.exchange(request, port: port)
                #expect(answer.hasPrefix("HTTP/1.1 \(status)"), "\(host)")
            }
        }
    }

    @Test func whatIsNoRequestOfOursIsRefused() async throws {
        try await withServer { port, _, _ in
            let long = "/session?id=" + String(repeating: "x", count: 3_000)
            #expect(try await LoopbackHTTP.get(long, port: port).status == 414)
            let post = try await LoopbackHTTP.exchange(
                head("/", "Content-Length: 1\r\n", method: "POST") + "x",
                port: port
            )
            #expect(post.hasPrefix("HTTP/1.1 405"))
            let large = head("/", "Content-Length: 100000\r\n", method: "POST") + String(repeating: "x", count: 100_000)
            // It is not listened to: its end, or a reset.
            let ended = (try? await LoopbackHTTP.exchange(large, port: port)) ?? ""
            #expect(ended == "")
        }
    }

    @Test func aRequestThatDoesNotEndIsEnded() async throws {
        try await withServer(times: { $0.connection.request = .milliseconds(300) }) { port, _, _ in
            let answer = try await LoopbackHTTP.exchange("GET / HTTP/1.1\r\nX: ", port: port)
            #expect(answer == "")
        }
    }

    @Test func aStreamTellsWhatChangesAndThatItLives() async throws {
        try await withServer { port, live, _ in
            let stream = try LoopbackHTTP.Held(port: port, sending: head("/events"))
            let first = try await stream.receive(until: "event: beat\ndata: \n\n\r\n")
            #expect(first.contains("text/event-stream") && first.contains("retry: 2000"))
            _ = try await stream.receive(until: "event: beat\ndata: \n\n\r\n")
            live.tell([.letter(Story.letter(), written: live.now.wall)])
            let next = try await stream.receive(until: "never", orWhen: { $0.contains("malformed") })
            #expect(next.contains("malformed"))
            stream.end()
        }
    }

    @Test func streamsAreCountedAndEndWithTheServer() async throws {
        try await withServer { port, _, _ in
            var streams: [LoopbackHTTP.Held] = []
            for _ in 0..<MonitorServer.maximumStreams {
                streams.append(try LoopbackHTTP.Held(port: port, sending: head("/events")))
                _ = try await streams[streams.count - 1].receive(until: "\r\n\r\n", orWhen: { $0.contains("\r\n\r\n") })
            }
            #expect(try await LoopbackHTTP.get("/events", port: port).status == 503)
            #expect(try await LoopbackHTTP.get("/", port: port).status == 200)
            // One that goes makes room.
            streams.removeLast().end()
            var status = 503
            while status == 503 {
                let next = try LoopbackHTTP.Held(port: port, sending: head("/events"))
                let said = try await next.receive(until: "\r\n\r\n", orWhen: { $0.contains("\r\n\r\n") })
                status = said.hasPrefix("HTTP/1.1 200") ? 200 : 503
                streams.append(next)
            }
            #expect(status == 200)
        }
    }

    /// Memory is bounded by what a socket holds, and the place is given to somebody else.
    @Test func aReaderThatTakesNothingIsLetGo() async throws {
        var story = Story()
        story.isWell()
        for number in 0..<50 {
            story.results(1, .sessionBusy, session: "\(number)" + String(repeating: "s", count: 200))
        }
        try await withServer(times: { $0.stall = .milliseconds(200) }, story: story) { port, live, server in
            let stream = try LoopbackHTTP.Held(port: port, sending: head("/events"))
            // It is not read from until the server has let it go. Each change makes a part of 30 kB new: the kernel's buffers are full after
            // some, and from then on nothing is sent.
            while server.streamCount == 0 { _ = try await LoopbackHTTP.get("/live", port: port) }
            var number = 0
            while server.streamCount > 0 {
                number += 1
                let event = Story.event(.sessionBusy, session: "n\(number)", offset: Int64(number), at: live.now.wall)
                live.tell([.result(event)])
                _ = try await LoopbackHTTP.get("/live", port: port)
            }
            let all = try await stream.receive(until: "never")
            #expect(all.contains("event: part"), "what had been sent arrives, then the end")
        }
    }

    @Test func pagesInARowComeOnOneConnection() async throws {
        try await withServer { port, _, _ in
            let connection = try LoopbackHTTP.Held(port: port, sending: head("/live"))
            #expect(try await connection.receive(until: "}\n").contains("200 OK"))
            connection.send(head("/icon.svg"))
            #expect(try await connection.receive(until: "</svg>").contains("image/svg+xml"))
            connection.end()
        }
    }
}
