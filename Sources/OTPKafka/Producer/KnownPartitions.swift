/// What one producer knows of its topics' partitions.
///
/// librdkafka refuses a record for a partition that was added since it last heard of the topic, as if the record were at fault.
final class KnownPartitions: Sendable {
    /// How long a partition is looked for that no broker asked so far knows: each learns of it at its own time.
    static let spread = Duration.seconds(3)

    private let handle: ClientHandle
    private let counts = Monitor<[String: Int]>([:])

    init(_ handle: ClientHandle) {
        self.handle = handle
    }

    func refresh(_ topics: some Sequence<String>, until deadline: Deadline) {
        let found = handle.refresh(topics, until: deadline)
        counts.withLock { $0.merge(found) { $1 } }
    }

    /// Returns when the client knows the partition that the record names, or has looked for it long enough.
    func look(for record: OutgoingRecord, until deadline: Deadline) {
        guard let partition = record.partition else { return }
        let end = deadline.capped(at: Self.spread)
        while counts.withLock({ Int(partition) >= $0[record.topic] ?? 0 }), !end.hasPassed {
            refresh(CollectionOfOne(record.topic), until: end)
            guard counts.withLock({ Int(partition) >= $0[record.topic] ?? 0 }) else { return }
            handle.pause(until: end)
        }
    }
}
