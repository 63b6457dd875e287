import Testing

@testable import OTPSandbox

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What the journal says, where it can be read, and what it never says.
@Suite(.timeLimit(.minutes(1))) struct JournalTests {
    private func temporaryFile() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("sandbox-journal-\(UUID()).jsonl").path
    }

    private func text(of path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }

    private func entries(_ lines: String) throws -> [JournalEntry] {
        try lines.split(separator: "\n").map { try JSONDecoder().decode(JournalEntry.self, from: Data($0.utf8)) }
    }

    @Test func memoryFileAndHTTPTellTheSame() async throws {
        let path = temporaryFile()
        defer { try? FileManager.default.removeItem(atPath: path) }
        var calls: [JournalEntry] = []
        try await withServer(implicit { $0.journalFile = path }) { server in
            let client = try await WireClient.connect(server.port)
            _ = try await client.exchange(httpCheck("1", "A", headers: "traceparent: 00-aa-bb-01\r\n"))
            _ = try await client.exchange(httpCheck("1", "0001"))
            _ = try await client.exchange(httpCheck("\u{1}\\\"ş~500~", "A500".lowercased()))
            _ = try await client.exchange(httpCheck("quote\\\"ş~500~", "E500"))
            _ = try await client.exchange(httpRequest("GET", "/v1/other?secret=1"))
            calls = server.calls()
            #expect(try entries(await client.exchange(httpRequest("GET", "/_sandbox/calls")).body) == calls)
            let rest = try await client.exchange(httpRequest("GET", "/_sandbox/calls?since=3")).body
            #expect(try entries(rest) == Array(calls[3...]))
        }
        #expect(try entries(text(of: path)) == calls)
        #expect(calls.map(\.session) == ["1", "1", nil, "quote\"ş~500~", nil])
        #expect(calls.map(\.traceparent) == [true, false, false, false, false])
        #expect(calls.map(\.right) == [false, true, false, true, false])
        #expect(calls.map(\.processed) == [true, true, false, false, false])
        #expect(calls.map(\.status) == [200, 200, 400, 500, 404])
        #expect(calls.map(\.code) == [1, 0, 11, 8, 12])
        #expect(calls.map(\.fault) == [nil, nil, nil, "status", nil])
        #expect(calls.last?.path == "/v1/other")
        #expect(calls[0].digest != calls[1].digest)
        #expect(calls[1].digest == OneTimeCode.digest(phone: phone, code: "0001"))
    }

    @Test(arguments: [false, true])
    func phoneAndCodeAreInTheJournalOnlyOnDemandAndTheKeyNever(clear: Bool) async throws {
        let path = temporaryFile()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let configuration = implicit {
            $0.journalFile = path
            $0.journalClear = clear
            $0.secretKey = "sck_marked"
        }
        var dumped = ""
        try await withServer(configuration) { server in
            let client = try await WireClient.connect(server.port)
            for session in ["1", "1", "2~cut-before~", "3~500~"] {
                let one = try await WireClient.connect(server.port)
                let headers = "Authorization: Basic sck_marked\r\nConnection: close\r\n"
                one.send(httpCheck(session, "MARKED", headers: headers))
                _ = try await one.receiveAll()
            }
            let wrongKey = "Authorization: Basic sck_markedX\r\n"
            _ = try await client.exchange(httpCheck("1", "MARKED", headers: wrongKey))
            dumped += try await client.exchange(httpRequest("GET", "/_sandbox/calls")).body
            dumped += try await client.exchange(httpRequest("GET", "/_sandbox/summary")).body
            dump(server.calls(), to: &dumped)
            dump(server, to: &dumped)
        }
        dumped += try text(of: path)
        #expect(try entries(text(of: path)).count == 5)
        #expect(dumped.contains("MARKED") == clear)
        #expect(dumped.contains(phone) == clear)
        #expect(!dumped.contains("sck_"))
    }

    @Test func memoryIsBoundedAndTheFileIsNot() throws {
        let path = temporaryFile()
        defer { try? FileManager.default.removeItem(atPath: path) }
        var journal = try Journal(capacity: 3, path: path)
        for sequence in 1...8 {
            let entry = JournalEntry(sequence: sequence, time: 0, connection: 1, method: "POST", path: "/")
            #expect(journal.append(entry) == (sequence == 1))
        }
        #expect(journal.entries(after: 0).map(\.sequence) == [6, 7, 8])
        #expect(journal.entries(after: 7).map(\.sequence) == [8])
        journal.flush()
        #expect(try entries(text(of: path)).map(\.sequence) == Array(1...8))
    }

    @Test func theFileIsAppendedToByTheNextSandbox() async throws {
        let path = temporaryFile()
        defer { try? FileManager.default.removeItem(atPath: path) }
        for _ in 0..<2 {
            try await withServer(implicit { $0.journalFile = path }) { server in
                _ = try await WireClient.connect(server.port).exchange(httpCheck("1", "A"))
            }
        }
        #expect(try entries(text(of: path)).map(\.sequence) == [1, 1])
    }

    @Test func aCallBesideAnUnansweredOneOfItsSessionOverlaps() {
        var model = SandboxModel(implicit())
        #expect(!model.check("a", "A").entry.overlapping)
        #expect(!model.check("b", "A").entry.overlapping)
        #expect(model.check("a", "A").entry.overlapping)
        model.finished("a")
        #expect(model.check("a", "A").entry.overlapping)
        model.finished("a")
        model.finished("a")
        #expect(!model.check("a", "A").entry.overlapping)
    }

    @Test func anAnswerOrALostConnectionEndsTheOverlap() async throws {
        try await withServer { server in
            let client = try await WireClient.connect(server.port)
            for _ in 0..<2 { _ = try await client.exchange(httpCheck("a", "A")) }
            for _ in 0..<2 {
                let one = try await WireClient.connect(server.port)
                one.send(httpCheck("b~cut-after~", "A"))
                _ = try await one.receiveAll()
            }
            #expect(server.calls().map(\.overlapping) == [false, false, false, false])
            for _ in 0..<2 {
                let hanging = try await WireClient.connect(server.port)
                hanging.send(httpCheck("c~hang~", "A") + httpCheck("never read", "A"))
            }
            let deadline = ContinuousClock.now + .seconds(10)
            while server.calls().count < 6 && ContinuousClock.now < deadline {
                _ = try await client.exchange(httpRequest("GET", "/_sandbox/summary"))
            }
            #expect(server.calls().map(\.overlapping).suffix(2) == [false, true])
        }
    }

    @Test func theSummaryCountsQuestionsAskedTwice() async throws {
        try await withServer { server in
            let client = try await WireClient.connect(server.port)
            for (session, code) in [("1", "A"), ("1", "A"), ("1", "0001"), ("2", "0002"), ("3~429x1~", "29X1")] {
                _ = try await client.exchange(httpCheck(session, code))
            }
            let summary = try await client.exchange(httpRequest("GET", "/_sandbox/summary")).body
            #expect(
                summary == """
                    {"calls":5,"processed":4,"right":3,"overlapping":0,"questions":3,"questions_repeated":1,\
                    "sessions":2,"connections":1,"statuses":{"200":4,"429":1},"codes":{"0":2,"1":2,"11":1},\
                    "faults":{"status":1}}
                    """
            )
        }
    }

    @Test func scriptAndResetWorkOverHTTP() async throws {
        try await withServer(implicit { $0.script = SandboxScript(faults: [FaultRule(.status(500), times: 1)]) }) {
            server in
            let client = try await WireClient.connect(server.port)
            let rules = #"[{"action":"status","status":403},{"action":"answer","code":9}]"#
            #expect(try await client.exchange(httpRequest("POST", "/_sandbox/script", rules)).body == #"{"phases":1}"#)
            #expect(try await client.exchange(httpCheck("1", "0001")).status == 403)
            let bad = #"[{"action":"status"}]"#
            #expect(try await client.exchange(httpRequest("POST", "/_sandbox/script", bad)).status == 400)
            #expect(try await client.exchange(httpCheck("1", "0001")).status == 403)
            server.setScript(SandboxScript())
            #expect(try await client.exchange(httpCheck("1", "0001")).body.hasPrefix(#"{"code":0"#))
            #expect(try await client.exchange(httpRequest("POST", "/_sandbox/reset")).status == 200)
            #expect(server.calls().isEmpty)
            #expect(try await client.exchange(httpCheck("1", "0001")).status == 500)
            #expect(try await client.exchange(httpCheck("1", "0001")).body.hasPrefix(#"{"code":0"#))
            #expect(try await client.exchange(httpRequest("GET", "/_sandbox/reset")).status == 405)
            #expect(try await client.exchange(httpRequest("GET", "/_sandbox/other")).status == 404)
        }
    }
}
