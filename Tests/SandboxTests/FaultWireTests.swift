import Testing

@testable import OTPSandbox

/// Every fault as a caller meets it: the bytes that come, and how the connection ends.
@Suite(.timeLimit(.minutes(1))) struct FaultWireTests {
    /// What a caller receives for one check of a session that carries `directive`, and what the journal says about it.
    private func meet(
        _ directive: String,
        on server: SandboxServer
    ) async throws -> (received: WireClient.Received, entry: JournalEntry) {
        let session = "s~\(directive)~"
        let client = try await WireClient.connect(server.port, caPEM: server.caPEM)
        client.send(httpCheck(session, OneTimeCode.implicit(for: session)))
        let received = try await client.receiveAll()
        let entry = try #require(server.calls().last)
        #expect(entry.right)
        return (received, entry)
    }

    @Test(arguments: [false, true])
    func cuts(tls: Bool) async throws {
        try await withServer(implicit { $0.tls = tls }) { server in
            let before = try await meet("cut-before", on: server)
            #expect(before.received.bytes.isEmpty)
            #expect(before.received.isCut == tls)
            #expect(before.entry.fault == "cut-before")
            #expect(!before.entry.processed && before.entry.status == nil && before.entry.code == nil)

            let after = try await meet("cut-after", on: server)
            #expect(after.received.bytes.isEmpty)
            #expect(after.received.isCut == tls)
            #expect(after.entry.fault == "cut-after")
            #expect(after.entry.processed && after.entry.status == 200 && after.entry.code == 0)
        }
    }

    @Test func aCutCallIsRightlyRememberedOrNot() async throws {
        try await withServer { server in
            let client = try await WireClient.connect(server.port)
            for (session, code) in [("s~cut-beforex1~", 0), ("s~cut-afterx1~", 100)] {
                let cut = try await WireClient.connect(server.port)
                cut.send(httpCheck(session, OneTimeCode.implicit(for: session)))
                _ = try await cut.receiveAll()
                let again = try await client.exchange(httpCheck(session, OneTimeCode.implicit(for: session)))
                #expect(again.body.hasPrefix("{\"code\":\(code),"))
            }
            #expect(server.calls().map(\.processed) == [false, true, true, true])
        }
    }

    @Test(arguments: [("hang", false), ("hang-after", true)])
    func aHangingCallIsNeverAnswered(_ directive: String, _ processed: Bool) async throws {
        try await withServer { server in
            let hanging = try await WireClient.connect(server.port)
            let session = "s~\(directive)~"
            hanging.send(httpCheck(session, OneTimeCode.implicit(for: session)))
            let other = try await WireClient.connect(server.port)
            let deadline = ContinuousClock.now + .seconds(10)
            while server.calls().isEmpty && ContinuousClock.now < deadline {
                _ = try await other.exchange(httpRequest("GET", "/_sandbox/summary"))
            }
            #expect(try await other.exchange(httpCheck("other", "A")).status == 200)
            let received = try await hanging.received()
            #expect(received.bytes.isEmpty && !received.isClosed)
            let entry = try #require(server.calls().first)
            #expect(entry.processed == processed)
            #expect(entry.fault == "hang")
        }
    }

    /// No length and no body: what came after the head would be taken for the next answer.
    @Test(arguments: [("204-after", true), ("304", false)])
    func someStatusesHaveNoBody(_ directive: String, _ processed: Bool) async throws {
        try await withServer { server in
            let client = try await WireClient.connect(server.port)
            client.send(httpCheck("s~\(directive)~", "A") + httpCheck("other", "A", headers: "Connection: close\r\n"))
            let received = try await client.receiveAll()
            let text = String(decoding: received.bytes, as: UTF8.self)
            let answers = text.split(separator: "HTTP/1.1 ")
            #expect(answers.count == 2 && answers[0].hasSuffix("\r\n\r\n") && !answers[0].contains("Content-Length"))
            #expect(server.calls().first?.processed == processed)
        }
    }

    @Test func anIdleConnectionIsClosedWhenItSaid() async throws {
        try await withServer(implicit { $0.idleTimeout = 1 }) { server in
            let client = try await WireClient.connect(server.port)
            let answer = try await client.exchange(httpCheck("123456", "3456"))
            #expect(answer.headers["keep-alive"] == "timeout=1")
            #expect(try await client.receiveAll().isClosed)
        }
    }

    @Test func garbageIsNotHTTP() async throws {
        try await withServer { server in
            let (received, entry) = try await meet("garbage", on: server)
            #expect(!received.bytes.isEmpty)
            #expect(!received.bytes.starts(with: "HTTP".utf8))
            #expect(entry.processed && entry.code == 0)
        }
    }

    @Test func garbageJSONIsA200ThatKeepsTheConnection() async throws {
        try await withServer { server in
            let client = try await WireClient.connect(server.port)
            let answer = try await client.exchange(httpCheck("s~garbage-json~", "JSON"))
            #expect(answer.status == 200)
            #expect(answer.body == "{\"code\": 0, \"message\": ")
            #expect(try await client.exchange(httpCheck("other", "THER")).status == 200)
            #expect(server.calls().map(\.processed) == [true, true])
        }
    }

    @Test func anUnusualWayToSayTheRightThing() async throws {
        func text(_ directive: String, on server: SandboxServer) async throws -> String {
            let client = try await WireClient.connect(server.port)
            client.send(httpCheck("s~\(directive)~", "A", headers: "Connection: close\r\n"))
            return String(decoding: try await client.receiveAll().bytes, as: UTF8.self)
        }
        try await withServer { server in
            let chunked = try await text("chunked", on: server)
            #expect(chunked.contains("\r\n\r\n7;part=yes\r\n{\"code\"\r\n"))
            #expect(chunked.hasSuffix("\r\n0\r\nX-Trailer: yes\r\n\r\n"))
            let informed = try await text("informational", on: server)
            #expect(
                informed.hasPrefix("HTTP/1.1 103 Early Hints\r\n") && informed.contains("\r\n\r\nHTTP/1.1 200 OK\r\n")
            )
            #expect(try await text("307", on: server).contains("\r\nLocation: /v1/card/check_otp\r\n"))
        }
    }

    @Test func aBodyIsSentByteForByte() async throws {
        let rule = FaultRule(.body([0xEF, 0xBB, 0xBF, 0xFF], status: 502, contentType: "text/html"))
        try await withServer(implicit { $0.script = SandboxScript(faults: [rule]) }) { server in
            let client = try await WireClient.connect(server.port)
            client.send(
                httpRequest("POST", "/v1/card/check_otp", checkBody("s", "000S"), headers: "Connection: close\r\n")
            )
            let received = try await client.receiveAll()
            #expect(received.bytes.suffix(8) == [13, 10, 13, 10, 0xEF, 0xBB, 0xBF, 0xFF])
            #expect(server.calls().map(\.status) == [502])
        }
    }

    @Test func halfOfTheBodyComes() async throws {
        try await withServer { server in
            let (received, entry) = try await meet("half", on: server)
            let head = try #require(WireAnswer.head(received.bytes))
            let promised = try #require(head.headers["content-length"].flatMap(Int.init))
            #expect(received.bytes.count - head.length == promised / 2)
            #expect(entry.processed && entry.status == 200)
        }
    }

    @Test func anOversizedBodyIsWholeAndTrue() async throws {
        try await withServer { server in
            let client = try await WireClient.connect(server.port)
            let answer = try await client.exchange(httpCheck("s~oversized~", "IZED"))
            #expect(answer.body.utf8.count > 1 << 20)
            #expect(answer.body.hasPrefix(#"{"code":0,"#))
            #expect(server.calls().first?.processed == true)
        }
    }

    @Test func theConnectionClosesAfterAnAnswerThatDidNotSaySo() async throws {
        try await withServer { server in
            let (received, entry) = try await meet("close", on: server)
            let answer = try #require(WireAnswer(whole: received.bytes))
            #expect(answer.length == received.bytes.count)
            #expect(answer.headers["connection"] == nil)
            #expect(answer.body.hasPrefix(#"{"code":0,"#))
            #expect(entry.processed)
        }
    }

    @Test func aChunkSizeIsNotANumber() async throws {
        try await withServer { server in
            let (received, entry) = try await meet("chunks", on: server)
            let head = try #require(WireAnswer.head(received.bytes))
            #expect(head.headers["transfer-encoding"] == "chunked")
            let body = String(decoding: received.bytes[head.length...], as: UTF8.self)
            #expect(Int(body.prefix { $0 != "\r\n" }, radix: 16) == nil)
            #expect(entry.processed)
        }
    }

    @Test func aSlowAnswerComesByteByByteAndWhole() async throws {
        let rule = FaultRule(.slowDrip(interval: .milliseconds(1)))
        try await withServer(implicit { $0.script = SandboxScript(faults: [rule]) }) { server in
            let client = try await WireClient.connect(server.port)
            let start = ContinuousClock.now
            client.send(httpCheck("123456", "3456"))
            let received = try await client.receive { WireAnswer(whole: $0.bytes) != nil }
            #expect(ContinuousClock.now - start >= .milliseconds(received.bytes.count - 1))
            #expect(try await client.answer().body == #"{"code":0,"message":"Başarılı İşlem"}"#)
            // The connection is as good as before.
            #expect(try await client.exchange(httpCheck("123456", "3456")).status == 200)
        }
    }

    @Test func aDelayedAnswerIsLate() async throws {
        try await withServer { server in
            let client = try await WireClient.connect(server.port)
            let start = ContinuousClock.now
            let answer = try await client.exchange(httpCheck("s~delay40~", "AY40"))
            #expect(ContinuousClock.now - start >= .milliseconds(40))
            #expect(answer.status == 200)
            #expect(server.calls().first?.fault == "delay")
        }
    }

    @Test func statusesAndCodesKeepTheConnection() async throws {
        try await withServer { server in
            let client = try await WireClient.connect(server.port)
            var answers: [WireAnswer] = []
            for _ in 0..<3 { answers.append(try await client.exchange(httpCheck("s~429r2x2~", "R2X2"))) }
            #expect(answers.map(\.status) == [429, 429, 200])
            #expect(answers.map { $0.headers["retry-after"] } == ["2", "2", nil])
            let used = try await client.exchange(httpCheck("s~code17~", "DE17"))
            #expect(used.body.hasPrefix(#"{"code":17,"#))
            #expect(server.calls().map(\.processed) == [false, false, true, false])
            #expect(server.calls().map(\.status) == [429, 429, 200, 200])
            #expect(Set(server.calls().map(\.connection)).count == 1)
        }
    }
}
