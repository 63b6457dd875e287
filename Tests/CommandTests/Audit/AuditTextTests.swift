import AuditKit
import OTPAudit
import OTPContract
import Testing
import otp_worker

/// What an audit's report shows, and what it never does.
struct AuditTextTests {
    private func report() -> AuditReport {
        var history = AuditHistory(journal: true)
        let command = history.command("s-1", code: 0xdead_beef)
        history.call(command, code: 1)
        history.conclude(command, .ok) { $0.message = "marked" }
        history.result(command, .ok, calls: 1)
        return history.report()
    }

    @Test func itNamesPlaceSessionAndReason() {
        let lines = AuditText.findings(report())
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("✗ double commands/0/0 session s-1 (2027-01-15T08:00:00.000Z): a second result"))
        let table = AuditText.table(report(), ["a note"])
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
            AuditText.table(report(), []) + AuditText.findings(report()).joined()
            + String(decoding: AuditText.json(report(), []), as: UTF8.self)
        for secret in ["deadbeef", "\(0xdead_beef)", "marked"] { #expect(!text.contains(secret)) }
    }

    @Test func theJSONCanBeRead() throws {
        let json = try JSON.parse(AuditText.json(report(), ["a note"]))
        #expect(json["passed"]?.bool == false)
        #expect(json["counts"]?["commands"]?.integer == 1)
        #expect(json["checks"]?["double"]?.integer == 1)
        #expect(json["checks"]?["orphan"]?.integer == 0)
        guard case .array(let findings) = json["findings"] else {
            Issue.record("no findings")
            return
        }
        #expect(findings.count == 3)
        #expect(findings[0]["record"]?.string == "commands/0/0")
        #expect(findings[0]["otp_session_id"]?.string == "s-1")
    }
}

/// How a session's time line looks.
struct TimeLineTextTests {
    private let line = TimeLine.example()

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
        for secret in ["dead\"", "beef", "\(0xdead)", "\(0xbeef)", "marked"] {
            #expect(!text.contains(secret), "\(secret)")
        }
    }

    @Test func theJSONCanBeRead() throws {
        let json = try JSON.parse(TimeLineText.json(line))
        #expect(json["otp_session_id"]?.string == "s-1")
        guard case .array(let events) = json["events"] else {
            Issue.record("no events")
            return
        }
        #expect(events.count == 10)
        #expect(events[5]["command"]?.string == "commands/0/0")
        #expect(events[5]["record"]?.string == "results/0/0")
    }
}
