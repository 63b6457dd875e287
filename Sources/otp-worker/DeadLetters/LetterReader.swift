import OTPContract
import OTPKafka
import OTPWorker

/// Reads dead letters, and the records that they are about where these still are.
///
/// It belongs to no group and writes nothing. Its calls block; one thread uses it.
struct LetterReader {
    private let reader: RangeReader
    private let topics: WorkerConfiguration.Topics
    private let counts: [String: Int]

    /// Reading a partition may take this long.
    private static let patience = Duration.seconds(3_600)
    private static let timeout = Duration.seconds(30)

    init(_ settings: Settings) throws {
        topics = settings.worker.topics
        counts = try TopicCheck.partitionCounts([topics.deadLetters, topics.commands], settings.common)
        reader = try RangeReader(settings.readingMuch, batchSize: 1_000)
    }

    func close() {
        _ = reader.close(timeout: .seconds(2))
    }

    /// Hands out every letter that the filter takes, partition by partition, in the order of writing.
    func letters(_ filter: LetterFilter, each: (FoundLetter) -> Void) throws {
        let ends = TopicEnds(reader: reader)
        for number in 0..<Int32(counts[topics.deadLetters] ?? 0) {
            let topicPartition = TopicPartition(topics.deadLetters, number)
            let marks = try reader.highWatermark(topicPartition, timeout: Self.timeout)
            let start = try filter.since.map { try ends.start(topicPartition, marks, at: $0) } ?? marks.low
            try reader.read(topicPartition, from: start, to: marks.high, timeout: Self.patience) { records in
                for record in records {
                    guard let found = FoundLetter(record) else {
                        Console.printError("\(record): not a dead letter that this version can read")
                        continue
                    }
                    if filter.matches(found) { each(found) }
                }
            }
        }
    }

    /// The letter that lies at these coordinates, or that is about the record there; nil when there is none.
    func letter(_ coordinates: Coordinates) throws -> FoundLetter? {
        if coordinates.topic == topics.deadLetters { return try record(at: coordinates).flatMap { FoundLetter($0) } }
        var newest: FoundLetter?
        var filter = LetterFilter()
        filter.sources = [coordinates]
        try letters(filter) { newest = $0 }
        return newest
    }

    /// The record at these coordinates; nil when it is no longer kept.
    func record(at coordinates: Coordinates) throws -> ConsumedRecord? {
        guard (0..<Int32(counts[coordinates.topic] ?? 0)).contains(coordinates.partition) else { return nil }
        let partition = TopicPartition(coordinates.topic, coordinates.partition)
        let marks = try reader.highWatermark(partition, timeout: Self.timeout)
        guard (marks.low..<marks.high).contains(coordinates.offset) else { return nil }
        var found: ConsumedRecord?
        try reader.read(partition, from: coordinates.offset, to: coordinates.offset + 1, timeout: Self.timeout) {
            records in
            found = found ?? records.first { $0.offset == coordinates.offset }
        }
        return found
    }

    /// Partitions of the commands.
    var commandPartitions: Int { counts[topics.commands] ?? 0 }

    /// Where the replays of these records lie: read from the records on to the end.
    ///
    /// What says that it repeats one of them is believed where it has the record's key and value: any producer can say so.
    /// All letters are to be about records of the commands.
    func replays(of letters: [FoundLetter]) throws -> [Coordinates: Coordinates] {
        var first: [Int32: Int64] = [:]
        var contents: [Coordinates: Int?] = [:]
        for letter in letters {
            let source = letter.letter.source
            first[source.partition] = min(first[source.partition] ?? .max, source.offset)
            contents[source] = .some(nil)
        }
        var replays: [Coordinates: Coordinates] = [:]
        for (number, offset) in first.sorted(by: { $0.key < $1.key }) {
            let topicPartition = TopicPartition(topics.commands, number)
            let marks = try reader.highWatermark(topicPartition, timeout: Self.timeout)
            let start = max(marks.low, offset)
            try reader.read(topicPartition, from: start, to: marks.high, timeout: Self.patience) { records in
                for record in records {
                    let coordinates = AuditDecoding.coordinates(of: record)
                    if contents[coordinates] != nil { contents[coordinates] = Self.content(of: record) }
                    guard let original = DeadLetter.original(namedBy: record.headers, at: coordinates),
                        let content = contents[original],
                        // Of one that is no longer kept nothing can be replayed, so nothing hangs on it.
                        content == nil || content == Self.content(of: record)
                    else { continue }
                    replays[original] = coordinates
                }
            }
        }
        return replays
    }

    /// How often the record was replayed before: each replay's original is there, has its key and value, and comes before it.
    func replays(before record: ConsumedRecord, atMost limit: Int) throws -> Int {
        var current = record
        for count in 0..<limit {
            let coordinates = AuditDecoding.coordinates(of: current)
            guard let original = DeadLetter.original(namedBy: current.headers, at: coordinates),
                let before = try self.record(at: original), before.key == current.key, before.value == current.value
            else { return count }
            current = before
        }
        return limit
    }

    private static func content(of record: ConsumedRecord) -> Int {
        var hasher = Hasher()
        hasher.combine(record.key)
        hasher.combine(record.value)
        return hasher.finalize()
    }
}
