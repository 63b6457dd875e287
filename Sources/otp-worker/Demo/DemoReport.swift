package import OTPContract

/// What was expected of each step and what came, as a table with a closing line.
package struct DemoReport: Sendable {
    package struct Row: Sendable {
        package var step: DemoStep
        package var session: String
        /// Nil when none came in time.
        package var got: ResultEvent?

        package init(step: DemoStep, session: String, got: ResultEvent?) {
            self.step = step
            self.session = session
            self.got = got
        }

        package var isAsExpected: Bool { got.map(DemoStep.Expectation.init) == step.expected }
    }

    package var rows: [Row]
    /// check_otp calls that the sandbox's journal holds.
    package var journaledCalls: Int

    package init(rows: [Row], journaledCalls: Int) {
        self.rows = rows
        self.journaledCalls = journaledCalls
    }

    package var expectedCalls: Int { rows.reduce(0) { $0 + $1.step.expected.calls } }

    package var isAsExpected: Bool { rows.allSatisfy(\.isAsExpected) && journaledCalls == expectedCalls }

    package func text(columns: Int? = nil) -> String {
        let table = TextTable([
            .init("", worth: 7), .init("SESSION", worth: 2), .init("WHAT HAPPENS", tight: 14, worth: 6),
            .init("EXPECTED", worth: 3), .init("CAME", tight: 14, worth: 5), .init("CALLS", .right, worth: 4),
            .init("MS", .right, worth: 1),
        ])
        return table.text(rows.map(Self.cells), columns: columns) + "\n\n" + closing
    }

    private var closing: String {
        let wrong = rows.filter { !$0.isAsExpected }.count
        let calls = "the sandbox saw \(journaledCalls) check_otp calls, \(expectedCalls) were expected"
        if isAsExpected { return "All \(rows.count) results are as expected; \(calls)." }
        return "\(wrong) of \(rows.count) results differ; \(calls)."
    }

    private static func cells(_ row: Row) -> [String] {
        let came = row.got.map { DemoStep.Expectation($0).description } ?? "nothing in time"
        let calls = row.got.map { "\($0.calls)" } ?? "-"
        let wanted = row.step.expected.calls
        let time = row.got.map { "\($0.completedAt.milliseconds - $0.receivedAt.milliseconds)" } ?? "-"
        return [
            row.isAsExpected ? "✓" : "✗", row.session, row.step.title, row.step.expected.description, came,
            calls == "\(wanted)" ? calls : "\(calls) (not \(wanted))", time,
        ]
    }
}
