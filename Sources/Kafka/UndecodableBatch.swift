extension LedgerReader {
    /// The first offset after a batch that cannot be unpacked and begins at `base`.
    ///
    /// A batch does not say where it ends to whoever cannot read it, so offsets are tried: a place within it answers with the same
    /// failure. Blocks, for some 0.2 s a try, of which there are twice as many as its number of records has binary digits.
    /// - Throws: `_TIMED_OUT` when that takes too long.
    package func end(
        ofUndecodable partition: TopicPartition,
        at base: Int64,
        timeout: Duration
    ) throws(KafkaError) -> Int64 {
        let deadline = Deadline(in: timeout)
        var within = base
        var step: Int64 = 1
        while try isWithin(base, partition, base + step, until: deadline) {
            within = base + step
            step *= 2
        }
        var beyond = base + step
        while within + 1 < beyond {
            let middle = within + (beyond - within) / 2
            if try isWithin(base, partition, middle, until: deadline) { within = middle } else { beyond = middle }
        }
        return beyond
    }

    /// Whether reading at the offset fails because of the batch that begins at `base`.
    private func isWithin(
        _ base: Int64,
        _ partition: TopicPartition,
        _ offset: Int64,
        until deadline: Deadline
    ) throws(KafkaError) -> Bool {
        let consumer = try SimpleConsumer(committed, topic: partition.topic, from: [partition.partition: offset])
        while !deadline.hasPassed {
            for item in try consumer.next(until: deadline, maximum: 1) {
                switch item {
                // Also of one before: the log ends there, and librdkafka begins anew.
                case .record, .end: return false
                case .failure(_, let first, let error):
                    if error.isUndecodable { return first == base }
                    if !error.isTransient { throw error }
                }
            }
        }
        throw KafkaError("read", .timedOut)
    }
}
