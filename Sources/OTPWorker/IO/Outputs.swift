import OTPContract
package import OTPEngine
package import OTPKafka

/// A batch as records, each with its index in the batch.
package struct Outputs {
    package private(set) var records: [OutgoingRecord] = []
    package private(set) var references: [OutputReference] = []
    /// Indices of the results that go where their commands asked.
    private var replies: [Int] = []
    /// What became of the results that were asked for elsewhere than on the default topic.
    package private(set) var replyCounts: [ReplyRoutes.Kind: Int] = [:]

    /// Lays a batch out, each result where `routes` sends it.
    package init(_ batch: Batch, _ topics: WorkerConfiguration.Topics, _ routes: ReplyRoutes) {
        records.reserveCapacity(batch.results.count + batch.ledger.count)
        for (index, result) in batch.results.enumerated() {
            let route = routes.route(result.reply, from: result.record.epoch.partition)
            var event = result.event
            if route.kind != .standard { replyCounts[route.kind, default: 0] += 1 }
            if route.kind == .routed { replies.append(records.count) }
            if route.kind == .unavailable { event.undeliverable = true }
            append(
                OutgoingRecord(
                    topic: route.topic,
                    partition: route.partition,
                    key: event.key(),
                    value: event.encode(),
                    headers: event.headers()
                ),
                .result(index)
            )
        }
        for (index, write) in batch.ledger.enumerated() {
            append(
                OutgoingRecord(
                    topic: topics.ledger,
                    partition: write.partition,
                    key: write.key,
                    value: write.value
                ),
                .ledger(index)
            )
        }
        for (index, letter) in batch.deadLetters.enumerated() {
            append(
                OutgoingRecord(
                    topic: topics.deadLetters,
                    key: letter.letter.key,
                    value: letter.letter.value,
                    headers: letter.letter.headersForRecord()
                ),
                .deadLetter(index)
            )
        }
    }

    private mutating func append(_ record: OutgoingRecord, _ reference: OutputReference) {
        records.append(record)
        references.append(reference)
    }

    /// How a transaction ended, as the engine takes it.
    package func event(for outcome: TransactionOutcome, of batch: BatchID) -> Event {
        switch outcome {
        case .committed(let offsets):
            let ledger = references.indices.filter {
                if case .ledger = references[$0] { true } else { false }
            }
            return .committed(batch, ledgerOffsets: ledger.map { offsets[$0] })
        case .aborted(let abortion):
            let (cause, faults) = reading(of: abortion)
            return .commitAborted(
                batch,
                cause,
                faults: faults,
                isProducerLost: abortion.needsNewProducer,
                reason: "\(abortion.faults.first { $0.error.isOfTheRecord }?.error ?? abortion.cause)"
            )
        case .unknown(let error): return .commitUnknown(batch, isFenced: false, reason: "\(error)")
        case .fenced(let error): return .commitUnknown(batch, isFenced: true, reason: "\(error)")
        }
    }
}

extension Outputs {
    /// What an abort says of the batch: whose fault it is, as far as anybody says.
    private func reading(of abortion: Abortion) -> (AbortCause, [OutputReference]) {
        let (cause, faults) = (abortion.cause, abortion.faults)
        if abortion.producer == .fenced { return (.fenced, []) }
        switch cause.code {
        case .illegalGeneration: return (.stale, [])
        case .unknownMemberID, .fencedInstanceID: return (.unknownMember, [])
        default: if cause.isFencing { return (.fenced, []) }
        }
        let tooLarge = faults.filter(\.error.isTooLarge)
        if !tooLarge.isEmpty { return (.tooLarge, tooLarge.map { references[$0.index] }) }
        let guilty = faults.filter(\.error.isOfTheRecord)
        if !guilty.isEmpty { return (.outputs, guilty.map { references[$0.index] }) }
        // The group's offsets and the transactional id are no topic's matter.
        if cause.code == .topicAuthorizationFailed { return (.denied, []) }
        let suspects = suspects(cause, faults)
        if !suspects.isEmpty { return (.outputs, suspects) }
        return (cause.isOfTheRecord ? .outputs : .transient, [])
    }

    /// Replies come first under suspicion where nobody is named, or where nothing was heard of a record in time: they have
    /// another way to go, and their requesters have long given up.
    private func suspects(_ cause: KafkaError, _ faults: [RecordFault]) -> [OutputReference] {
        guard cause.isOfTheRecord || cause.isLateRecord else { return [] }
        let named = replies.filter { reply in faults.contains { $0.index == reply } }
        return (named.isEmpty ? replies : named).map { references[$0] }
    }

    /// The topics beside the default one that the named outputs were to go to.
    func replyTopics(of faults: [OutputReference]) -> Set<String> {
        Set(replies.filter { faults.contains(references[$0]) }.map { records[$0].topic })
    }
}

extension KafkaError {
    /// A record, not the transaction's coordinator, did not answer in time.
    fileprivate var isLateRecord: Bool { code == .messageTimedOut || operation == "produce" && code == .timedOut }

    /// Refused for what it is or where it goes, not for the state that the cluster is in: waiting does not help.
    var isOfTheRecord: Bool {
        isDestinationUnusable || code == .messageTooLarge || code == .invalidRecord || code == .policyViolation
    }
}

extension KafkaError.Code {
    /// INVALID_RECORD: the broker refuses the record itself.
    static let invalidRecord = Self(rawValue: 87)
    /// POLICY_VIOLATION.
    static let policyViolation = Self(rawValue: 44)
}
