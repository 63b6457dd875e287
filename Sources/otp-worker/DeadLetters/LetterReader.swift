import Contract
import Kafka
import Worker

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
            let place = TopicPartition(topics.deadLetters, number)
            let marks = try reader.highWatermark(place, timeout: Self.timeout)
            let start = try filter.since.map { try ends.start(place, marks, at: $0) } ?? marks.low
            try reader.read(place, from: start, to: marks.high, timeout: Self.patience) { records in
                for record in records {
                    guard let found = FoundLetter(record) else {
                        Console.complain("\(record): not a dead letter that this version can read")
                        continue
                    }
                    if filter.takes(found) { each(found) }
                }
            }
        }
    }

    /// The letter that lies at a place, or that is about the record there; nil when there is none.
    func letter(_ place: Coordinates) throws -> FoundLetter? {
        if place.topic == topics.deadLetters { return try record(at: place).flatMap { FoundLetter($0) } }
        var newest: FoundLetter?
        var filter = LetterFilter()
        filter.sources = [place]
        try letters(filter) { newest = $0 }
        return newest
    }

    /// The record at a place; nil when it is no longer kept.
    func record(at place: Coordinates) throws -> ConsumedRecord? {
        guard place.partition < counts[place.topic] ?? 0 else { return nil }
        let partition = TopicPartition(place.topic, place.partition)
        let marks = try reader.highWatermark(partition, timeout: Self.timeout)
        guard (marks.low..<marks.high).contains(place.offset) else { return nil }
        var found: ConsumedRecord?
        try reader.read(partition, from: place.offset, to: place.offset + 1, timeout: Self.timeout) { records in
            found = found ?? records.first { $0.offset == place.offset }
        }
        return found
    }

    /// Where the replays of these records lie: read from the records on to the end, since a replay goes to its original's partition.
    func replays(of sources: [Coordinates]) throws -> [Coordinates: Coordinates] {
        var first: [Int32: Int64] = [:]
        for source in sources where source.topic == topics.commands {
            first[source.partition] = min(first[source.partition] ?? .max, source.offset)
        }
        let names = Dictionary(sources.map { ($0.description, $0) }) { known, _ in known }
        var replays: [Coordinates: Coordinates] = [:]
        for (number, offset) in first.sorted(by: { $0.key < $1.key }) where number < counts[topics.commands] ?? 0 {
            let place = TopicPartition(topics.commands, number)
            let marks = try reader.highWatermark(place, timeout: Self.timeout)
            let start = max(marks.low, offset)
            try reader.read(place, from: start, to: marks.high, timeout: Self.patience) { records in
                for record in records {
                    guard let name = DeadLetter.replayed(by: record.headers), let source = names[name] else { continue }
                    replays[source] = AuditDecoding.place(record)
                }
            }
        }
        return replays
    }
}
