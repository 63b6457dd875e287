/// Writes single records, each once and in order, and reports what became of each.
///
/// It never waits for a broker in ``produce(_:tag:)`` and never retries what librdkafka has given up.
package final class IdempotentProducer: Sendable {
    private let handle: ClientHandle
    private let loop: DeliveryLoop
    private let pending: Monitor<Int>

    /// - Parameters:
    ///   - properties: from ``ClientProperties/idempotentProducer(_:)``.
    ///   - onReports: called on the delivery thread with what has come, one report for each record produced.
    ///   - onEvent: called on the delivery thread.
    /// - Throws: when a property is refused.
    package init(
        _ properties: [String: String],
        onReports: @escaping @Sendable ([DeliveryReport]) -> Void,
        onEvent: @escaping @Sendable (ClientEvent) -> Void = { _ in }
    ) throws(KafkaError) {
        let pending = Monitor(0)
        let handle = try ClientHandle(.producer, properties, events: ClientHandle.producerEvents)
        self.handle = handle
        self.pending = pending
        loop = DeliveryLoop(
            handle,
            onReports: { reports in
                onReports(reports)
                pending.update { $0 -= reports.count }
            },
            onEvent: onEvent
        )
    }

    /// Learns where the topics' partitions are, so that their first record need not wait for that: up to a second.
    ///
    /// Blocks, for `timeout` at most.
    package func learn(_ topics: [String], timeout: Duration) {
        handle.learn(topics, until: Deadline(in: timeout))
    }

    /// Queues a record.
    ///
    /// Throws at once when it cannot be sent (`_QUEUE_FULL`, too large, a partition that does not exist); then no
    /// report follows.
    package func produce(_ record: OutgoingRecord, tag: UInt64) throws(KafkaError) {
        pending.withLock { $0 += 1 }
        do throws(KafkaError) {
            try handle.produce(record, tag: tag)
        } catch {
            pending.update { $0 -= 1 }
            throw error
        }
    }

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
