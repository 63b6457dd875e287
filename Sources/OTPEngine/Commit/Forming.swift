import OTPContract

/// A batch while it is put together, and beside it what is remembered until its end is known.
struct Forming {
    private(set) var batch: Batch
    private(set) var open: TransactionState.Open

    init(id: BatchID, at now: Instant, leaseLosses: UInt64) {
        batch = Batch(id: id)
        open = TransactionState.Open(
            id: id,
            formed: now,
            leaseLosses: leaseLosses,
            results: [],
            ledger: [],
            deadLetters: [],
            shares: [:]
        )
    }

    mutating func append(_ result: Batch.Result) {
        batch.results.append(result)
        open.results.append(result.record)
        if result.reply != nil { open.replies.append(result.record) }
    }

    mutating func append(_ letter: DeadLetter, of record: RecordID) {
        batch.deadLetters.append(.init(record: record, letter: letter))
        open.deadLetters.append(record)
    }

    mutating func append(_ content: LedgerRecord.Content, _ session: SessionID, _ epoch: PartitionEpoch) {
        append(.init(partition: epoch.partition, record: LedgerRecord(session: session, content: content)), epoch)
    }

    mutating func append(_ barrier: LedgerBarrier, _ epoch: PartitionEpoch) {
        append(.init(partition: epoch.partition, barrier: barrier), epoch)
    }

    private mutating func append(_ write: Batch.LedgerWrite, _ epoch: PartitionEpoch) {
        batch.ledger.append(write)
        open.ledger.append(epoch)
    }

    /// The offset of a partition, and what the batch does to it.
    mutating func append(_ share: TransactionState.Share, _ epoch: PartitionEpoch, offset: Int64, metadata: String) {
        var share = share
        share.committedOffset = offset
        open.shares[epoch] = share
        batch.offsets.append(.init(epoch: epoch, offset: offset, metadata: metadata))
    }
}
