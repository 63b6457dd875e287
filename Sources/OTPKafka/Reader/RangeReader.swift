import CRdKafka

/// Reads stretches of partitions, each up to an offset: for tools that look at what lies there, once.
///
/// It sees committed records only, belongs to no group and commits nothing. Its calls block; one thread uses it.
package final class RangeReader: Sendable {
    private let committed: ClientHandle
    private let uncommitted: ClientHandle
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
        uncommitted = try ClientHandle(
            .simpleConsumer,
            ClientProperties.reader(common, isolation: .readUncommitted),
            events: 0
        )
        self.batchSize = batchSize
    }

    /// The partition's first offset and its true end: what an open transaction has written counts, since it may yet be
    /// committed.
    package func highWatermark(_ partition: TopicPartition, timeout: Duration) throws(KafkaError) -> Watermarks {
        try uncommitted.watermarks(partition, until: Deadline(in: timeout))
    }

    /// Hands out every committed record from `start` on until all before `target` are decided and were read: an open
    /// transaction before it is waited for.
    ///
    /// Markers, aborted records and compacted tails occupy offsets, so the last record may be long before the target.
    /// Returns the position reached.
    ///
    /// An offset that is no longer kept means the first one that is. Throws `_TIMED_OUT` when it takes too long.
    @discardableResult
    package func read(
        _ partition: TopicPartition,
        from start: Int64,
        to target: Int64,
        timeout: Duration,
        onBatch: ([ConsumedRecord]) -> Void,
        onProgress: (Progress) -> Void = { _ in }
    ) throws(KafkaError) -> Int64 {
        guard start < target else { return start }
        let deadline = Deadline(in: timeout)
        let consumer = try SimpleConsumer(committed, topic: partition.topic, from: [partition.partition: start])
        var position = start
        while position < target {
            guard !deadline.hasPassed else {
                throw KafkaError(
                    "read",
                    .timedOut,
                    reason: "\(partition) was read to offset \(position) of \(target) in \(timeout)"
                )
            }
            var records: [ConsumedRecord] = []
            for item in try consumer.next(until: deadline, maximum: batchSize) {
                switch item {
                case .record(let record):
                    position = max(position, record.offset + 1)
                    records.append(record)
                case .end(_, let offset):
                    position = max(position, offset)
                case .failure(_, _, let error):
                    if !error.isTransient { throw error }
                }
            }
            if !records.isEmpty { onBatch(records) }
            onProgress(Progress(position: position, target: target))
        }
        return position
    }

    /// False when ending took longer; it then ends by itself.
    package func close(timeout: Duration) -> Bool {
        let deadline = Deadline(in: timeout)
        let first = committed.destroy(within: deadline.remaining)
        return uncommitted.destroy(within: deadline.remaining) && first
    }
}
