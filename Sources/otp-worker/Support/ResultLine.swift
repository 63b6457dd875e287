package import Contract

/// How a result is shown to a person: one line of a table.
package enum ResultLine {
    package static let table = TextTable([
        .init("TIME", width: 12), .init("SESSION", width: 26), .init("STATUS", width: 8), .init("REASON", width: 21),
        .init("CALLS", .right, width: 5), .init("MS", .right, width: 6), .init("NOTE", width: 19),
        .init("SOURCE", width: 14), .init("WORKER", width: 20),
    ])

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

    /// The published value on one line: line breaks outside of strings are only white space.
    package static func json(_ value: [UInt8]) -> [UInt8] {
        value.map { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") ? UInt8(ascii: " ") : $0 }
    }
}
