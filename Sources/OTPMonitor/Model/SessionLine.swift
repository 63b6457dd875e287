package import OTPContract

/// What the monitor has seen of one session, in the order of time, as `explain` tells it.
package struct SessionLine: Equatable, Sendable {
    package struct Entry: Equatable, Sendable {
        package var time: WallTime
        /// `read`, `result` or `dead letter`.
        package var kind: String
        /// Partition and offset of the command.
        package var command: String
        package var text: String
        package var isTroubled = false
    }

    /// Results that are told of one session.
    package static let maximum = 200

    package var entries: [Entry]
    package var summary: String

    /// Nil when nothing of the session is remembered.
    package init?(of session: SessionID, in monitor: FleetMonitor) {
        var seen: [String: SeenResult] = [:]
        let isIt = { (result: SeenResult) in result.session == session }
        let all = monitor.results.newest(Self.maximum, where: isIt) + monitor.troubled.newest(Self.maximum, where: isIt)
        for result in all { seen[Self.coordinates(result.partition, result.offset)] = result }
        let letters = monitor.letters.newest(Self.maximum) { $0.session == session }
        guard !seen.isEmpty || !letters.isEmpty else { return nil }
        let results = seen.values.sorted { ($0.completedAt, $0.offset) < ($1.completedAt, $1.offset) }
        entries = (results.flatMap(Self.entries) + letters.map(Self.entry)).enumerated()
            .sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
        summary = Self.summary(results, letters)
    }

    private static func summary(_ results: [SeenResult], _ letters: [SeenLetter]) -> String {
        var words = ["\(results.count) result\(results.count == 1 ? "" : "s")"]
        if !letters.isEmpty { words.append("\(letters.count) dead letter\(letters.count == 1 ? "" : "s")") }
        words.append(results.contains { $0.status == .verified } ? "verified" : "not verified")
        if results.contains(where: \.inDoubt) { words.append("in doubt for a time") }
        if Set(results.map(\.partition)).count > 1 {
            words.append("in several partitions, so that nothing is promised about it")
        }
        return words.joined(separator: ", ")
    }

    private static func entries(_ result: SeenResult) -> [Entry] {
        let coordinates = coordinates(result.partition, result.offset)
        var words = ["\(result.status.rawValue)/\(result.reason.rawValue)"]
        words.append("\(result.calls) call\(result.calls == 1 ? "" : "s")")
        if let status = result.httpStatus { words.append("HTTP \(status)") }
        if let code = result.code { words.append("return code \(code)") }
        if result.replayed { words.append("replayed") }
        if result.inDoubt { words.append("in doubt") }
        if result.retryable { words.append("retryable") }
        words.append("\(result.milliseconds) ms by \(result.worker)")
        return [
            Entry(time: result.receivedAt, kind: "read", command: coordinates, text: "a worker read the command"),
            Entry(
                time: result.completedAt,
                kind: "result",
                command: coordinates,
                text: words.joined(separator: ", "),
                isTroubled: result.isTroubled
            ),
        ]
    }

    private static func entry(_ letter: SeenLetter) -> Entry {
        let replays = letter.replays > 0 ? ", replayed \(letter.replays) times before" : ""
        return Entry(
            time: letter.time,
            kind: "dead letter",
            command: coordinates(letter.partition, letter.offset),
            text: letter.reason.rawValue + replays,
            isTroubled: true
        )
    }

    static func coordinates(_ partition: Int32, _ offset: Int64) -> String { "\(partition)/\(offset)" }
}

extension SessionID {
    /// As it is shown: one that is a phone number, masked.
    var shown: String { PhoneNumber(normalising: text)?.masked ?? text }

    /// Whether it may stand in an address.
    var isShownWhole: Bool { PhoneNumber(normalising: text) == nil }
}
