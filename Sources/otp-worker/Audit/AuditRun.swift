import OTPAudit
import OTPContract
import OTPKafka
import OTPWorker

/// Reads what the plan says and tells it to the audit: every partition in the order of its offsets, the partitions side by side by
/// time, and commands only as far as a result needs them.
struct AuditRun {
    private var audit: Audit
    private var commands: [Int32: StreamCursor<CommandFact>] = [:]
    private var others: [StreamCursor<AuditDecoding.Item>] = []
    private var heads: [WallTime?] = []
    private var journal: JournalReader?
    private var nextCall: CallFact?
    private let rules: AuditRules
    private let total: Int64
    private var bar = ProgressBar()
    private var told = 0

    init(_ plan: AuditPlan, _ settings: Settings, _ reader: RangeReader) throws {
        rules = plan.rules
        audit = Audit(plan.rules, plan.commands)
        journal = plan.journal
        total =
            plan.commands.values.reduce(0) { $0 + Int64($1.offsets.count) }
            + plan.others.values.reduce(0) { $0 + Int64($1.count) }
        let topics = settings.worker.topics
        let decoder = settings.worker.commands.decoder
        for (partition, stretch) in plan.commands {
            let topicPartition = TopicPartition(topics.commands, partition)
            let stream = RecordStream(reader, topicPartition, stretch.offsets) { AuditDecoding.command($0, decoder) }
            commands[partition] = StreamCursor(stream)
        }
        for (topicPartition, offsets) in plan.others.sorted(by: { "\($0.key)" < "\($1.key)" }) where !offsets.isEmpty {
            let stream = RecordStream(reader, topicPartition, offsets) { AuditDecoding.item($0, topics) }
            others.append(StreamCursor(stream))
        }
    }

    mutating func report() throws -> AuditReport {
        defer { bar.clear() }
        for index in others.indices { heads.append(try others[index].peek()?.time) }
        nextCall = try call()
        while try step() {}
        audit.resultsEnded()
        for partition in commands.keys.sorted() {
            while let item = try commands[partition]?.next() {
                audit.leftOver(item.fact)
                progress()
            }
        }
        audit.end()
        return audit.report
    }

    /// Tells the oldest of what comes next; false at the end.
    private mutating func step() throws -> Bool {
        var oldest: (index: Int, time: WallTime)?
        for (index, time) in heads.enumerated() {
            if let time, oldest.map({ time < $0.time }) ?? true { oldest = (index, time) }
        }
        if let call = nextCall, oldest.map({ call.time < $0.time }) ?? true {
            audit.call(call)
            nextCall = try self.call()
            return true
        }
        guard let (index, _) = oldest, let item = try others[index].next() else { return false }
        heads[index] = try others[index].peek()?.time
        try tell(item)
        progress()
        return true
    }

    private mutating func tell(_ item: RecordStream<AuditDecoding.Item>.Item) throws {
        switch item.fact {
        case .result(let fact):
            let source = fact.event.source
            if source.topic == rules.commandTopic {
                while let next = try commands[source.partition]?.peek(), next.offset <= source.offset {
                    audit.command(next.fact)
                    _ = try commands[source.partition]?.next()
                }
            }
            audit.result(fact)
        case .letter(let fact): audit.letter(fact)
        case .ledger(let fact): audit.ledger(fact)
        case .unreadable(let coordinates, let what): audit.unreadable(coordinates, at: item.time, what)
        }
    }

    /// The next call within the history.
    private mutating func call() throws -> CallFact? {
        while let call = try journal?.call() {
            if let from = rules.historyFrom, call.time < from { continue }
            return call
        }
        return nil
    }

    private mutating func progress() {
        told += 1
        guard told.isMultiple(of: 512) else { return }
        let done =
            commands.values.reduce(0) { $0 + $1.stream.position - $1.stream.offsets.lowerBound }
            + others.reduce(0) { $0 + $1.stream.position - $1.stream.offsets.lowerBound }
        bar.show(done, of: total, "\(told) records")
    }
}
