package import OTPContract

/// What is to be done, in the imperative.
///
/// The shell does it, in this order, and decides nothing.
package enum Effect: Sendable {
    // The group
    case subscribe
    /// A new consumer, after this long.
    case recreateConsumer(after: Duration)
    /// Take the partitions over, paused.
    case assign([PartitionEpoch])
    /// Give them back: the answer to a revocation or a loss.
    case release([Int32])
    case pause([PartitionEpoch])
    /// Go on from where the partition was paused.
    case unpause([PartitionEpoch])
    /// Begin to receive at this offset, for certain: whatever state the reading is in.
    case resume(PartitionEpoch, offset: Int64)

    // Restoring a partition
    case fetchPositions([PartitionEpoch], timeout: Duration)
    /// Write it to the partition's ledger, acknowledged by all replicas.
    case writeBarrier(PartitionEpoch, LedgerBarrier)
    /// Read the ledger read_committed from an offset (nil: its first) until the barrier itself has come.
    case readLedger(
        PartitionEpoch,
        from: Int64?,
        through: Int64,
        horizon: LedgerRestore.Horizon,
        timeout: Duration
    )
    /// Decide what a predecessor left open under these transactional ids.
    case fence(PartitionEpoch, transactionalIDs: [String])
    /// Ask the leaders where these partitions of the commands end.
    case fetchEnds([PartitionEpoch], timeout: Duration)

    // A command
    case writeIntent(RecordID, LedgerRecord)
    case call(RecordID, VerifyCommand, headers: [Header], timeout: Duration)

    // Transactions
    /// A new producer (and its `init_transactions`), after this long.
    case replaceProducer(ProducerChoice, after: Duration)
    case commit(Batch)
    /// Abort it at once, if it has not come to its commit.
    case cancelCommit(BatchID)
    /// Find out how it ended: the first of these ledgers that can be read answers for the whole.
    case resolveCommit(BatchID, [CommitQuestion], timeout: Duration)

    /// Call again at this moment at the latest.
    case wake(at: Instant)
    case report(Fact)
    /// Leave the group and end.
    case stop
}
