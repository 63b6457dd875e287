import CRdKafka
import Contract

/// A member of a consumer group: hands out records and what happens to the assignment as events, at the caller's pace.
///
/// One thread calls ``poll(timeout:maximum:)``, over and over, whatever else happens: that is what keeps the member alive.
/// Everything else may be called by any thread and does not wait for the broker, except ``committed(_:timeout:)`` and
/// ``watermarks(_:timeout:)``. It never commits, never chooses where to read from, and never decides when to release.
package final class GroupConsumer: Sendable {
    private let handle: ClientHandle
    private let assignment = Monitor(Assignment())

    /// Throws when a property is refused.
    ///
    /// `properties` come from ``ClientProperties/consumer(_:groupID:instanceID:sessionTimeout:statisticsInterval:)``.
    package init(_ properties: [String: String]) throws(KafkaError) {
        handle = try ClientHandle(
            .groupConsumer,
            properties,
            events: RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS | RD_KAFKA_EVENT_LOG
        )
    }

    package func subscribe(_ topics: [String]) throws(KafkaError) {
        let list = PartitionList(topics.map { TopicPartition($0, -1) })
        try unsafe handle.use("subscribe") { client throws(KafkaError) in
            try unsafe KafkaError.check("subscribe", list.with { unsafe rd_kafka_subscribe(client, $0) })
        }
    }

    /// Waits for the first event, then takes what is there without waiting, up to `maximum` records.
    ///
    /// May return early with nothing.
    package func poll(timeout: Duration, maximum: Int) -> [ConsumerEvent] {
        var batch = EventBatch()
        let isRetrying = carryOut(into: &batch)
        // A partition that could not be positioned yet is tried again soon.
        var wait = min(timeout, isRetrying ? .milliseconds(10) : timeout).wholeMilliseconds
        if batch.hasEvents { wait = 0 }
        while batch.recordCount < maximum, let event = handle.poll(milliseconds: wait) {
            wait = 0
            switch event.kind {
            case .records:
                batch.append(event)
            case .rebalance:
                rebalance(event, into: &batch)
                // What is fetched from here on belongs to the new assignment.
                return batch.finish()
            case .error:
                batch.append(Self.errorEvent(event))
            case .statistics:
                if let statistics = ConsumerStatistics(json: event.statistics()) {
                    batch.append(.statistics(statistics))
                }
            case .log:
                if let log = event.log() { batch.append(.log(log)) }
            case .deliveryReports, .other:
                break
            }
        }
        return batch.finish()
    }

    /// Starts an assigned partition at this offset, or moves it there.
    ///
    /// Takes effect in the next poll; an assignment that is gone by then is left alone.
    package func resume(_ partition: TopicPartition, at offset: Int64) {
        request { $0.wanted[partition] = .start(offset) }
    }

    /// Lets partitions go on that ``pause(_:)`` stopped; does nothing to others.
    ///
    /// Takes effect in the next poll.
    package func resume(_ partitions: [TopicPartition]) {
        request { state in
            for partition in partitions { state.want(.go, for: partition) }
        }
    }

    /// Stops partitions from the next poll on.
    ///
    /// What librdkafka had fetched is fetched again later, so that nothing is skipped.
    package func pause(_ partitions: [TopicPartition]) {
        request { state in
            for partition in partitions { state.want(.stop, for: partition) }
        }
    }

    /// Gives back partitions that were revoked.
    ///
    /// The group goes on once all of them were given back.
    package func release(_ partitions: [TopicPartition]) {
        request { $0.released.formUnion(partitions) }
    }

    /// The partitions that this member holds, those to be released included.
    package var assigned: Set<TopicPartition> { assignment.withLock { Set($0.flow.keys) } }

    /// The membership at this moment, for a transaction's offsets.
    ///
    /// Throws `UNKNOWN_MEMBER_ID` while there is none.
    package func groupMetadata() throws(KafkaError) -> GroupMetadata {
        try unsafe handle.use("group metadata") { client throws(KafkaError) in
            guard let metadata = unsafe rd_kafka_consumer_group_metadata(client) else {
                throw KafkaError("group metadata", .unknownMemberID, reason: "not a member of the group now")
            }
            return unsafe try GroupMetadata(taking: metadata)
        }
    }

    /// What the group has committed, one entry for each partition asked for, in their order.
    ///
    /// Waits until pending transactional offsets are decided; blocks for up to the time-out.
    package func committed(_ partitions: [TopicPartition], timeout: Duration) throws(KafkaError) -> [CommittedOffset] {
        let list = PartitionList(partitions)
        try unsafe handle.use("committed") { client throws(KafkaError) in
            try unsafe KafkaError.check(
                "committed",
                list.with { unsafe rd_kafka_committed(client, $0, timeout.wholeMilliseconds) }
            )
        }
        var offsets: [CommittedOffset] = []
        for entry in list.entries() {
            try KafkaError.check("committed", entry.response)
            offsets.append(
                CommittedOffset(
                    entry.topicPartition,
                    offset: entry.offset < 0 ? nil : entry.offset,
                    metadata: entry.offset < 0 ? nil : entry.metadata
                )
            )
        }
        return offsets
    }

    /// The partition's first offset and its last *stable* one; blocks for up to the time-out.
    package func watermarks(_ partition: TopicPartition, timeout: Duration) throws(KafkaError) -> Watermarks {
        try handle.watermarks(partition, until: Deadline(in: timeout))
    }

    /// Begins to leave the group.
    ///
    /// Keep polling, and release what is revoked, until ``isClosed``. Throws when the client is of no more use; then it can
    /// only be destroyed.
    package func beginClose() throws(KafkaError) {
        try handle.closeConsumer()
        assignment.withLock { $0.isClosing = true }
    }

    /// The group was left, or has let this member go.
    package var isClosed: Bool {
        (try? unsafe handle.use("closed") { unsafe rd_kafka_consumer_closed($0) != 0 }) ?? true
    }

    /// Ends the client, whether it was closed or not; what is still assigned is given up.
    ///
    /// False when that took longer; it then ends by itself.
    package func destroy(within limit: Duration) -> Bool {
        let deadline = Deadline(in: limit)
        finishClosing(until: Deadline(in: limit / 2))
        return handle.destroy(within: deadline.remaining)
    }

    private func request(_ change: (inout Assignment) -> Void) {
        assignment.withLock { change(&$0) }
        handle.wake()
    }
}

extension GroupConsumer {
    /// What is asked of one partition, to be done by the polling thread.
    private enum Wish {
        case start(Int64)
        case go
        case stop
    }

    /// How a partition of the assignment stands.
    private enum Flow {
        /// Assigned and paused, with no offset to read from yet.
        case held
        case flowing
        case paused
    }

    private struct Assignment {
        var flow: [TopicPartition: Flow] = [:]
        var wanted: [TopicPartition: Wish] = [:]
        /// Revoked and not answered: librdkafka takes one answer for all of them.
        var revoked: Set<TopicPartition> = []
        var released: Set<TopicPartition> = []
        var isClosing = false
        /// Nobody will answer a revocation any more.
        var isAbandoned = false

        /// A later wish takes the place of an earlier one, but a partition that waits for its first offset keeps it.
        mutating func want(_ wish: Wish, for partition: TopicPartition) {
            if case .start = wanted[partition] { return }
            wanted[partition] = wish
        }

        mutating func forget(_ partitions: [TopicPartition]) {
            for partition in partitions {
                flow[partition] = nil
                wanted[partition] = nil
            }
        }
    }

    /// Does what was asked for since the last poll; true when something must be tried again.
    private func carryOut(into batch: inout EventBatch) -> Bool {
        let (wanted, answer) = assignment.withLock { state in
            let answer = state.revoked.isEmpty || !state.revoked.isSubset(of: state.released) ? [] : state.revoked
            if !answer.isEmpty {
                state.forget(Array(answer))
                state.revoked = []
            }
            if state.revoked.isEmpty { state.released = [] }
            defer { state.wanted = [:] }
            return (state.wanted.filter { state.flow[$0.key] != nil }, Array(answer))
        }
        if !answer.isEmpty, let error = unassign(answer) { batch.append(.error(error)) }
        var isRetrying = false
        for (partition, wish) in wanted {
            switch wish {
            case .start(let offset):
                isRetrying = !start(partition, at: offset, into: &batch) || isRetrying
            case .go:
                setPaused(false, partition, from: .paused, to: .flowing)
            case .stop:
                setPaused(true, partition, from: .flowing, to: .paused)
            }
        }
        return isRetrying
    }

    /// False when it must be tried again: a partition just assigned may not have been started yet.
    private func start(_ partition: TopicPartition, at offset: Int64, into batch: inout EventBatch) -> Bool {
        let list = PartitionList([partition], offset: offset)
        let error = unsafe handle.attempt("seek") { client throws(KafkaError) in
            try unsafe KafkaError.check("seek", taking: list.with { unsafe rd_kafka_seek_partitions(client, $0, 1000) })
            if let entry = list.entries().first { try KafkaError.check("seek", entry.response) }
        }
        guard let error else {
            let isStill = assignment.withLock { state in
                defer { state.flow[partition] = .flowing }
                return state.flow[partition] != .flowing
            }
            if isStill { setPausedInClient(false, [partition]) }
            return true
        }
        switch error.code {
        case .state, .previousInProgress, .inProgress, .timedOut, .unknownPartition:
            assignment.withLock { state in
                if state.wanted[partition] == nil { state.wanted[partition] = .start(offset) }
            }
            return false
        default:
            batch.append(.partitionError(partition, error))
            return true
        }
    }

    private func setPaused(_ paused: Bool, _ partition: TopicPartition, from: Flow, to: Flow) {
        let fits = assignment.withLock { state in
            guard state.flow[partition] == from else { return false }
            state.flow[partition] = to
            return true
        }
        if fits { setPausedInClient(paused, [partition]) }
    }

    private func setPausedInClient(_ paused: Bool, _ partitions: [TopicPartition]) {
        let list = PartitionList(partitions)
        _ = unsafe handle.attempt("pause") { client in
            _ = unsafe list.with {
                unsafe paused ? rd_kafka_pause_partitions(client, $0) : rd_kafka_resume_partitions(client, $0)
            }
        }
    }

    /// Takes what was assigned at once, standing still at offset 0, so that no committed offset is looked up and not
    /// one record comes before its partition was restored.
    ///
    /// A revocation waits for ``release(_:)``.
    private func rebalance(_ event: borrowing Event, into batch: inout EventBatch) {
        let partitions = event.partitions()
        switch event.response {
        case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
            if let error = assign(partitions) { batch.append(.error(error)) }
            setPausedInClient(true, partitions)
            assignment.withLock { state in
                state.forget(partitions)
                for partition in partitions { state.flow[partition] = .held }
            }
            batch.append(.assigned(partitions))
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS where !partitions.isEmpty && !isLost && !isAbandoned:
            assignment.withLock { state in
                state.revoked = Set(partitions)
                state.released = []
            }
            batch.append(.revoked(partitions))
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
            drop(partitions, into: &batch)
        default:
            batch.append(.error(event.error("rebalance")))
            drop(Array(assigned), into: &batch)
        }
    }

    private func drop(_ partitions: [TopicPartition], into batch: inout EventBatch) {
        assignment.withLock { state in
            state.forget(partitions)
            state.revoked = []
            state.released = []
        }
        if let error = unassign(partitions) { batch.append(.error(error)) }
        if !partitions.isEmpty { batch.append(.lost(partitions)) }
    }

    /// Answers in the caller's place what is still asked while closing, without which the client would never end.
    private func finishClosing(until deadline: Deadline) {
        let (isClosing, revoked) = assignment.withLock { state in
            state.isAbandoned = true
            return (state.isClosing, Array(state.revoked))
        }
        guard isClosing else { return }
        var batch = EventBatch()
        if !revoked.isEmpty { drop(revoked, into: &batch) }
        while !isClosed, !deadline.hasPassed {
            _ = poll(timeout: .milliseconds(20), maximum: 1000)
        }
    }

    private var isAbandoned: Bool { assignment.withLock { $0.isAbandoned } }

    private var isLost: Bool {
        unsafe (try? handle.use("rebalance") { unsafe rd_kafka_assignment_lost($0) != 0 }) ?? true
    }

    private func assign(_ partitions: [TopicPartition]) -> KafkaError? {
        let list = PartitionList(partitions, offset: 0)
        return unsafe handle.attempt("assign") { client throws(KafkaError) in
            let refusal = unsafe KafkaError(
                "assign",
                taking: list.with { unsafe rd_kafka_incremental_assign(client, $0) }
            )
            guard let refusal else { return }
            // Every event must be answered, and one of the eager protocol only takes this answer.
            let response = unsafe list.with { unsafe rd_kafka_assign(client, $0) }
            if response != RD_KAFKA_RESP_ERR_NO_ERROR { throw refusal }
        }
    }

    private func unassign(_ partitions: [TopicPartition]) -> KafkaError? {
        let list = PartitionList(partitions)
        return unsafe handle.attempt("release") { client throws(KafkaError) in
            let error = unsafe list.with { unsafe rd_kafka_incremental_unassign(client, $0) }
            guard let refusal = unsafe KafkaError("release", taking: error) else { return }
            guard unsafe rd_kafka_assign(client, nil) == RD_KAFKA_RESP_ERR_NO_ERROR else { throw refusal }
        }
    }

    private static func errorEvent(_ event: borrowing Event) -> ConsumerEvent {
        let error = event.error("consume")
        guard let (partition, offset) = event.errorPosition() else { return .error(error) }
        return error.code == .partitionEnd
            ? .endOfPartition(partition, offset: offset) : .partitionError(partition, error)
    }
}

/// Collects events, with the records between two other events in one.
private struct EventBatch {
    private var events: [ConsumerEvent] = []
    private var records: [ConsumedRecord] = []
    private var topics = TopicNames()
    private(set) var recordCount = 0

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

    private mutating func flush() {
        guard !records.isEmpty else { return }
        events.append(.records(records))
        records = []
    }
}
