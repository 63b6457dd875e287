/// Collects a poll's events, with the records between two others in one.
///
/// It never changes their order.
struct EventBatch {
    private var events: [ConsumerEvent] = []
    private var records: [ConsumedRecord] = []
    private var topics = TopicNames()
    private let selection: RecordSelection
    private(set) var recordCount = 0
    /// Bytes of memory that the records take, about.
    private(set) var bytes = 0
    private var positions: [TopicPartition: Int64] = [:]

    init(_ selection: RecordSelection) { self.selection = selection }

    var hasEvents: Bool { !events.isEmpty }

    mutating func append(_ event: borrowing Event) {
        event.forEachMessage { message in
            let record = message.record(&topics, selection)
            bytes += record.bytes
            records.append(record)
            recordCount += 1
        }
    }

    mutating func append(_ event: ConsumerEvent) {
        flush()
        events.append(event)
    }

    mutating func finish() -> [ConsumerEvent] {
        flush()
        return events
    }

    /// The offset after the last record of each partition, of those that came since this was asked last.
    mutating func newPositions() -> [TopicPartition: Int64] {
        flush()
        defer { positions = [:] }
        return positions
    }

    private mutating func flush() {
        guard !records.isEmpty else { return }
        for (index, record) in records.enumerated() {
            // Records come in runs of one partition: only the last of a run is looked at.
            let next = index + 1
            guard
                next == records.endIndex || records[next].partition != record.partition
                    || records[next].topic != record.topic
            else { continue }
            positions[record.topicPartition] = record.offset + 1
        }
        events.append(.records(records))
        records = []
    }
}
