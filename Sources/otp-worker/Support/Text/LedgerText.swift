package import OTPContract
import OTPEngine
package import OTPKafka

/// A ledger record in words.
///
/// A code shows only as the start of its keyed digest.
package enum LedgerText {
    package static let table = TextTable([
        .init("RECORD", width: 12, worth: 2), .init("WRITTEN", width: 24, worth: 1),
        .init("SESSION", width: 26, tight: 10, worth: 4), .init("KIND", width: 8, worth: 3),
        .init("WHAT IT SAYS", width: 120, least: 40, tight: 16, worth: 5),
    ])

    /// Nil when the key is none of the ledger's.
    package static func cells(_ record: ConsumedRecord) -> (session: SessionID, cells: [String])? {
        guard let key = record.key, let entry = LedgerRecord(key: key, value: record.value) else { return nil }
        let (kind, text) = describe(entry.content)
        let written = record.timestamp.map { WallTime(milliseconds: $0).iso8601 } ?? "-"
        return (
            entry.session, ["\(record.partition)/\(record.offset)", written, entry.session.text, kind, text]
        )
    }

    private static func describe(_ content: LedgerRecord.Content) -> (kind: String, text: String) {
        switch content {
        case .intent(let fingerprint, let source, let time):
            ("intent", "about to ask about \(name(fingerprint)) for the command at \(source) (\(time.iso8601))")
        case .void(let fingerprint):
            ("void", "nothing was asked about \(name(fingerprint)) after all, or it has its outcome")
        case .state(let codes, let isClosed):
            ("state", ([isClosed ? "verified" : "open"] + codes.map(describe)).joined(separator: "; "))
        case .notes(let notes):
            ("notes", notes.map(describe).joined(separator: "; "))
        case .unreadable:
            ("?", "written by another version, or damaged")
        }
    }

    private static func describe(_ state: CodeState) -> String {
        var text = name(state.fingerprint) + " "
        if let outcome = state.outcome {
            text += "\(outcome.reason.status.rawValue)/\(outcome.reason.rawValue) by the command at \(state.source)"
            if outcome.retryable { text += ", retryable" }
        } else {
            text += "no outcome"
        }
        return text + (state.isDoubtful ? ", in doubt" : "")
    }

    private static func describe(_ note: LedgerRecord.CodeNote) -> String {
        let id = note.note.commandID.map { "\"\($0.visible())\"" } ?? "without an id of its own"
        return "\(name(note.fingerprint)) got its outcome from the command at \(note.source), \(id)"
    }

    private static func name(_ fingerprint: Fingerprint) -> String {
        let hex = String(fingerprint.high, radix: 16)
        return "code #" + String((String(repeating: "0", count: 16 - hex.count) + hex).prefix(8))
    }
}
