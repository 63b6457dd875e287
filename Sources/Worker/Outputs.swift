import Contract
package import Engine
package import Kafka

/// A batch as records, each with its place in the batch.
package struct Outputs {
    package private(set) var records: [OutgoingRecord] = []
    package private(set) var references: [OutputReference] = []

    /// Lays a batch out: results of the first `mirrored` partitions of the commands go to the same partition of theirs, others
    /// where their key says.
    package init(_ batch: Batch, _ topics: WorkerConfiguration.Topics, mirrored: Int) {
        records.reserveCapacity(batch.results.count + batch.ledger.count)
        for (index, result) in batch.results.enumerated() {
            let number = result.record.place.partition
            let partition = number < mirrored ? number : nil
            append(
                OutgoingRecord(
                    topic: topics.results,
                    partition: partition,
                    key: result.event.key(),
                    value: result.event.encode(),
                    headers: result.event.headers()
                ),
                .result(index)
            )
        }
        for (index, write) in batch.ledger.enumerated() {
            append(
                OutgoingRecord(
                    topic: topics.ledger,
                    partition: write.partition,
                    key: write.record.key,
                    value: write.record.value
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
        case .aborted(let cause, let faults):
            let guilty = faults.filter(\.error.isOfTheRecord)
            if !guilty.isEmpty {
                return .commitAborted(
                    batch,
                    .outputs,
                    faults: guilty.map { references[$0.index] },
                    reason: "\(guilty[0].error)"
                )
            }
            let kind: AbortCause = cause.isFencing ? .stale : cause.isOfTheRecord ? .outputs : .transient
            return .commitAborted(batch, kind, faults: [], reason: "\(cause)")
        case .unknown(let error): return .commitUnknown(batch, isFenced: false, reason: "\(error)")
        case .fenced(let error): return .commitUnknown(batch, isFenced: true, reason: "\(error)")
        }
    }
}

extension KafkaError {
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
