package import OTPContract

/// What a replay did or would do, in words.
package enum ReplayText {
    package static let table = TextTable([
        .init("COMMAND", width: 40, least: 24, worth: 3), .init("REASON", width: 20, least: 14, worth: 2),
        .init("REPLAY", .right, width: 6, worth: 1), .init("WHAT HAPPENS", width: 70, least: 24, tight: 14, worth: 4),
    ])

    /// Said once where the settings give no secret.
    package static let unsigned = """
        no secret is set here (ledger.secret, check_otp.secret_key, or the file of either), so replays are not signed: workers \
        cannot tell them from headers that a producer wrote, and the dead letter of one that fails again counts 0 replays
        """

    /// `written` is where the replay came to lie; nil while nothing is written.
    package static func cells(_ found: FoundLetter, _ decision: ReplayPlan.Decision, written: Coordinates?) -> [String]
    {
        [
            found.letter.source.description, found.letter.reason.rawValue,
            decision == .replay ? "\(found.letter.replayCount + 1)" : "",
            written.map { "replayed as \($0)" } ?? word(decision),
        ]
    }

    package static func json(_ found: FoundLetter, _ decision: ReplayPlan.Decision, written: Coordinates?) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        LetterText.write(found, to: &json)
        json.key("action")
        json.string(action(decision, isWritten: written != nil))
        if decision != .replay {
            json.key("why")
            json.string(word(decision))
        }
        if let written {
            json.key("replay")
            LetterText.write(written, to: &json)
        }
        json.endObject()
        return json.bytes
    }

    /// The first word of what people read.
    private static func action(_ decision: ReplayPlan.Decision, isWritten: Bool) -> String {
        switch decision {
        case .replay: isWritten ? "replayed" : "would_replay"
        case .gone: "lost"
        case .failed: "failed"
        case .done, .capped, .foreign, .overLimit: "skipped"
        }
    }

    private static func word(_ decision: ReplayPlan.Decision) -> String {
        switch decision {
        case .replay: "would be replayed"
        case .done(let coordinates): "skipped: replayed already, as \(coordinates)"
        case .capped: "skipped: replayed as often as --max-replays allows"
        case .gone: "lost: its value is in the command topic no longer, and not in the letter"
        case .foreign: "skipped: it is about no command of this fleet"
        case .failed(let reason): "failed: \(reason)"
        case .overLimit: "left for the next run: --limit is reached"
        }
    }

    package static func summary(_ decisions: [ReplayPlan.Decision], isExecuted: Bool) -> String {
        guard !decisions.isEmpty else { return "no dead letter is meant" }
        let replays = decisions.count { $0 == .replay }
        let gone = decisions.count { $0 == .gone }
        let failed = decisions.count { if case .failed = $0 { true } else { false } }
        let later = decisions.count { $0 == .overLimit }
        var parts = [isExecuted ? "\(replays) replayed" : "\(replays) would be replayed"]
        let skipped = decisions.count - replays - gone - failed - later
        if skipped > 0 { parts.append("\(skipped) skipped") }
        if gone > 0 { parts.append("\(gone) lost") }
        if failed > 0 { parts.append("\(failed) failed") }
        if later > 0 { parts.append("\(later) left for the next run") }
        let text = parts.joined(separator: ", ")
        return isExecuted || replays == 0 ? text : text + "; nothing was written: --execute does it"
    }
}
