package import OTPContract

/// How a result is shown to a person: one line of a table.
package enum ResultLine {
    package static let table = table(titled: "TIME")

    /// With a section's title in the place of the first column's, which needs none.
    package static func table(titled title: String) -> TextTable {
        TextTable([
            .init(title, width: 12, worth: 6), .init("SESSION", width: 26, tight: 10, worth: 8),
            .init("STATUS", width: 8, worth: 10), .init("REASON", width: 21, tight: 15, worth: 9),
            .init("CALLS", .right, width: 5, worth: 2), .init("MS", .right, width: 6, worth: 5),
            .init("NOTE", width: 19, worth: 7), .init("SOURCE", width: 14, worth: 4),
            .init("WORKER", width: 20, least: 10, worth: 3),
        ])
    }

    package static func cells(_ event: ResultEvent) -> [String] {
        [
            String(event.completedAt.iso8601.dropFirst(11).dropLast()),
            event.sessionID?.text ?? "-",
            event.status.rawValue,
            event.reason.rawValue,
            "\(event.calls)",
            "\(event.completedAt.milliseconds - event.receivedAt.milliseconds)",
            notes(event),
            "\(event.source.partition)/\(event.source.offset)",
            event.worker,
        ]
    }

    private static func notes(_ event: ResultEvent) -> String {
        var notes: [String] = []
        if event.inDoubt { notes.append("in doubt") }
        if event.replayed { notes.append("replayed") }
        if event.retryable { notes.append("retryable") }
        return notes.joined(separator: ", ")
    }
}
