/// Writes single records, each once and in order, and reports what became of each.
///
/// It never waits for a broker in ``produce(_:tag:)`` and never retries what librdkafka has given up.
package final class IdempotentProducer: Sendable {
    private let handle: ClientHandle
    private let known: KnownPartitions
    private let loop: DeliveryLoop
    private let pending: Monitor<Int>
    private let awaited: Monitor<Awaited>

    /// The records that somebody waits for, and what became of each.
    private struct Awaited {
        /// Tags from here on are these records'.
        static let first: UInt64 = 1 << 62
        private var next = Awaited.first
        var outcomes: [UInt64: Result<Int64?, KafkaError>?] = [:]

        mutating func begin() -> UInt64 {
            defer { next += 1 }
            outcomes[next] = .some(nil)
            return next
        }

        mutating func record(_ reports: [DeliveryReport]) {
            for report in reports where outcomes[report.tag] != nil { outcomes[report.tag] = .some(report.outcome) }
        }
    }

    /// - Parameters:
    ///   - properties: from ``ClientProperties/idempotentProducer(_:batchSize:)``.
    ///   - onReports: called on the delivery thread with what has come, one report for each record produced.
    ///   - onEvent: called on the delivery thread.
    /// - Throws: when a property is refused.
    package init(
        _ properties: [String: String],
        onReports: @escaping @Sendable ([DeliveryReport]) -> Void,
        onEvent: @escaping @Sendable (ClientEvent) -> Void = { _ in }
    ) throws(KafkaError) {
        let pending = Monitor(0)
        let awaited = Monitor(Awaited())
        let handle = try ClientHandle(.producer, properties, events: ClientHandle.producerEvents)
        self.handle = handle
        self.awaited = awaited
        known = KnownPartitions(handle)
        self.pending = pending
        loop = DeliveryLoop(
            handle,
            onReports: { reports in
                let others = reports.filter { $0.tag < Awaited.first }
                if !others.isEmpty { onReports(others) }
                if others.count < reports.count { awaited.update { $0.record(reports) } }
                pending.update { $0 -= reports.count }
            },
            onEvent: onEvent
        )
    }

    /// Learns where the topics' partitions are, those that were added since included.
    ///
    /// Blocks, for `timeout` at most.
    package func refresh(_ topics: [String], timeout: Duration) {
        known.refresh(topics, until: Deadline(in: timeout))
    }

    /// Writes one record and waits for its acknowledgement, on the calling thread; its report goes to nobody else.
    ///
    /// A partition that was added since is learnt of first. Throws `_TIMED_OUT` when the acknowledgement has not come in time:
    /// the record may be written all the same, until `message.timeout.ms` is over.
    /// - Returns: the record's offset, once every in-sync replica has it; nil where the broker did not say it.
    package func write(_ record: OutgoingRecord, timeout: Duration) throws(KafkaError) -> Int64? {
        let deadline = Deadline(in: timeout)
        known.look(for: record, until: deadline)
        let tag = awaited.withLock { $0.begin() }
        defer { awaited.withLock { $0.outcomes[tag] = nil } }
        try produce(record, tag: tag)
        _ = awaited.wait(until: deadline) { $0.outcomes[tag] != .some(nil) }
        guard let outcome = awaited.withLock({ $0.outcomes[tag] ?? nil }) else {
            throw KafkaError("produce", .timedOut, reason: "\(record) was not acknowledged in \(timeout)")
        }
        return try outcome.get()
    }

    /// Queues a record; `tag` is below 2^62.
    ///
    /// Throws at once when it cannot be sent (`_QUEUE_FULL`, too large, a partition that does not exist; a fatal error when this
    /// producer is broken); then no report follows.
    package func produce(_ record: OutgoingRecord, tag: UInt64) throws(KafkaError) {
        pending.withLock { $0 += 1 }
        do throws(KafkaError) {
            try handle.produce(record, tag: tag)
        } catch {
            pending.update { $0 -= 1 }
            // librdkafka answers with the error that broke the producer, and not that it is broken.
            throw fatalError ?? error
        }
    }

    /// Breaks it as an answer of a broker can, for tests.
    package func breakFatally(_ code: KafkaError.Code) { handle.breakFatally(code) }

    /// Records whose report has not come yet.
    package var outstanding: Int { pending.withLock { $0 } }

    /// The error that made this producer useless, if one did: it must be replaced.
    package var fatalError: KafkaError? { handle.fatalError("produce") }

    /// Waits until every record was reported; false when some were not in time.
    package func flush(timeout: Duration) -> Bool {
        pending.wait(until: Deadline(in: timeout)) { $0 == 0 }
    }

    /// Gives unsent records up (their reports say `_PURGE_QUEUE` or `_PURGE_INFLIGHT`), and ends the client.
    ///
    /// False when that took longer; it then ends by itself. Call ``flush(timeout:)`` before to lose none.
    package func close(timeout: Duration) -> Bool {
        handle.closeProducer(loop, within: timeout)
    }
}
