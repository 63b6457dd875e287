import ArgumentParser
import OTPAudit
import OTPContract
import OTPEngine
import OTPKafka
import OTPWorker

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Tells what happened to one session.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Tells what happened to one session, as a time line.",
        discussion: """
            Commands, what the ledger says (intents before calls, states after), results and dead letters, in the order of time. \
            With --journal, the sandbox's calls too. No code is shown: equal ones have one number; a phone number is masked. \
            It reads the topics whole, or from --since to --until.

            Examples:
              otp-worker explain 123456 --brokers localhost:9092
              otp-worker explain 123456 --since 2h --json
            """
    )

    @Argument(help: ArgumentHelp("The session.", valueName: "otp_session_id"))
    var session: String

    @OptionGroup var options: ConfigurationOptions

    @OptionGroup var range: TimeRange

    @Option(
        name: .long,
        help: ArgumentHelp("The sandbox's journal: its file, or its origin http://host:port.", valueName: "file|url")
    )
    var journal: String?

    @Flag(name: .long, help: "The time line as one JSON object.")
    var json = false

    func validate() throws {
        guard SessionID(session) != nil else {
            throw ValidationError("A session id has 1 to 256 bytes and no control characters.")
        }
    }

    func run() async throws {
        let settings = try options.settings(for: .client)
        guard let id = SessionID(session) else { return }
        let topics = settings.worker.topics
        let bounds = range.bounds
        var line = TimeLine(
            of: id,
            commands: topics.commands,
            ledger: topics.ledger,
            deadLetters: topics.deadLetters
        )
        for call in try await calls(of: id) where bounds.contains(call.time) { line.add(call) }
        try settings.talking { try read(id, settings, bounds, into: &line) }
        guard !line.isEmpty else {
            throw Failure(
                "no topic knows the session \(session)",
                remedy: "is it written exactly so, and are the topics' names right (--set topics.commands=…)?"
            )
        }
        if json {
            Console.write(json: TimeLineText.json(line))
        } else {
            for text in TimeLineText.lines(line, columns: Console.columns) { Console.write(text) }
        }
    }

    private func calls(of id: SessionID) async throws -> [CallFact] {
        guard let journal else { return [] }
        var reader = try await JournalReader.open(journal)
        var calls: [CallFact] = []
        while let call = try reader.call() {
            if call.session == id { calls.append(call) }
        }
        return calls
    }

    private func read(
        _ id: SessionID,
        _ settings: Settings,
        _ bounds: TimeRange.Bounds,
        into line: inout TimeLine
    ) throws {
        let topics = settings.worker.topics
        let replyTopics = settings.worker.replyTopics
        let counts = try TopicCheck.partitionCounts(topics.all, orNone: replyTopics, settings.common)
        let topicPartitions = (topics.all + replyTopics).map { name in
            (0..<Int32(counts[name] ?? 0)).map { TopicPartition(name, $0) }
        }
        let reader = try RangeReader(settings.readingMuch, batchSize: 1_000)
        let decoder = settings.worker.commands.decoder
        var sources: Set<Coordinates> = []
        let commands = try collect(reader, topicPartitions[0], bounds) { record -> CommandFact? in
            let fact = AuditDecoding.command(record, decoder)
            let session: SessionID? =
                switch fact.content {
                case .usable(let session, _, _): session
                case .unusable(_, let session): session
                }
            return session == id ? fact : nil
        }
        for command in commands {
            line.add(command)
            sources.insert(Coordinates(topic: topics.commands, partition: command.partition, offset: command.offset))
        }
        let known = sources
        let items = try collect(reader, Array(topicPartitions.dropFirst().joined()), bounds) { record -> Kept? in
            AuditDecoding.item(record, topics).flatMap { Self.isAbout(id, $0, known) ? Kept(item: $0, record) : nil }
        }
        for kept in items {
            switch kept.item {
            case .result(let fact): line.add(fact)
            case .ledger(let fact): line.add(fact)
            case .letter(let fact): line.add(fact, at: kept.coordinates)
            case .unreadable: break
            }
        }
    }

    private struct Kept: Sendable {
        var item: AuditDecoding.Item
        var coordinates: Coordinates

        init(item: AuditDecoding.Item, _ record: ConsumedRecord) {
            self.item = item
            coordinates = AuditDecoding.coordinates(of: record)
        }
    }

    private static func isAbout(_ id: SessionID, _ item: AuditDecoding.Item, _ sources: Set<Coordinates>) -> Bool {
        switch item {
        case .result(let fact): fact.event.sessionID == id || sources.contains(fact.event.source)
        case .ledger(let fact): fact.record.session == id
        case .letter(let fact): sources.contains(fact.source)
        case .unreadable: false
        }
    }

    /// What `choose` keeps of some partitions, each read on a thread of its own.
    private func collect<Fact: Sendable>(
        _ reader: RangeReader,
        _ topicPartitions: [TopicPartition],
        _ bounds: TimeRange.Bounds,
        _ choose: @escaping @Sendable (ConsumedRecord) -> Fact?
    ) throws -> [Fact] {
        let ends = TopicEnds(reader: reader)
        let marks = try ends.marks(topicPartitions)
        let ranges = try ends.inParallel(topicPartitions) { topicPartition -> Range<Int64> in
            guard let mark = marks[topicPartition] else { return 0..<0 }
            let start = try bounds.since.map { try ends.start(topicPartition, mark, at: $0) } ?? mark.low
            let end = try bounds.until.map { try ends.end(topicPartition, mark, at: $0) } ?? mark.high
            return start..<max(start, end)
        }
        let streams = topicPartitions.compactMap { topicPartition in
            ranges[topicPartition].flatMap { range in
                range.isEmpty
                    ? nil
                    : RecordStream(reader, topicPartition, range) { record in
                        bounds.contains(WallTime(milliseconds: record.timestamp ?? 0)) ? choose(record) : nil
                    }
            }
        }
        var facts: [Fact] = []
        for stream in streams {
            while let batch = try stream.next() { facts += batch.map(\.fact) }
        }
        return facts
    }
}
