import OTPAudit
import OTPContract
import Testing
import otp_worker

/// A command that is called for and answered, and what it must not give away.
private struct Answered {
    private static let time = WallTime(milliseconds: 1_800_000_000_000)
    private static let source = Coordinates(topic: "commands", partition: 0, offset: 0)
    static let secrets = ["deadbeef", "\(0xdead_beef)", "marked"]

    let session: SessionID

    init() throws { session = try #require(SessionID("s-1")) }

    private var command: CommandFact {
        CommandFact(
            partition: 0,
            offset: 0,
            time: Self.time,
            commandID: "\(Self.source)",
            content: .usable(session, 0xdead_beef, expiresAt: nil)
        )
    }

    private var call: CallFact {
        CallFact(sequence: 1, time: Self.time, session: session, question: 0xdead_beef, status: 200, code: 1)
    }

    private func result(at offset: Int64) -> ResultFact {
        let event = ResultEvent(
            commandID: "\(Self.source)",
            sessionID: session,
            status: .verified,
            reason: .ok,
            message: "marked",
            calls: 1,
            receivedAt: Self.time,
            completedAt: Self.time,
            source: Self.source,
            worker: "w"
        )
        return ResultFact(event, at: Coordinates(topic: "results", partition: 0, offset: offset), time: Self.time)
    }

    /// Of a history in which it is answered twice, and the ledger knows nothing of it.
    func report() -> AuditReport {
        var audit = Audit(AuditRules(commandTopic: "commands", now: Self.time), [0: Audit.Stretch(0..<1)])
        audit.command(command)
        for offset: Int64 in [0, 2] { audit.result(result(at: offset)) }
        audit.resultsEnded()
        audit.end()
        return audit.report
    }

    func timeLine() -> TimeLine {
        var line = TimeLine(of: session, commands: "commands", ledger: "ledger", deadLetters: "dead")
        line.add(command)
        line.add(call)
        line.add(result(at: 0))
        return line
    }
}

/// What an audit's report shows, and what it never does.
struct AuditTextTests {
    private let report: AuditReport

    init() throws { report = try Answered().report() }

    @Test func itNamesPlaceSessionAndReason() {
        let lines = AuditText.findings(report)
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("✗ double commands/0/0 session s-1 (2027-01-15T08:00:00.000Z): a second result"))
        let table = AuditText.table(report, ["a note"])
        #expect(table.contains("1 command, 1 result (1 verified)"))
        #expect(table.contains("a note"))
        #expect(table.contains("✗  double"))
        #expect(table.contains("✓  orphan"))
    }

    @Test func itWarnsAnyoneWhoActsOnEachResult() {
        var report = AuditReport()
        report.counts.verifiedAgain = 1
        #expect(AuditText.table(report, []).contains("1 session verified to several commands"))
    }

    @Test func itHoldsNothingOfACode() {
        let text =
            AuditText.table(report, []) + AuditText.findings(report).joined()
            + String(decoding: AuditText.json(report, []), as: UTF8.self)
        for secret in Answered.secrets { #expect(!text.contains(secret)) }
    }

    @Test func theJSONCanBeRead() throws {
        let json = try JSON.parse(AuditText.json(report, ["a note"]))
        #expect(json["passed"]?.bool == false)
        #expect(json["counts"]?["commands"]?.integer == 1)
        #expect(json["checks"]?["double"]?.integer == 1)
        #expect(json["checks"]?["orphan"]?.integer == 0)
        guard case .array(let findings) = json["findings"] else {
            Issue.record("no findings")
            return
        }
        #expect(findings.count == 2)
        #expect(findings[0]["record"]?.string == "commands/0/0")
        #expect(findings[0]["otp_session_id"]?.string == "s-1")
    }
}

/// How a session's time line looks.
struct TimeLineTextTests {
    private let line: TimeLine

    init() throws { line = try Answered().timeLine() }

    /// When something happened is worth less than what it says.
    @Test func aNarrowTerminalStillShowsWhatIsSaid() throws {
        let lines = TimeLineText.lines(line, columns: 40).joined(separator: "\n").split(separator: "\n")
        let header = try #require(lines.first { $0.hasPrefix("TIME") })
        #expect(header.contains("WHAT") && header.contains("SAYS"))
        #expect(lines.drop { $0 != header }.allSatisfy { $0.count <= 40 })
    }

    @Test func nothingOfACodeIsShown() {
        let text =
            TimeLineText.lines(line).joined(separator: "\n") + String(decoding: TimeLineText.json(line), as: UTF8.self)
        for secret in Answered.secrets { #expect(!text.contains(secret), "\(secret)") }
    }

    @Test func theJSONCanBeRead() throws {
        let json = try JSON.parse(TimeLineText.json(line))
        #expect(json["otp_session_id"]?.string == "s-1")
        guard case .array(let events) = json["events"] else {
            Issue.record("no events")
            return
        }
        #expect(events.compactMap { $0["what"]?.string } == ["command", "call", "result"])
        #expect(events[2]["command"]?.string == "commands/0/0")
        #expect(events[2]["record"]?.string == "results/0/0")
    }
}
