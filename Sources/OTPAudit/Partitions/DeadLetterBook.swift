import OTPContract

/// Brings the `invalid` results of one partition together with their dead letters, whichever is read first.
///
/// It keeps them for as long as ``PartitionWindow`` tells doubles, then judges them.
struct DeadLetterBook {
    private struct Entry {
        /// What the result said; nil while none did.
        var invalid: Reason?
        var session: SessionID?
        var time: WallTime
        var letters: [String] = []
        /// Rounds that have ended since it was first read of.
        var rounds = 0
    }

    private var entries: [Int64: Entry] = [:]
    private var oldest: Int64 = .max

    mutating func invalid(_ offset: Int64, _ reason: Reason, of session: SessionID?, at time: WallTime) {
        entries[offset, default: Entry(time: time)].invalid = reason
        entries[offset]?.session = session
        entries[offset]?.time = time
        oldest = min(oldest, offset)
    }

    mutating func letter(_ letter: DeadLetterFact) {
        let offset = letter.source.offset
        entries[offset, default: Entry(time: letter.time)].letters.append(letter.reason)
        oldest = min(oldest, offset)
    }

    /// Judges what lies before `offset`.
    mutating func judge(before offset: Int64, in topicPartition: (topic: String, partition: Int32)) -> [Finding] {
        // Looking through all of them is worth it only now and then.
        guard !entries.isEmpty, oldest < offset - PartitionWindow.window || offset == .max else { return [] }
        let due = entries.keys.filter { $0 < offset }.sorted()
        let findings = due.compactMap { offset in
            entries.removeValue(forKey: offset).flatMap { Self.finding($0, offset, in: topicPartition) }
        }
        oldest = entries.keys.min() ?? .max
        return findings
    }

    /// Judges what was here for a whole round: letter and result are written together, and if only one was there to be read, the
    /// other is read in the next round.
    mutating func roundEnded(in topicPartition: (topic: String, partition: Int32)) -> [Finding] {
        var findings: [Finding] = []
        for offset in entries.keys.sorted() {
            guard var entry = entries[offset] else { continue }
            entry.rounds += 1
            entries[offset] = entry.rounds > 1 ? nil : entry
            if entry.rounds > 1, let finding = Self.finding(entry, offset, in: topicPartition) {
                findings.append(finding)
            }
        }
        oldest = entries.keys.min() ?? .max
        return findings
    }

    /// A letter is written with its result: where none was read yet, none is due.
    mutating func forget(_ offset: Int64) {
        if entries[offset]?.invalid == nil { entries[offset] = nil }
    }

    /// Forgets letters whose results were not read, from `offset` on.
    mutating func forget(from offset: Int64) {
        for open in entries.keys where open >= offset { forget(open) }
    }

    private static func finding(
        _ entry: Entry,
        _ offset: Int64,
        in topicPartition: (topic: String, partition: Int32)
    ) -> Finding? {
        fault(entry).map { reason in
            Finding(
                .deadLetter,
                at: Coordinates(topic: topicPartition.topic, partition: topicPartition.partition, offset: offset),
                of: entry.session,
                time: entry.time,
                reason
            )
        }
    }

    private static func fault(_ entry: Entry) -> String? {
        guard let invalid = entry.invalid else { return "a dead letter, though its result is not `invalid`" }
        switch entry.letters.count {
        case 0: return "`invalid` (\(invalid.rawValue)) without a dead letter"
        case 1 where entry.letters == [invalid.rawValue]: return nil
        case 1: return "the result says \(invalid.rawValue), the dead letter another reason"
        default: return "\(entry.letters.count) dead letters"
        }
    }
}
