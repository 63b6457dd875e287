import CRdKafka

/// Reads one partition up to an offset, as often as asked: what a worker does to restore its ledger.
///
/// It sees committed records only, belongs to no group and commits nothing. Its calls block; one thread uses it.
package final class LedgerReader: Sendable {
    let committed: ClientHandle
    private let batchSize: Int

    /// How far a read has come.
    package struct Progress: Equatable, Sendable {
        /// Every offset before this one was read or holds nothing to read.
        package var position: Int64
        package var target: Int64

        package init(position: Int64, target: Int64) {
            self.position = position
            self.target = target
        }
    }

    package init(_ common: ClientProperties.Common, batchSize: Int = 2000) throws(KafkaError) {
        committed = try ClientHandle(.simpleConsumer, ClientProperties.reader(common), events: 0)
        self.batchSize = batchSize
    }

    /// What keeps a read from its end: everything before `position` was read, and what is after it is not decided.
    package struct StableEnd: Equatable, Sendable {
        package var position: Int64
        /// How long the partition's stable end has stood there.
        package var stoodFor: Duration

        package init(position: Int64, stoodFor: Duration) {
            self.position = position
            self.stoodFor = stoodFor
        }
    }

    /// The topic's partitions that somebody leads, as the cluster says; blocks.
    package func led(_ topic: String, timeout: Duration) throws(KafkaError) -> Set<Int32> {
        let states = try committed.partitionStates(topic, until: Deadline(in: timeout)) ?? []
        return Set(states.indices.filter { states[$0].leader != nil }.map { Int32($0) })
    }

    /// The partition's first offset and its last stable one, as its leader says; blocks.
    package func watermarks(_ partition: TopicPartition, timeout: Duration) throws(KafkaError) -> Watermarks {
        try committed.watermarks(partition, until: Deadline(in: timeout))
    }

    /// The last stable offset of each partition whose leader says one, by one question to each broker; blocks.
    package func ends(
        _ partitions: [TopicPartition],
        timeout: Duration
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        guard let topic = partitions.first?.topic else { return [:] }
        let deadline = Deadline(in: timeout)
        // Leaders are taken from what the client last heard.
        _ = try committed.partitionCount(topic, until: deadline)
        return try committed.stableEnds(partitions, timeout: deadline.remaining)
    }

    /// Hands out every committed record from `start` on (nil: from the first that is kept) through the offset `barrier`: until all
    /// before it is decided and was read, whatever any broker says of the partition's end.
    ///
    /// A record was acknowledged at `barrier` before, so a broker whose log does not hold it is not the leader: it is read on
    /// from the one that is. An open transaction before the barrier is waited for: `onStall` is called once for each position at
    /// which the stable end has stood, before the barrier, for `patience`. Blocks.
    /// - Returns: the position reached, beyond `barrier`.
    /// - Throws: `_TIMED_OUT` when it takes too long, and `OFFSET_OUT_OF_RANGE`, as a transient error, when records begin again
    ///   below what was read: what was handed out then belongs to another log.
    @discardableResult
    package func read(
        _ partition: TopicPartition,
        from start: Int64?,
        through barrier: Int64,
        patience: Duration = .seconds(1),
        timeout: Duration,
        onBatch: ([ConsumedRecord]) -> Void,
        onProgress: (Progress) -> Void = { _ in },
        onStall: (StableEnd) -> Void = { _ in }
    ) throws(KafkaError) -> Int64 {
        let deadline = Deadline(in: timeout)
        _ = try committed.partitionCount(partition.topic, until: deadline)
        let consumer = try SimpleConsumer(
            committed,
            topic: partition.topic,
            from: [partition.partition: start ?? Int64(RD_KAFKA_OFFSET_BEGINNING)]
        )
        var reading = Reading(partition, position: start ?? 0, patience: patience)
        while reading.position <= barrier {
            if deadline.hasPassed { throw reading.timedOut(before: barrier, timeout) }
            let wait = deadline.capped(at: min(patience / 2, .milliseconds(500)))
            let records = try reading.advance(past: try consumer.next(until: wait, maximum: batchSize))
            if !records.isEmpty { onBatch(records) }
            onProgress(Progress(position: reading.position, target: barrier + 1))
            if reading.position <= barrier, let stall = reading.stalled() { onStall(stall) }
        }
        return reading.position
    }

    /// False when ending took longer; it then ends by itself.
    package func close(timeout: Duration) -> Bool { committed.destroy(within: timeout) }
}

/// How far one read has come, and since when it has come no further.
private struct Reading {
    let partition: TopicPartition
    let patience: Duration
    /// Every offset before this one was read or holds nothing to read.
    private(set) var position: Int64
    /// When all before the stable end had been read; nil while that is not so, or once it was told.
    private var standsSince: ContinuousClock.Instant?

    init(_ partition: TopicPartition, position: Int64, patience: Duration) {
        self.partition = partition
        self.position = position
        self.patience = patience
    }

    mutating func advance(past items: [SimpleConsumer.Item]) throws(KafkaError) -> [ConsumedRecord] {
        var records: [ConsumedRecord] = []
        for item in items {
            switch item {
            case .record(let record):
                try move(to: record.offset)
                position = record.offset + 1
                standsSince = nil
                records.append(record)
            case .end(_, let offset):
                try move(to: offset)
                position = offset
                standsSince = .now
            case .failure(_, _, let error):
                // Not every broker knows an added partition at once.
                if !error.isTransient, error.code != .unknownPartition { throw error }
            }
        }
        return records
    }

    private func move(to offset: Int64) throws(KafkaError) {
        guard offset < position else { return }
        throw KafkaError(
            "read",
            .offsetOutOfRange,
            reason: "\(partition) goes on at offset \(offset) after it was read to \(position)",
            isRetriable: true
        )
    }

    mutating func stalled() -> LedgerReader.StableEnd? {
        guard let since = standsSince, .now - since >= patience else { return nil }
        standsSince = nil
        return LedgerReader.StableEnd(position: position, stoodFor: .now - since)
    }

    func timedOut(before barrier: Int64, _ timeout: Duration) -> KafkaError {
        let reason = "\(partition) was read to offset \(position) of \(barrier + 1) in \(timeout)"
        return KafkaError("read", .timedOut, reason: reason)
    }
}
