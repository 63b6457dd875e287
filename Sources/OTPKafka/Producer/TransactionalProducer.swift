import CRdKafka

/// Writes records and consumed offsets in transactions, one at a time, on the calling thread, which it blocks.
///
/// It says `committed` or `aborted` only where that is certain, and repeats nothing that the caller did not ask for.
package final class TransactionalProducer: Sendable {
    private let handle: ClientHandle
    private let known: KnownPartitions
    private let loop: DeliveryLoop
    private let deliveries: Monitor<Deliveries>
    private let timeout: Duration

    /// The largest record, key, value and headers together, that the client takes.
    ///
    /// A topic's own limit may be lower.
    package let maximumMessageBytes: Int

    /// - Parameters:
    ///   - properties: from ``ClientProperties/transactionalProducer(_:transactionalID:transactionTimeout:batchSize:)``.
    ///   - onEvent: called on the delivery thread.
    /// - Throws: when a property is refused.
    package init(
        _ properties: [String: String],
        onEvent: @escaping @Sendable (ClientEvent) -> Void = { _ in }
    ) throws(KafkaError) {
        let deliveries = Monitor(Deliveries())
        let handle = try ClientHandle(.producer, properties, events: ClientHandle.producerEvents)
        self.handle = handle
        known = KnownPartitions(handle)
        self.deliveries = deliveries
        timeout = .milliseconds(properties["transaction.timeout.ms"].flatMap { Int64($0) } ?? 60_000)
        maximumMessageBytes = handle.property("message.max.bytes").flatMap { Int($0) } ?? 1_000_000
        loop = DeliveryLoop(
            handle,
            onReports: { reports in deliveries.update { $0.record(reports) } },
            onEvent: onEvent
        )
    }

    /// Takes the transactional id over: fences its owner and decides what it left open.
    ///
    /// Blocks; throws when that was not done in time, and as soon as the coordinator has answered for `patience` that a
    /// transaction of this id is still being ended (``KafkaError/isLocked``): it is decided then, but its end cannot be written to a
    /// partition whose leader is away, which may take as long as that leader does. May be called again.
    package func initTransactions(timeout: Duration, patience: Duration = .seconds(2)) throws(KafkaError) {
        let deadline = Deadline(in: timeout)
        var locked: Deadline?
        while true {
            let error = unsafe handle.attempt("init transactions") { client throws(KafkaError) in
                // librdkafka asks twice a second, and only a call whose time is over tells what was answered.
                let time = deadline.milliseconds(atMost: min(.seconds(1), max(patience, .milliseconds(100))))
                try unsafe KafkaError.check("init transactions", consuming: rd_kafka_init_transactions(client, time))
            }
            guard let error else { return }
            locked = error.isLocked ? locked ?? Deadline(in: patience - .seconds(1)) : nil
            guard error.isRetriable, !deadline.hasPassed, locked?.hasPassed != true else { throw error }
            handle.pause(until: deadline)
        }
    }

    /// Learns where the topics' partitions are, those that were added since included.
    ///
    /// Blocks, for `timeout` at most.
    package func refresh(_ topics: [String], timeout: Duration) {
        known.refresh(topics, until: Deadline(in: timeout))
    }

    /// Runs one transaction to its end.
    ///
    /// Blocks for up to about twice the transaction time-out. Before the commit is asked for, `cancellation` ends the wait for
    /// records; then nothing becomes visible.
    package func execute(
        _ transaction: Transaction,
        cancellation: Cancellation = Cancellation()
    ) -> TransactionOutcome {
        precondition(!transaction.offsets.isEmpty, "a transaction without an offset would not be fenced")
        let deadline = Deadline(in: timeout)
        if let error = begin(transaction.records.count, until: deadline) {
            return .aborted(Abortion(error, producer: condition(after: error, deadline)))
        }
        if let error = write(transaction.records, until: deadline, cancellation) {
            let waiting = deliveries.withLock { $0.waiting }
            // A record that was merely dropped does not say why; any further call does.
            let cause = (error.isPurged ? send(transaction, until: deadline) : nil) ?? error
            return abort(because: cause, waiting: waiting, deadline)
        }
        if let error = send(transaction, until: deadline) { return abort(because: error, deadline) }
        if cancellation.isCancelled { return abort(because: KafkaError("commit", .interrupted), deadline) }
        let error = unsafe ending("commit") { unsafe rd_kafka_commit_transaction($0, $1) }
        guard let error else { return .committed(offsets: deliveries.withLock { $0.offsets }) }
        // The commit may have been done all the same: its answer can be lost before librdkafka gives up. Readers should
        // not have to wait for the time-out if it was not.
        if error.requiresAbort { _ = unsafe ending("abort") { unsafe rd_kafka_abort_transaction($0, $1) } }
        let fatal = handle.fatalError("commit") ?? error
        return condition(after: fatal, deadline) == .fenced ? .fenced(fatal) : .unknown(fatal)
    }

    /// Goes through a whole transaction and takes it back: whether this client may write these records, and commit offsets for
    /// this group.
    ///
    /// Nothing of it is ever visible to a read_committed reader. The offsets are sent without a membership, so the group must
    /// have no members. Blocks for up to about twice the transaction time-out.
    /// - Returns: the first thing that was refused; nil when nothing was.
    package func dryRun(_ records: [OutgoingRecord], offsets: [OffsetCommit] = [], group: String) -> KafkaError? {
        let deadline = Deadline(in: timeout)
        if let error = begin(records.count, until: deadline) { return error }
        var fault = write(records, until: deadline)
        if fault == nil, !offsets.isEmpty {
            fault = send(offsets, of: group, until: deadline)
        } else if let dropped = fault, dropped.isPurged, let record = records.first {
            // The transaction has failed, and so nothing more is sent; but any further call says why.
            let anything = OffsetCommit(TopicPartition(record.topic, 0), offset: 0)
            fault = send([anything], of: group, until: deadline) ?? dropped
        }
        let error = unsafe ending("abort") { unsafe rd_kafka_abort_transaction($0, $1) }
        return fault ?? error
    }

    /// Sends offsets that no membership fences.
    private func send(_ offsets: [OffsetCommit], of group: String, until deadline: Deadline) -> KafkaError? {
        let list = PartitionList(offsets)
        return unsafe retrying("send offsets", until: deadline) { client in
            let metadata = unsafe rd_kafka_consumer_group_metadata_new(group)
            defer { unsafe rd_kafka_consumer_group_metadata_destroy(metadata) }
            return unsafe list.with {
                unsafe rd_kafka_send_offsets_to_transaction(client, $0, metadata, deadline.milliseconds)
            }
        }
    }

    /// Ends the client; a transaction still open is left to time out or to the successor.
    ///
    /// False when that took longer.
    package func close(timeout: Duration) -> Bool {
        handle.closeProducer(loop, within: timeout)
    }

    func begin(_ count: Int, until deadline: Deadline) -> KafkaError? {
        let error = unsafe retrying("begin", until: deadline) { unsafe rd_kafka_begin_transaction($0) }
        if error == nil { deliveries.update { $0.begin(count) } }
        return error
    }

    /// Produces all records and waits for all their reports.
    ///
    /// Nil means that each was acknowledged.
    func write(
        _ records: [OutgoingRecord],
        until deadline: Deadline,
        _ cancellation: Cancellation = Cancellation()
    ) -> KafkaError? {
        let round = deliveries.withLock { $0.round }
        for (index, record) in records.enumerated() {
            known.look(for: record, until: deadline)
            let tag = UInt64(round) << 32 | UInt64(index)
            while let error = queue(record, tag: tag) {
                // The transaction has failed already: not this record's fault, and no other will be taken.
                if error.code == .state || error.isFatal { return deliveries.withLock { $0.firstError } ?? error }
                guard error.code == .queueFull else {
                    deliveries.update { $0.refuse(index, error) }
                    break
                }
                if deadline.hasPassed { return error }
                if cancellation.isCancelled { return KafkaError("produce", .interrupted) }
                // A record makes room only some time after it was reported.
                let before = deliveries.withLock { $0.outstanding }
                _ = deliveries.wait(until: Deadline(in: .milliseconds(2))) { $0.outstanding < before }
            }
        }
        // Once one has failed, librdkafka holds the others back until the abort.
        while !deliveries.wait(until: deadline.capped(at: .milliseconds(50)), for: \.isOver) {
            if cancellation.isCancelled { return KafkaError("produce", .interrupted) }
            if deadline.hasPassed { return KafkaError("produce", .timedOut) }
        }
        return deliveries.withLock { $0.firstError }
    }

    private func queue(_ record: OutgoingRecord, tag: UInt64) -> KafkaError? {
        do throws(KafkaError) {
            try handle.produce(record, tag: tag)
            return nil
        } catch {
            return error
        }
    }

    private func send(_ transaction: Transaction, until deadline: Deadline) -> KafkaError? {
        let offsets = PartitionList(transaction.offsets)
        return unsafe retrying("send offsets", until: deadline) { client in
            unsafe offsets.with { list in
                unsafe transaction.groupMetadata.with { metadata in
                    unsafe rd_kafka_send_offsets_to_transaction(client, list, metadata, deadline.milliseconds)
                }
            }
        }
    }

    /// Nothing can be visible without a commit, and none was asked for: whatever becomes of this call, and of the client, the
    /// transaction ends aborted, by itself at the latest when the broker's time for it is over or a successor comes.
    private func abort(because cause: KafkaError, waiting: [Int] = [], _ deadline: Deadline) -> TransactionOutcome {
        let faults = deliveries.withLock { $0.faults }
        // Anyone who gives up has something better to do than to wait for an abort that waits for the same thing.
        let limit = cause.code == .interrupted ? min(timeout, .seconds(2)) : timeout
        let failure =
            unsafe cause.isFatal
            ? cause : ending("abort", within: limit) { unsafe rd_kafka_abort_transaction($0, $1) }
        let condition = failure.map { self.condition(after: $0, deadline) } ?? .usable
        return .aborted(Abortion(cause, faults: faults, waiting: waiting, producer: condition))
    }

    /// What a failure that no abort has undone has made of the producer.
    ///
    /// A broker that ends a transaction for having lasted too long fences its producer in the same words as a successor does.
    private func condition(after failure: KafkaError, _ deadline: Deadline) -> ProducerCondition {
        let fatal = handle.fatalError(failure.operation) ?? failure
        return fatal.isFatal && fatal.isFencing && !deadline.hasPassed ? .fenced : .broken
    }

    /// Commits or aborts, within the time-out of the transaction: without a limit librdkafka waits for the coordinator
    /// for as long as that is gone, and an abort for a record whose topic was deleted meanwhile.
    ///
    /// A call that ran out of time is taken up by the next one.
    private func ending(
        _ operation: String,
        within limit: Duration? = nil,
        _ call: (OpaquePointer, Int32) -> OpaquePointer?
    ) -> KafkaError? {
        let deadline = Deadline(in: limit ?? timeout)
        return unsafe retrying(operation, until: deadline) { unsafe call($0, max(100, deadline.milliseconds)) }
    }

    /// Makes a call again, with the same arguments, while librdkafka says that it may succeed.
    private func retrying(
        _ operation: String,
        until deadline: Deadline,
        _ call: (OpaquePointer) -> OpaquePointer?
    ) -> KafkaError? {
        while true {
            let error = unsafe handle.attempt(operation) { client throws(KafkaError) in
                try unsafe KafkaError.check(operation, consuming: call(client))
            }
            guard let error, error.isRetriable, !deadline.hasPassed else { return error }
            handle.pause(until: deadline)
        }
    }
}

/// What has been reported of the records of the transaction under way.
private struct Deliveries: Sendable {
    private(set) var round: UInt32 = 0
    private(set) var outstanding = 0
    private var results: [Result<Int64?, KafkaError>?] = []
    /// The first fault; else, of a transaction that has already failed, why a record was dropped.
    private(set) var firstError: KafkaError?

    mutating func begin(_ count: Int) {
        round &+= 1
        outstanding = count
        firstError = nil
        results = Array(repeating: nil, count: count)
    }

    mutating func record(_ reports: [DeliveryReport]) {
        // A report that came late belongs to an earlier transaction.
        for report in reports where UInt32(truncatingIfNeeded: report.tag >> 32) == round {
            complete(Int(report.tag & 0xffff_ffff), report.outcome)
        }
    }

    mutating func refuse(_ index: Int, _ error: KafkaError) {
        complete(index, .failure(error))
    }

    private mutating func complete(_ index: Int, _ outcome: Result<Int64?, KafkaError>) {
        guard results.indices.contains(index), results[index] == nil else { return }
        results[index] = outcome
        outstanding -= 1
        if case .failure(let error) = outcome, firstError == nil || firstError?.isPurged == true { firstError = error }
    }

    var offsets: [Int64?] {
        results.map { result in
            guard case .success(let offset) = result else { return nil }
            return offset
        }
    }

    /// Nothing more is worth waiting for.
    var isOver: Bool { outstanding == 0 || firstError != nil }

    /// The records of which nothing was heard yet.
    var waiting: [Int] { results.indices.filter { results[$0] == nil } }

    var faults: [RecordFault] {
        results.enumerated().compactMap { index, result in
            guard case .failure(let error) = result, !error.isPurged else { return nil }
            return RecordFault(index: index, error: error)
        }
    }
}
