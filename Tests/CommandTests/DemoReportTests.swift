import OTPContract
import Testing
import otp_worker

/// The demonstration tells a difference when there is one.
struct DemoReportTests {
    private func event(_ expectation: DemoStep.Expectation) -> ResultEvent {
        ResultEvent(
            commandID: "c",
            sessionID: SessionID("s"),
            status: expectation.reason.status,
            reason: expectation.reason,
            replayed: expectation.replayed,
            calls: expectation.calls,
            receivedAt: WallTime(milliseconds: 0),
            completedAt: WallTime(milliseconds: 12),
            source: Coordinates(topic: "t", partition: 0, offset: 0),
            worker: "w"
        )
    }

    private var perfect: DemoReport {
        let rows = DemoStep.all.map { DemoReport.Row(step: $0, session: "s", got: event($0.expected)) }
        return DemoReport(rows: rows, journaledCalls: rows.reduce(0) { $0 + $1.step.expected.calls })
    }

    @Test func theFlowIsTheOneOfTheIssue() {
        #expect(
            DemoStep.all.map(\.expected.description) == [
                "rejected/wrong_code", "verified/ok", "verified/ok replayed", "rejected/session_used",
                "invalid/malformed",
                "expired/deadline_passed", "verified/ok",
            ]
        )
        #expect(perfect.expectedCalls == 5)
    }

    @Test func aPerfectRunSaysSo() {
        #expect(perfect.isAsExpected)
        #expect(perfect.text().contains("All 7 results are as expected; the sandbox saw 5 check_otp calls"))
        #expect(!perfect.text().contains("✗"))
    }

    @Test func aDifferentResultIsShown() {
        var report = perfect
        report.rows[1].got = event(DemoStep.Expectation(.sessionUsed, calls: 2))
        #expect(!report.isAsExpected)
        #expect(report.text().contains("1 of 7 results differ"))
        #expect(report.text().split(separator: "\n").contains { $0.hasPrefix("✗") && $0.contains("2 (not 1)") })
    }

    @Test func aMissingResultIsADifference() {
        var report = perfect
        report.rows[6].got = nil
        #expect(!report.isAsExpected)
        #expect(report.text().contains("nothing in time"))
    }

    @Test func aCallTooManyIsADifference() {
        var report = perfect
        report.journaledCalls += 1
        #expect(!report.isAsExpected)
    }
}
