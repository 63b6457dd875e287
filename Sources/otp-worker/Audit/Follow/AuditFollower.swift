import Foundation
import OTPAudit
import OTPContract
import OTPKafka
import OTPWorker

/// Follows the topics of a fleet round by round and tells the audit what is new in them.
///
/// A round takes the ends in the order of ``AuditPlan``, so that whatever a result rests on lies before the other ends; what was told is
/// judged then. A round that fails judges nothing, and the next one goes on where it was: no record is told twice. Its calls block; one
/// thread uses it.
struct AuditFollower {
    /// The topics are not those that were read: memory and topics do not fit each other any more.
    struct HistoryLost: Error, CustomStringConvertible {
        var description: String
    }

    private struct Ends {
        var now: WallTime
        /// Results, dead letters and ledger.
        var others: [TopicPartition: Int64]
        var commands: [Int32: Int64]
    }

    /// What the reader of the log should know: that less is judged than was asked for, and why.
    let notes: [String]
    private var audit: Audit
    private var positions: [TopicPartition: Int64]
    private var feeds: [Int32: CommandFeed] = [:]
    private var counts: [String: Int] = [:]
    private var countsDue = ContinuousClock.now
    private let settings: Settings
    private let reader: RangeReader
    private let ends: TopicEnds

    private static let growth = Duration.seconds(30)
    /// For the ends of all partitions of a kind: what a crash left open is decided before.
    private static let patience = Duration.seconds(30)

    /// Findings about what is older than `since` are not reported; what came up to `ledger.retention` before is read, to know it.
    init(_ settings: Settings, since: WallTime, limit: Int) async throws {
        let reader = try settings.talking { try RangeReader(settings.readingMuch, batchSize: 1_000) }
        let plan = try await AuditPlan.make(AuditPlan.Request(since: since), settings, reader)
        self.settings = settings
        self.reader = reader
        notes = plan.notes
        ends = TopicEnds(reader: reader, limit: Self.patience)
        audit = Audit(following: plan.rules, from: plan.commands.mapValues(\.offsets.lowerBound), limit: limit)
        positions = plan.others.mapValues(\.lowerBound)
        for (partition, stretch) in plan.commands { feed(partition, from: stretch.offsets.lowerBound) }
    }

    var counted: AuditReport.Counts { audit.report.counts }
    var offences: [AuditCheck: Int] { audit.report.offences }
    var held: Int { audit.held }
    var forgotten: Int { audit.forgotten }

    /// Tells what has come since the last round, and returns what is found: of each check the first ones.
    ///
    /// `beat` is called over and over while it gets on.
    mutating func round(_ beat: () -> Void) throws -> [Finding] {
        try findPartitions()
        let ends = try readEnds(beat)
        audit.roundBegan(at: ends.now)
        try tell(ends, beat)
        return audit.roundEnded()
    }

    private mutating func feed(_ partition: Int32, from offset: Int64) {
        let topicPartition = TopicPartition(settings.worker.topics.commands, partition)
        feeds[partition] = CommandFeed(reader, topicPartition, from: offset, settings.worker.commands.decoder)
    }

    // MARK: Partitions and ends

    /// Partitions that were added are read from their beginning.
    private mutating func findPartitions() throws {
        guard ContinuousClock.now >= countsDue else { return }
        let topics = settings.worker.topics
        let replies = settings.worker.replyTopics
        counts = try TopicCheck.partitionCounts(topics.all, orNone: replies, settings.common)
        countsDue = .now + Self.growth
        for topic in [topics.results, topics.deadLetters, topics.ledger] + replies {
            for partition in 0..<Int32(counts[topic] ?? 0) where positions[TopicPartition(topic, partition)] == nil {
                positions[TopicPartition(topic, partition)] = 0
            }
        }
        for partition in 0..<Int32(counts[topics.commands] ?? 0) where feeds[partition] == nil {
            feed(partition, from: 0)
            audit.add(partition)
        }
    }

    private func readEnds(_ beat: () -> Void) throws -> Ends {
        let topics = settings.worker.topics
        let isResult = { (topicPartition: TopicPartition) in
            topicPartition.topic != topics.deadLetters && topicPartition.topic != topics.ledger
        }
        let results = try ends.marks(positions.keys.filter(isResult))
        beat()
        try ends.waitForOpenTransactions(
            before: results.filter { topicPartition, marks in marks.high > positions[topicPartition] ?? 0 }
        )
        beat()
        let now = WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        let others = try ends.marks(positions.keys.filter { !isResult($0) })
        beat()
        let commands = try ends.marks(feeds.keys.map { TopicPartition(topics.commands, $0) })
        for (topicPartition, marks) in results.merging(others, uniquingKeysWith: { first, _ in first }) {
            try Self.check(topicPartition, marks, readTo: positions[topicPartition] ?? 0)
        }
        for (topicPartition, marks) in commands {
            try Self.check(topicPartition, marks, readTo: feeds[topicPartition.partition]?.readTo ?? 0)
        }
        return Ends(
            now: now,
            others: results.merging(others, uniquingKeysWith: { first, _ in first }).mapValues(\.high),
            commands: Dictionary(uniqueKeysWithValues: commands.map { ($0.partition, $1.high) })
        )
    }

    private static func check(
        _ topicPartition: TopicPartition,
        _ marks: Watermarks,
        readTo position: Int64
    ) throws(HistoryLost) {
        if marks.high < position {
            throw HistoryLost(
                description: "\(topicPartition) ends at \(marks.high), before what was read: was the topic made again?"
            )
        }
        if marks.low > position {
            throw HistoryLost(
                description: "\(topicPartition) has lost records from \(position) on before they were read"
            )
        }
    }

    // MARK: Telling

    private mutating func tell(_ ends: Ends, _ beat: () -> Void) throws {
        let topics = settings.worker.topics
        let news = ends.others.filter { topicPartition, end in positions[topicPartition] ?? 0 < end }
        var cursors = news.sorted { "\($0.key)" < "\($1.key)" }.map { topicPartition, end in
            StreamCursor(
                RecordStream(reader, topicPartition, (positions[topicPartition] ?? 0)..<end) {
                    AuditDecoding.item($0, topics)
                }
            )
        }
        defer { for cursor in cursors { cursor.stream.cancel() } }
        var times: [WallTime?] = []
        for index in cursors.indices { times.append(try cursors[index].peek()?.time) }
        while let index = Self.oldest(times), let item = try cursors[index].next() {
            try tell(item, ends)
            positions[cursors[index].stream.topicPartition] = item.offset + 1
            times[index] = try cursors[index].peek()?.time
            beat()
        }
        for (topicPartition, end) in news { positions[topicPartition] = end }
        // Those that wait for their answers, too.
        for (partition, end) in ends.commands {
            try tellCommands(of: partition, before: min(end, audit.commandLimit(of: partition)))
            beat()
        }
    }

    private static func oldest(_ times: [WallTime?]) -> Int? {
        var oldest: (index: Int, time: WallTime)?
        for (index, time) in times.enumerated() {
            if let time, oldest.map({ time < $0.time }) ?? true { oldest = (index, time) }
        }
        return oldest?.index
    }

    private mutating func tell(_ item: RecordStream<AuditDecoding.Item>.Item, _ ends: Ends) throws {
        switch item.fact {
        case .result(let fact):
            let source = fact.event.source
            if source.topic == settings.worker.topics.commands, let end = ends.commands[source.partition] {
                try tellCommands(of: source.partition, before: min(end, source.offset + 1))
            }
            audit.result(fact)
        case .letter(let fact): audit.letter(fact)
        case .ledger(let fact): audit.ledger(fact)
        case .unreadable(let coordinates, let what): audit.unreadable(coordinates, at: item.time, what)
        }
    }

    private mutating func tellCommands(of partition: Int32, before end: Int64) throws {
        while let command = try feeds[partition]?.peek(before: end) {
            audit.command(command)
            feeds[partition]?.removeFirst()
        }
    }
}
