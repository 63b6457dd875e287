/// Collects a poll's events, with the records between two others in one.
///
/// It never changes their order.
struct EventBatch {
    private var events: [ConsumerEvent] = []
    private var records: [ConsumedRecord] = []
    private var topics = TopicNames()
    private(set) var recordCount = 0
    /// The offset after the last record of each partition.
    private(set) var positions: [TopicPartition: Int64] = [:]

    var hasEvents: Bool { !events.isEmpty }

    mutating func append(_ event: borrowing Event) {
        event.forEachMessage { message in
            records.append(message.record(&topics))
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

    mutating func flush() {
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
