package import OTPAudit
import OTPContract

/// An audit's report for people and for programs.
package enum AuditText {
    package static func table(_ report: AuditReport, _ notes: [String], columns: Int? = nil) -> String {
        let counts = report.counts
        let statuses = Status.allCases.compactMap { status in
            counts.byStatus[status].map { "\($0) \(status.rawValue)" }
        }
        var things = [
            counts.sessions.counted("session"), counts.ledger.counted("ledger record"),
            counts.letters.counted("dead letter"),
        ]
        if report.checks.contains(where: \.needsJournal) { things.append(counts.calls.counted("call")) }
        var lines = [
            "\(counts.commands.counted("command")), \(counts.results.counted("result"))"
                + (statuses.isEmpty ? "" : " (\(statuses.joined(separator: ", ")))"),
            "\(counts.replayed) replayed, \(counts.inDoubt) in doubt, \(counts.inTime) not yet answered and in time",
            things.joined(separator: ", "),
        ]
        if counts.spread > 0 {
            lines.append(
                "\(counts.spread.counted("session")) with commands in several partitions: what holds for a session holds only within one"
            )
        }
        if counts.verifiedAgain > 0 {
            lines.append(
                "\(counts.verifiedAgain.counted("session")) verified to several commands: act once per session, not per result"
            )
        }
        lines += notes
        let rows = report.checks.map { check in
            let count = report.offences[check] ?? 0
            return [count == 0 ? "✓" : "✗", check.rawValue, count == 0 ? "" : "\(count)", check.meaning]
        }
        let table = TextTable([
            .init("", worth: 4), .init("CHECK", worth: 3), .init("FOUND", .right, worth: 2),
            .init("WHAT HOLDS", least: 30, worth: 1),
        ])
        return lines.joined(separator: "\n") + "\n\n" + table.text(rows, columns: columns)
    }

    package static func findings(_ report: AuditReport) -> [String] {
        var lines = report.findings.map { finding in
            let coordinates = finding.coordinates.map { "\($0)" } ?? "-"
            let session = finding.session.map { " session \($0.text.visible())" } ?? ""
            return "✗ \(finding.check.rawValue) \(coordinates)\(session) (\(finding.time.iso8601)): \(finding.reason)"
        }
        let more = report.total - report.findings.count
        if more > 0 { lines.append("and \(more) more; the first \(AuditReport.kept) of each check are shown") }
        return lines
    }

    /// One JSON object on one line.
    package static func json(_ report: AuditReport, _ notes: [String]) -> [UInt8] {
        var json = JSONWriter(capacity: 4_096)
        json.beginObject()
        json.key("passed")
        json.bool(report.isClean)
        write(report.counts, to: &json)
        json.key("checks")
        json.beginObject()
        for check in report.checks {
            json.key(check.rawValue)
            json.integer(report.offences[check] ?? 0)
        }
        json.endObject()
        json.key("findings")
        json.beginArray()
        for finding in report.findings { write(finding, to: &json) }
        json.endArray()
        json.key("notes")
        json.beginArray()
        for note in notes { json.string(note) }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static func write(_ counts: AuditReport.Counts, to json: inout JSONWriter) {
        let numbers = [
            ("commands", counts.commands), ("results", counts.results), ("replayed", counts.replayed),
            ("in_doubt", counts.inDoubt), ("unanswered_in_time", counts.inTime), ("unanswered", counts.unanswered),
            ("results_outside", counts.outside), ("results_foreign", counts.foreign),
            ("dead_letters", counts.letters), ("ledger_records", counts.ledger), ("calls", counts.calls),
            ("sessions", counts.sessions), ("sessions_in_several_partitions", counts.spread),
            ("sessions_verified_to_several_commands", counts.verifiedAgain),
        ]
        json.key("counts")
        json.beginObject()
        for (name, number) in numbers {
            json.key(name)
            json.integer(number)
        }
        for status in Status.allCases {
            json.key(status.rawValue)
            json.integer(counts.byStatus[status] ?? 0)
        }
        json.endObject()
    }

    private static func write(_ finding: Finding, to json: inout JSONWriter) {
        json.beginObject()
        json.key("check")
        json.string(finding.check.rawValue)
        if let coordinates = finding.coordinates {
            json.key("record")
            json.string("\(coordinates)")
        }
        if let session = finding.session {
            json.key("otp_session_id")
            json.string(session.text)
        }
        json.key("time")
        json.time(finding.time)
        json.key("reason")
        json.string(finding.reason)
        json.endObject()
    }
}
