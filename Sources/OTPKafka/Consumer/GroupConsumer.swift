import CRdKafka
import OTPContract

/// A member of a consumer group: hands out records and what happens to the assignment as events, at the caller's pace.
///
/// One thread calls ``poll(timeout:maximum:maximumBytes:)``, over and over, whatever else happens: that is what keeps the member alive.
/// Everything else may be called by any thread and does not wait for the broker, except ``committed(_:timeout:)`` and
/// ``watermarks(_:timeout:)``. It never commits, never chooses where to read from, and never decides when to release.
package final class GroupConsumer: Sendable {
    private let handle: ClientHandle
    private let selection: RecordSelection
    private let assignment = Monitor(Assignment())

    /// - Parameters:
    ///   - properties: from ``ClientProperties/consumer(_:groupID:instanceID:sessionTimeout:statisticsInterval:)``.
    ///   - selection: what of each record is handed out.
    /// - Throws: when a property is refused.
    package init(_ properties: [String: String], keeping selection: RecordSelection = .everything) throws(KafkaError) {
        self.selection = selection
        handle = try ClientHandle(
            .groupConsumer,
            properties,
            events: RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS | RD_KAFKA_EVENT_LOG
        )
    }

    package func subscribe(_ topics: [String]) throws(KafkaError) {
        let list = PartitionList(topics.map { TopicPartition($0, -1) })
        try unsafe handle.use("subscribe") { client throws(KafkaError) in
            handle.setMustStay(true)
            try unsafe KafkaError.check("subscribe", list.with { unsafe rd_kafka_subscribe(client, $0) })
        }
    }

    /// Waits for the first event, then takes what is there without waiting, up to `maximum` records, or those that fill
    /// `maximumBytes` of memory.
    ///
    /// May return early with nothing.
    package func poll(timeout: Duration, maximum: Int, maximumBytes: Int = .max) -> [ConsumerEvent] {
        var batch = EventBatch(selection)
        hurryGroup()
        measureQueue()
        let isRetrying = apply(into: &batch)
        // A partition that could not be positioned yet is tried again soon.
        var wait = min(timeout, isRetrying ? .milliseconds(10) : timeout).wholeMilliseconds
        if batch.hasEvents { wait = 0 }
        while batch.recordCount < maximum, batch.bytes < maximumBytes {
            guard let event = handle.poll(milliseconds: wait) else {
                remember(&batch)
                queueIsEmpty()
                return batch.finish()
            }
            if wait > 0 { measureQueue() }
            wait = 0
            assignment.withLock { $0.served += 1 }
            switch event.kind {
            case .records:
                batch.append(event)
            case .rebalance:
                remember(&batch)
                rebalance(event, into: &batch)
                // What is fetched from here on belongs to the new assignment.
                return batch.finish()
            case .error:
                remember(&batch)
                let error = errorEvent(event)
                // Beyond the last record there may be what a transaction's end has left.
                if case .endOfPartition(let partition, let offset) = error {
                    assignment.withLock { $0.flow[partition]?.next = offset }
                }
                batch.append(error)
            case .statistics:
                if let statistics = ConsumerStatistics(json: event.statistics()) {
                    assignment.withLock { $0.learn(statistics) }
                    batch.append(.statistics(statistics))
                }
            case .log:
                if let log = event.log() { batch.append(.log(log)) }
            case .deliveryReports, .other:
                break
            }
        }
        remember(&batch)
        return batch.finish()
    }

    /// Starts an assigned partition at this offset, or moves it there, also after it could not be read where it stood.
    ///
    /// Takes effect in the next poll; an assignment that is gone by then is left alone. Nothing that lies elsewhere in the
    /// partition is handed out, or even fetched, before; nor after, whatever had been fetched.
    package func resume(_ partition: TopicPartition, at offset: Int64) {
        request { $0.wanted[partition] = DesiredFlow(offset: offset, flows: true) }
    }

    /// Lets partitions go on that ``pause(_:)`` stopped; does nothing to others.
    ///
    /// Takes effect in the next poll.
    package func resume(_ partitions: [TopicPartition]) {
        request { state in
            for partition in partitions { state.wanted[partition, default: DesiredFlow()].flows = true }
        }
    }

    /// Stops partitions from the next poll on.
    ///
    /// What librdkafka had fetched is fetched again later, so that nothing is skipped.
    package func pause(_ partitions: [TopicPartition]) {
        request { state in
            for partition in partitions { state.wanted[partition, default: DesiredFlow()].flows = false }
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
    /// Throws `UNKNOWN_MEMBER_ID` while there is none, and once the member leaves.
    package func groupMetadata() throws(KafkaError) -> GroupMetadata {
        guard !isClosing else {
            throw KafkaError("group metadata", .unknownMemberID, reason: "is leaving the group")
        }
        return try unsafe handle.use("group metadata") { client throws(KafkaError) in
            guard let metadata = unsafe rd_kafka_consumer_group_metadata(client) else {
                throw KafkaError("group metadata", .unknownMemberID, reason: "not a member of the group now")
            }
            return unsafe try GroupMetadata(consuming: metadata)
        }
    }

    /// The topic's partitions; nil when it does not exist.
    package func partitionCount(_ topic: String, timeout: Duration) throws(KafkaError) -> Int? {
        try handle.partitionCount(topic, until: Deadline(in: timeout))
    }

    /// What the group has committed, one entry for each partition asked for, in their order.
    ///
    /// Waits until pending transactional offsets are decided; blocks for up to the time-out.
    package func committed(_ partitions: [TopicPartition], timeout: Duration) throws(KafkaError) -> [CommittedOffset] {
        try handle.committed(partitions, timeout: timeout)
    }

    /// The partition's first offset and its last *stable* one; blocks for up to the time-out.
    package func watermarks(_ partition: TopicPartition, timeout: Duration) throws(KafkaError) -> Watermarks {
        try handle.watermarks(partition, until: Deadline(in: timeout))
    }

    /// Begins to leave the group.
    ///
    /// Called by the thread that polls. Keep polling, and release what is revoked, until ``isClosed``; nothing is resumed any
    /// more. Throws when the client is of no more use; then it can only be destroyed.
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
    /// False when that took longer; it then ends by itself. Always call it: a member dropped without it stays in the group
    /// until its session ends.
    package func destroy(within limit: Duration) -> Bool {
        let deadline = Deadline(in: limit)
        // A member that is left behind must at least have left the group, and its partitions with it.
        if handle.mustStay { try? beginClose() }
        finishClosing(until: Deadline(in: limit / 2))
        return handle.destroy(within: deadline.remaining)
    }

    /// What the queue holds counts as served, also what a move has made obsolete and nobody is ever handed.
    private func measureQueue() {
        let length = handle.queueLength
        assignment.withLock { $0.served = max($0.served, length) }
    }

    /// Nothing is left to hand out.
    ///
    /// A broker's thread that has found the queue full, of records or ends of partitions, looks at it again only after a second, however
    /// soon it is empty. So where that may have been, each of them is woken.
    private func queueIsEmpty() {
        let mayHaveBeenFull = assignment.withLock { state in
            defer { state.served = 0 }
            return state.served >= ClientProperties.queuedRecords
        }
        if mayHaveBeenFull { wakeFetchers() }
    }

    /// Has librdkafka's main thread look at the group at once.
    ///
    /// Left alone it does so twice a second, each step of a rebalance at one look: heartbeats that are due wait for it, and so does
    /// joining again once one was answered that way.
    private func hurryGroup() {
        let isDue = assignment.withLock { state in
            guard !state.isClosing else { return false }
            guard state.hurriedAt.map({ .now - $0 >= Self.hurry }) ?? true else { return false }
            state.hurriedAt = .now
            return true
        }
        if isDue { _ = try? groupMetadata() }
    }

    private static let hurry = Duration.milliseconds(50)

    private func request(_ change: (inout Assignment) -> Void) {
        assignment.withLock { change(&$0) }
        handle.wake()
    }
}

extension GroupConsumer {
    /// Does what was asked for since the last poll; true when something must be tried again.
    private func apply(into batch: inout EventBatch) -> Bool {
        answer(into: &batch)
        let wanted = assignment.withLock { state in
            defer { state.wanted = [:] }
            // librdkafka would take a start for the answer to the revocation.
            return state.isClosing ? [:] : state.wanted.filter { state.flow[$0.key] != nil }
        }
        var isRetrying = false
        for (partition, desired) in wanted where !apply(desired, partition, into: &batch) {
            isRetrying = true
            assignment.withLock { state in
                // What was asked for meanwhile counts more.
                state.wanted[partition] = state.wanted[partition] ?? desired
            }
        }
        return isRetrying
    }

    /// False when it must be tried again: a partition just assigned may not have been started yet.
    private func apply(_ desired: DesiredFlow, _ partition: TopicPartition, into batch: inout EventBatch) -> Bool {
        if let offset = desired.offset {
            if let error = begin(partition, at: offset) {
                if Self.passing.contains(error.code) { return false }
                batch.append(.partitionError(partition, offset: offset, from: offset, error))
                return true
            }
            assignment.withLock { $0.flow[partition]?.next = offset }
        }
        let flow = assignment.withLock { $0.flow[partition] }
        guard let flow, let next = flow.next, flow.isPaused == desired.flows else { return true }
        setPaused(!desired.flows, [partition])
        assignment.withLock { $0.flow[partition]?.isPaused = !desired.flows }
        if desired.flows { _ = seek([partition: next], waiting: .zero) }
        return true
    }

    private static let passing: Set<KafkaError.Code> = [
        .state, .previousInProgress, .inProgress, .timedOut, .unknownPartition,
    ]

    /// Gives back what was revoked, once the caller has told all of it.
    private func answer(into batch: inout EventBatch) {
        let (released, assigned) = assignment.withLock { state -> ([TopicPartition], [TopicPartition]?) in
            guard state.revoked.isSubset(of: state.released) else { return ([], nil) }
            // While closing one answer gives back everything, also what an event to come revokes.
            guard !state.isClosing || state.flow.keys.allSatisfy(state.revoked.contains) else { return ([], nil) }
            defer { (state.revoked, state.released, state.awaiting) = ([], [], nil) }
            return (Array(state.revoked), state.awaiting)
        }
        if !released.isEmpty {
            if let error = unassign(released) { batch.append(.error(error)) }
            assignment.withLock { $0.forget(released) }
            reseek()
        }
        if let assigned { acceptAssignment(assigned, into: &batch) }
    }

    /// Has librdkafka read the partition from this offset on.
    private func begin(_ partition: TopicPartition, at offset: Int64) -> KafkaError? {
        let (isStarted, isRevoking) = assignment.withLock { state in
            (state.flow[partition]?.isStarted ?? false, !state.revoked.isEmpty)
        }
        if isStarted {
            let error = seek([partition: offset], waiting: .seconds(1))
            // It has stopped for good where it could not be read, and nothing but a new start revives it. While partitions are
            // being given back librdkafka would take the end of this one for the answer.
            guard let error, error.code == .state, !isRevoking else { return error }
            if let error = unassign([partition]) { return error }
        }
        // A start would make a lost assignment look as if it were not; the loss comes with the next poll.
        if isLost { return KafkaError("assign", .state) }
        if let error = assign([OffsetCommit(partition, offset: offset)]) { return error }
        // From an earlier assignment; to end a pause that is none would fetch twice.
        if assignment.withLock({ $0.paused.contains(partition) }) { setPaused(false, [partition]) }
        assignment.withLock { state in
            state.flow[partition]?.isStarted = true
            state.flow[partition]?.isPaused = false
        }
        return nil
    }

    /// Moves partitions; with no time to wait nobody learns whether it worked.
    private func seek(_ offsets: [TopicPartition: Int64], waiting time: Duration) -> KafkaError? {
        guard !offsets.isEmpty else { return nil }
        let list = PartitionList(offsets.map { OffsetCommit($0.key, offset: $0.value) })
        return unsafe handle.attempt("seek") { client throws(KafkaError) in
            let error = unsafe list.with { unsafe rd_kafka_seek_partitions(client, $0, time.wholeMilliseconds) }
            try unsafe KafkaError.check("seek", consuming: error)
            guard time > .zero else { return }
            for entry in list.entries() { try KafkaError.check("seek", entry.response) }
        }
    }

    /// Moves what flows to where it stands.
    ///
    /// librdkafka's broker thread notices a seek at once, but the end of a pause only within a second, be it the caller's
    /// pause or its own during a rebalance.
    private func reseek() {
        _ = seek(assignment.withLock { $0.flow.compactMapValues { $0.isPaused ? nil : $0.next } }, waiting: .zero)
    }

    /// The same with one partition of each broker, which wakes its thread for all of them.
    ///
    /// Each move ends what is under way, and has an end told again; each time another one's, so that nobody is held up for long.
    private func wakeFetchers() {
        let positions = assignment.withLock { state in
            var brokers: Set<Int32> = []
            var positions: [TopicPartition: Int64] = [:]
            for (partition, flow) in state.flow.shuffled() where !flow.isPaused && flow.next != nil {
                if flow.broker.map({ brokers.insert($0).inserted }) ?? true { positions[partition] = flow.next }
            }
            return positions
        }
        _ = seek(positions, waiting: .zero)
    }

    /// Ends the records so far as a batch's event, and keeps where they end.
    private func remember(_ batch: inout EventBatch) {
        let positions = batch.newPositions()
        guard !positions.isEmpty else { return }
        assignment.withLock { state in
            for (partition, next) in positions { state.flow[partition]?.next = next }
        }
    }

    private func setPaused(_ paused: Bool, _ partitions: [TopicPartition]) {
        assignment.withLock { state in
            if paused { state.paused.formUnion(partitions) } else { state.paused.subtract(partitions) }
        }
        let list = PartitionList(partitions)
        _ = unsafe handle.attempt("pause") { client in
            _ = unsafe list.with {
                unsafe paused ? rd_kafka_pause_partitions(client, $0) : rd_kafka_resume_partitions(client, $0)
            }
        }
    }

    /// What is assigned is taken over at once, and librdkafka is given none of it before its first offset is known, so that no
    /// committed offset is looked up and not one record comes before its partition was restored.
    ///
    /// A revocation waits for ``release(_:)``, and so does what is assigned meanwhile: the group would go on.
    private func rebalance(_ event: borrowing Event, into batch: inout EventBatch) {
        let partitions = event.partitions()
        switch event.response {
        case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
            handle.setMustStay(false)
            let mustWait = assignment.withLock { state in
                guard !state.revoked.isEmpty else { return false }
                state.awaiting = (state.awaiting ?? []) + partitions
                return true
            }
            if !mustWait { acceptAssignment(partitions, into: &batch) }
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS where !partitions.isEmpty && !isLost && !isAbandoned:
            assignment.withLock { $0.revoked.formUnion(partitions) }
            batch.append(.revoked(partitions))
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
            drop(partitions, into: &batch)
        default:
            batch.append(.error(event.error("rebalance")))
            drop(Array(assigned), into: &batch)
        }
    }

    private func acceptAssignment(_ partitions: [TopicPartition], into batch: inout EventBatch) {
        // While closing its revocation follows, which is answered.
        if !isClosing, let error = assign([]) { batch.append(.error(error)) }
        assignment.withLock { state in
            state.forget(partitions)
            for partition in partitions { state.flow[partition] = Flow() }
        }
        reseek()
        batch.append(.assigned(partitions))
    }

    private func drop(_ partitions: [TopicPartition], into batch: inout EventBatch) {
        assignment.withLock { ($0.revoked, $0.released, $0.awaiting) = ([], [], nil) }
        if let error = unassign(partitions) { batch.append(.error(error)) }
        assignment.withLock { $0.forget(partitions) }
        reseek()
        if !partitions.isEmpty { batch.append(.lost(partitions)) }
    }

    /// Answers in the caller's place what is still asked while closing, without which the client would never end.
    private func finishClosing(until deadline: Deadline) {
        let (isClosing, revoked) = assignment.withLock { state in
            state.isAbandoned = true
            return (state.isClosing, Array(state.revoked))
        }
        guard isClosing else { return }
        var batch = EventBatch(selection)
        if !revoked.isEmpty { drop(revoked, into: &batch) }
        while !isClosed, !deadline.hasPassed {
            _ = poll(timeout: .milliseconds(20), maximum: 1000)
        }
    }

    /// Whether librdkafka waits for an answer: while closing for one alone.
    ///
    /// It then forgets an assignment that is not answered and revokes everything, and takes whatever answer comes first for that.
    /// The group ends then, and a call that comes in that moment is thrown away and never returns.
    private func expectsAnswer() -> Bool {
        assignment.withLock { state in
            defer { state.isAnswered = state.isClosing }
            return !state.isAnswered
        }
    }

    private var isClosing: Bool { assignment.withLock { $0.isClosing } }

    private var isAbandoned: Bool { assignment.withLock { $0.isAbandoned } }

    private var isLost: Bool {
        unsafe (try? handle.use("rebalance") { unsafe rd_kafka_assignment_lost($0) != 0 }) ?? true
    }

    /// Adds partitions to those that librdkafka reads; none are the answer to an assignment.
    private func assign(_ starts: [OffsetCommit]) -> KafkaError? {
        let list = PartitionList(starts)
        return unsafe handle.attempt("assign") { client throws(KafkaError) in
            let refusal = unsafe KafkaError(
                "assign",
                consuming: list.with { unsafe rd_kafka_incremental_assign(client, $0) }
            )
            guard let refusal else { return }
            guard starts.isEmpty else { throw refusal }
            // Every event must be answered, and one of the eager protocol only takes this answer.
            let response = unsafe list.with { unsafe rd_kafka_assign(client, $0) }
            if response != RD_KAFKA_RESP_ERR_NO_ERROR { throw refusal }
        }
    }

    /// Takes partitions away from librdkafka, those of them that it was given; the answer to a revocation, even with none.
    private func unassign(_ partitions: [TopicPartition]) -> KafkaError? {
        guard expectsAnswer() else { return nil }
        let started = assignment.withLock { state in
            let started = partitions.filter { state.flow[$0]?.isStarted ?? false }
            for partition in started { state.flow[partition]?.isStarted = false }
            return started
        }
        let list = PartitionList(started)
        return unsafe handle.attempt("release") { client throws(KafkaError) in
            let error = unsafe list.with { unsafe rd_kafka_incremental_unassign(client, $0) }
            guard let refusal = unsafe KafkaError("release", consuming: error) else { return }
            guard unsafe rd_kafka_assign(client, nil) == RD_KAFKA_RESP_ERR_NO_ERROR else { throw refusal }
        }
    }

    private func errorEvent(_ event: borrowing Event) -> ConsumerEvent {
        let error = event.error("consume")
        guard let (partition, offset) = event.errorPosition() else { return .error(error) }
        if error.code == .partitionEnd { return .endOfPartition(partition, offset: offset) }
        // Moves are made by this thread, and librdkafka drops what is older than the last: it failed on the way from there.
        let next = assignment.withLock { $0.flow[partition]?.next }
        return .partitionError(partition, offset: offset < 0 ? nil : offset, from: next ?? offset, error)
    }
}
