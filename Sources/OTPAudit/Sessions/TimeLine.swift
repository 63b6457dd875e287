package import OTPContract
import OTPEngine

/// What happened to one session, in the order of time.
///
/// Codes are told apart by number only, in the order in which they were first sent; a phone number shows masked.
package struct TimeLine {
    /// One thing that happened.
    package struct Entry: Equatable, Sendable {
        /// The record's own time; of a call, when it arrived.
        package var time: WallTime
        /// `command`, `intent`, `void`, `state`, `notes`, `call`, `result` or `dead letter`.
        package var kind: String
        /// Where it is read; nil for a call.
        package var coordinates: Coordinates?
        /// The command that it is about.
        package var command: Coordinates?
        /// What it says, in words.
        package var text: String
        /// Of one moment, what comes first.
        fileprivate var rank: Int
    }

    package let session: SessionID
    private let commandTopic: String
    private let ledgerTopic: String
    private let deadLetterTopic: String
    private var commands: [CommandFact] = []
    private var results: [ResultFact] = []
    private var ledger: [LedgerFact] = []
    private var letters: [(fact: DeadLetterFact, coordinates: Coordinates)] = []
    private var calls: [CallFact] = []

    /// Of a session of which nothing is known yet; the texts are the names of the topics.
    package init(of session: SessionID, commands: String, ledger: String, deadLetters: String) {
        self.session = session
        commandTopic = commands
        ledgerTopic = ledger
        deadLetterTopic = deadLetters
    }

    // In any order; anyone who adds has seen to it that it is of this session.

    package mutating func add(_ command: CommandFact) { commands.append(command) }
    package mutating func add(_ result: ResultFact) { results.append(result) }
    package mutating func add(_ record: LedgerFact) { ledger.append(record) }
    package mutating func add(_ letter: DeadLetterFact, at coordinates: Coordinates) {
        letters.append((letter, coordinates))
    }
    package mutating func add(_ call: CallFact) { calls.append(call) }

    /// Nothing is known of the session.
    package var isEmpty: Bool {
        commands.isEmpty && results.isEmpty && ledger.isEmpty && letters.isEmpty && calls.isEmpty
    }

    /// One line about the whole.
    package var summary: String {
        let codes = Names(commands, ledger).questions.count
        var text = "session \(session.text.visible()): \(commands.count.counted("command")), \(codes.counted("code"))"
        let verified = results.contains { $0.event.status == .verified }
        let isOpen = results.count < commands.count
        text += verified ? ", verified" : ", not verified"
        if results.contains(where: { $0.event.inDoubt }) { text += ", in doubt for a time" }
        if isOpen { text += ", \(commands.count - results.count) without a result" }
        let partitions = Set(commands.map(\.partition)).count
        if partitions > 1 { text += "; in \(partitions) partitions, so that nothing is promised about it" }
        return text
    }

    /// What happened, the first first.
    package func entries() -> [Entry] {
        let names = Names(commands, ledger)
        var entries = commands.map { entry($0, names) } + results.map(entry)
        entries += ledger.map { entry($0, names) }
        entries += letters.map(entry)
        entries += calls.map { entry($0, names) }
        return entries.sorted { left, right in
            let offsets = (left.coordinates?.offset ?? 0, right.coordinates?.offset ?? 0)
            return (left.time, left.rank, offsets.0) < (right.time, right.rank, offsets.1)
        }
    }

    // MARK: Entries

    private func entry(_ command: CommandFact, _ names: Names) -> Entry {
        let coordinates = self.command(command.partition, command.offset)
        let text: String
        switch command.content {
        case .usable(_, let question, let expiresAt):
            let end = expiresAt.map { ", to be answered before \($0.iso8601)" } ?? ""
            let slip = command.canBeRight ? "" : ", which can be no code and is not asked about"
            text = "phone \(command.maskedPhone ?? "-"), \(names.name(question))\(slip)\(end)"
        case .unusable(let reason, _): text = "unusable: \(reason.rawValue)"
        }
        return Entry(
            time: command.time,
            kind: "command",
            coordinates: coordinates,
            command: coordinates,
            text: text,
            rank: 0
        )
    }

    private func entry(_ record: LedgerFact, _ names: Names) -> Entry {
        let coordinates = Coordinates(topic: ledgerTopic, partition: record.partition, offset: record.offset)
        var entry = Entry(time: record.time, kind: "state", coordinates: coordinates, text: "", rank: 3)
        switch record.record.content {
        case .intent(let fingerprint, let source, _):
            entry.kind = "intent"
            entry.command = command(record.partition, source)
            entry.text = "about to ask about \(names.name(fingerprint))"
            entry.rank = 1
        case .void(let fingerprint):
            entry.kind = "void"
            entry.text = "the intent about \(names.name(fingerprint)) is over"
        case .state(let codes, let isClosed):
            let words = codes.map { names.describe($0, in: record.partition) }
            entry.text = ([isClosed ? "closed: verified" : "open"] + words).joined(separator: "; ")
        case .notes(let notes):
            entry.kind = "notes"
            let words = notes.map { note in
                let id = note.note.commandID.map { " (\($0.visible()))" } ?? ""
                return "\(names.name(note.fingerprint)) got its outcome from the command at \(note.source)\(id)"
            }
            entry.text = words.joined(separator: "; ")
        case .unreadable: entry.text = "of another version, or damaged: the session is in doubt"
        }
        return entry
    }

    private func entry(_ result: ResultFact) -> Entry {
        let event = result.event
        var words = ["\(event.status.rawValue)/\(event.reason.rawValue)"]
        words.append(event.calls.counted("call"))
        if let status = event.httpStatus { words.append("HTTP \(status)") }
        if let code = event.code { words.append("return code \(code)") }
        if event.replayed { words.append("replayed") }
        if event.inDoubt { words.append("in doubt") }
        if event.retryable { words.append("retryable") }
        if result.undeliverable { words.append("undeliverable where it should have gone") }
        words.append("\(event.completedAt.milliseconds - event.receivedAt.milliseconds) ms by \(event.worker)")
        return Entry(
            time: result.time,
            kind: "result",
            coordinates: result.coordinates,
            command: event.source,
            text: words.joined(separator: ", "),
            rank: 4
        )
    }

    private func entry(_ letter: (fact: DeadLetterFact, coordinates: Coordinates)) -> Entry {
        Entry(
            time: letter.fact.time,
            kind: "dead letter",
            coordinates: letter.coordinates,
            command: letter.fact.source,
            text: letter.fact.reason,
            rank: 5
        )
    }

    private func entry(_ call: CallFact, _ names: Names) -> Entry {
        let name = call.question.map { names.name($0) } ?? "nothing readable"
        let answer = call.status.map { "HTTP \($0)" } ?? "no answer"
        let code = call.code.map { ", return code \($0)" } ?? ""
        let processed = call.processed ? "" : ", not processed"
        let text = "asked about \(name): \(answer)\(code)\(processed)"
        return Entry(time: call.time, kind: "call", coordinates: nil, text: text, rank: 2)
    }

    private func command(_ partition: Int32, _ offset: Int64) -> Coordinates {
        Coordinates(topic: commandTopic, partition: partition, offset: offset)
    }
}

/// Numbers for the codes of a session, from which nothing can be read but which are equal.
private struct Names {
    private(set) var questions: [Question: Int] = [:]
    private var fingerprints: [Fingerprint: Question] = [:]
    private var bySource: [Int32: [Int64: Question]] = [:]

    init(_ commands: [CommandFact], _ ledger: [LedgerFact]) {
        for command in commands.sorted(by: { ($0.time, $0.offset) < ($1.time, $1.offset) }) {
            guard case .usable(_, let question, _) = command.content else { continue }
            if questions[question] == nil { questions[question] = questions.count + 1 }
            bySource[command.partition, default: [:]][command.offset] = question
        }
        for record in ledger {
            guard case .intent(let fingerprint, let source, _) = record.record.content else { continue }
            fingerprints[fingerprint] = bySource[record.partition]?[source]
        }
    }

    func name(_ question: Question) -> String { questions[question].map { "code \($0)" } ?? "another code" }

    /// A fingerprint is known by the command that it was first written for.
    func name(_ fingerprint: Fingerprint) -> String { fingerprints[fingerprint].map { name($0) } ?? "another code" }

    func describe(_ state: CodeState, in partition: Int32) -> String {
        let question = bySource[partition]?[state.source] ?? fingerprints[state.fingerprint]
        var text = (question.map { name($0) } ?? "another code") + " "
        if let outcome = state.outcome {
            text += "\(outcome.reason.status.rawValue)/\(outcome.reason.rawValue) by the command at \(state.source)"
        } else {
            text += "no outcome"
        }
        return text + (state.isDoubtful ? ", in doubt" : "")
    }
}
