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

/// Which stretches of which partitions an audit reads, fixed before it reads.
///
/// Ends are taken in this order: results, and once every transaction before them is decided, dead letters and ledger, then the
/// journal, then commands. So whatever a result rests on lies before the other ends, and a fleet may go on working meanwhile.
struct AuditPlan {
    struct Request {
        var since: WallTime?
        var until: WallTime?
        var partitions: [Int32]?
        var journal: String?
    }

    var rules: AuditRules
    var commands: [Int32: Audit.Stretch] = [:]
    /// Results, dead letters and ledger.
    var others: [TopicPartition: Range<Int64>] = [:]
    var journal: JournalReader?
    /// What the reader of the report should know.
    var notes: [String] = []

    private let topics: WorkerConfiguration.Topics
    private let replyTopics: [String]
    private let ends: TopicEnds

    static func make(_ request: Request, _ settings: Settings, _ reader: RangeReader) async throws -> AuditPlan {
        let topics = settings.worker.topics
        let names = topics.all
        let counts = try settings.talking {
            try TopicCheck.partitionCounts(names, orNone: settings.worker.replyTopics, settings.common)
        }
        let all = Array(0..<Int32(counts[topics.commands] ?? 0))
        let audited = request.partitions ?? all
        if let unknown = audited.first(where: { !all.contains($0) }) {
            throw Failure(
                "--partitions: \(topics.commands) has the partitions 0 to \(all.count - 1), not \(unknown)",
                isConfiguration: true
            )
        }
        var plan = AuditPlan(settings, reader)
        plan.rules.isPartial = audited.count < all.count
        let results = ([topics.results] + settings.worker.replyTopics).flatMap { topic in
            (0..<Int32(counts[topic] ?? 0)).map { TopicPartition(topic, $0) }
        }
        let letters = Array(0..<Int32(counts[topics.deadLetters] ?? 0)).map { TopicPartition(topics.deadLetters, $0) }
        let ledger = audited.filter { $0 < counts[topics.ledger] ?? 0 }.map { TopicPartition(topics.ledger, $0) }

        var marks = try settings.talking {
            let marks = try plan.ends.marks(results)
            try plan.ends.waitForOpenTransactions(before: marks)
            return marks
        }
        plan.rules.now = WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        try settings.talking {
            for (topicPartition, mark) in try plan.ends.marks(letters + ledger) { marks[topicPartition] = mark }
        }
        if let journal = request.journal { try await plan.openJournal(journal) }
        try settings.talking {
            for (topicPartition, mark) in try plan.ends.marks(audited.map { TopicPartition(topics.commands, $0) }) {
                marks[topicPartition] = mark
            }
            try plan.limit(request, marks)
            try plan.cut(marks)
        }
        return plan
    }

    private init(_ settings: Settings, _ reader: RangeReader) {
        topics = settings.worker.topics
        replyTopics = settings.worker.replyTopics
        ends = TopicEnds(reader: reader)
        rules = AuditRules(commandTopic: topics.commands, now: WallTime(milliseconds: 0))
        rules.maximumAge = settings.worker.commands.maximumAge
        rules.sessionTimeout = settings.worker.kafka.sessionTimeout
        rules.retention = settings.worker.ledger.retention
        rules.maximumCodes = settings.worker.ledger.maximumCodesPerSession
        rules.limitsPhones = settings.worker.ledger.maximumWrongCodesPerPhone > 0
    }

    private mutating func openJournal(_ source: String) async throws {
        journal = try await JournalReader.open(source)
        var copy = journal
        rules.hasJournal = true
        if let first = try copy?.call(), first.sequence > 1 {
            rules.journalFrom = first.time
            notes.append("the journal begins with call \(first.sequence): earlier sessions are not held against it")
        }
    }

    // MARK: Times

    /// Decides what is judged: what the request says, and no more than the topics still hold.
    private mutating func limit(_ request: Request, _ marks: [TopicPartition: Watermarks]) throws {
        let isShortened = { (topic: String) in marks.filter { $0.key.topic == topic && $0.value.low > 0 } }
        rules.since = request.since
        rules.until = request.until
        for topic in [topics.results, topics.deadLetters] + replyTopics {
            let kept = try oldest(isShortened(topic))
            guard let kept else { continue }
            let from = WallTime(milliseconds: kept.milliseconds + rules.maximumAge.milliseconds + 60_000)
            if rules.since.map({ $0 < from }) ?? true {
                rules.since = from
                notes.append("\(topic) holds nothing older than \(kept.iso8601): judged from \(from.iso8601) on")
            }
        }
        rules.ledgerFrom = try oldest(isShortened(topics.ledger))
        if let since = rules.since {
            rules.historyFrom = WallTime(milliseconds: since.milliseconds - rules.retention.milliseconds - 60_000)
        } else {
            rules.historyFrom = try oldest(isShortened(topics.commands))
        }
    }

    /// The time from which on all of these partitions are whole; nil when all are whole from their beginning.
    private func oldest(_ marks: [TopicPartition: Watermarks]) throws -> WallTime? {
        let times = try ends.inParallel(Array(marks.keys)) { [ends] topicPartition in
            try marks[topicPartition].flatMap { try ends.time(topicPartition, at: $0.low, before: $0.high) }
        }
        return times.values.compactMap { $0 }.max()
    }

    private mutating func cut(_ marks: [TopicPartition: Watermarks]) throws {
        let slack: Int64 = 60_000
        let from = rules.since.flatMap { _ in rules.historyFrom }
        let until = rules.until
        // An answer that comes later than this after the range is not waited for.
        let after = rules.maximumAge.milliseconds + rules.retention.milliseconds + slack
        let (ends, topics) = (ends, topics)
        let ranges = try ends.inParallel(Array(marks.keys)) { topicPartition -> Range<Int64> in
            guard let mark = marks[topicPartition] else { return 0..<0 }
            let first = try from.map { try ends.start(topicPartition, mark, at: $0) } ?? mark.low
            let extra = topicPartition.topic == topics.commands ? slack : after
            let last =
                try until.map {
                    try ends.end(topicPartition, mark, at: WallTime(milliseconds: $0.milliseconds + extra))
                } ?? mark.high
            return first..<max(first, last)
        }
        for (topicPartition, range) in ranges {
            if topicPartition.topic == topics.commands {
                let isCut = range.upperBound < marks[topicPartition]?.high ?? 0
                commands[topicPartition.partition] = Audit.Stretch(range, isCut: isCut)
            } else {
                others[topicPartition] = range
            }
        }
        if let until, until.milliseconds + after < rules.now.milliseconds {
            rules.now = WallTime(milliseconds: until.milliseconds + after)
        }
    }
}
