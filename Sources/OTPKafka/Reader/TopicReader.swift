import CRdKafka

/// Reads a whole topic from now or from its beginning, committed records only, for a person or a tool that watches it.
///
/// It belongs to no group and commits nothing. One thread uses it.
package final class TopicReader: Sendable {
    private let handle: ClientHandle
    private let topic: String
    private let consumer: Monitor<SimpleConsumer?>
    private let reached: Monitor<[Int32: Int64]>

    package enum Start: Sendable {
        case beginning
        /// The end at the moment of ``TopicReader/init(_:topic:partitions:from:timeout:)``: what is written after it
        /// returned is read.
        case now
        /// By partition; those not named begin at their end.
        case offsets([Int32: Int64])
        /// Where another reader of all partitions had come to; those not named have been added since and begin at their beginning.
        case goingOn([Int32: Int64])
    }

    /// Where it began, by partition.
    package let starts: [Int32: Int64]

    /// Looks up where to start, and starts.
    ///
    /// `partitions` nil means all that the topic has; of each record what `selection` says is copied.
    package init(
        _ common: ClientProperties.Common,
        topic: String,
        partitions: [Int32]? = nil,
        from start: Start,
        _ selection: RecordSelection = .everything,
        timeout: Duration = .seconds(10)
    ) throws(KafkaError) {
        let deadline = Deadline(in: timeout)
        handle = try ClientHandle(.simpleConsumer, ClientProperties.reader(common), events: 0)
        let count = try partitions == nil ? handle.partitionCount(topic, until: deadline) : 0
        guard let count else { throw KafkaError("read", .unknownTopicOrPartition) }
        var offsets: [Int32: Int64] = [:]
        for partition in partitions ?? Array(0..<Int32(count)) {
            let marks = try handle.watermarks(TopicPartition(topic, partition), until: deadline)
            offsets[partition] =
                switch start {
                case .beginning: marks.low
                case .now: marks.high
                case .offsets(let given): given[partition] ?? marks.high
                case .goingOn(let given): given[partition] ?? marks.low
                }
        }
        self.topic = topic
        starts = offsets
        reached = Monitor(offsets)
        consumer = Monitor(try SimpleConsumer(handle, topic: topic, from: offsets, selection))
    }

    /// How many partitions it reads.
    package var partitionCount: Int { consumer.withLock { $0?.partitions.count ?? 0 } }

    /// Asks the cluster about the topic, and throws when it does not answer; not while another thread polls.
    package func reachCluster(timeout: Duration) throws(KafkaError) {
        _ = try handle.partitionCount(topic, until: Deadline(in: timeout))
    }

    /// How far each partition was read: behind its last record, or where it ended then.
    package var positions: [Int32: Int64] { reached.withLock { $0 } }

    /// Reads the partitions that were added to the topic since as well, from their beginning.
    ///
    /// Blocks while the cluster is asked; not while another thread polls.
    package func addPartitions(timeout: Duration) throws(KafkaError) {
        guard let consumer = consumer.withLock({ $0 }) else { throw KafkaError("read", .destroyed) }
        let count = try handle.partitionCount(topic, until: Deadline(in: timeout)) ?? 0
        for partition in 0..<Int32(count) where !consumer.partitions.contains(partition) {
            try consumer.add(partition)
        }
    }

    /// Waits for the first record, then takes what is there, up to `maximum`.
    ///
    /// May return early with nothing. Throws when a partition cannot be read.
    package func poll(timeout: Duration, maximum: Int = 1000) throws(KafkaError) -> [ConsumedRecord] {
        guard let consumer = consumer.withLock({ $0 }) else { throw KafkaError("read", .destroyed) }
        var records: [ConsumedRecord] = []
        let items = try consumer.next(until: Deadline(in: timeout), maximum: maximum)
        defer { note(items) }
        for item in items {
            switch item {
            case .record(let record): records.append(record)
            case .failure(_, _, let error) where !error.isTransient: throw error
            case .end, .failure: break
            }
        }
        return records
    }

    private func note(_ items: [SimpleConsumer.Item]) {
        guard !items.isEmpty else { return }
        reached.withLock { reached in
            for item in items {
                switch item {
                case .record(let record): reached[record.partition] = record.offset + 1
                case .end(let partition, let offset): reached[partition] = offset
                case .failure: break
                }
            }
        }
    }

    /// Whether a record or a partition's end comes within the limit: then the topic can be read.
    ///
    /// Throws when it never can.
    package func answers(within limit: Duration) throws(KafkaError) -> Bool {
        guard let consumer = consumer.withLock({ $0 }) else { throw KafkaError("read", .destroyed) }
        let deadline = Deadline(in: limit)
        while !deadline.hasPassed {
            for item in try consumer.next(until: deadline, maximum: 1) {
                guard case .failure(_, _, let error) = item else { return true }
                guard error.isTransient else { throw error }
            }
        }
        return false
    }

    /// Not while another thread polls.
    ///
    /// False when ending took longer; it then ends by itself.
    package func close(timeout: Duration) -> Bool {
        consumer.withLock { $0 = nil }
        return handle.destroy(within: timeout)
    }
}
