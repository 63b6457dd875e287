package import OTPContract

/// What happened, in the past tense.
///
/// The shell reports facts; the engine alone decides what follows.
package enum Event: Sendable {
    // The group
    case started
    case assigned([Int32])
    case revoked([Int32])
    /// The group gave them to others already.
    case lost([Int32])
    /// The latest moment at which the coordinator answered the consumer anything; said again and again.
    case coordinatorHeard(at: Instant)
    /// The consumer can't go on; `isDisplaced`: another process has its instance id.
    case consumerFailed(isDisplaced: Bool, reason: String)
    case consumerRecreated
    /// The command topic has so many partitions now.
    case partitionsCounted(Int)

    // Restoring a partition
    case positionsFetched(PartitionEpoch, Positions)
    /// The takeover's record, or its renewal, was acknowledged by all replicas at this ledger offset.
    case barrierWritten(PartitionEpoch, ledgerOffset: Int64)
    case barrierFailed(PartitionEpoch, reason: String)
    /// An undecided transaction holds the ledger's stable end below the barrier, and has for ``Limits/predecessorPatience``;
    /// whose it may be, if the ledger says.
    case restoreHeldUp(PartitionEpoch, by: LedgerBarrier?)
    case restored(PartitionEpoch, LedgerRestore.Result, at: WallTime)
    case restoreFailed(PartitionEpoch, reason: String)

    // Commands
    case received([ReceivedRecord], at: WallTime)
    case reachedEnd(PartitionEpoch, offset: Int64)
    /// The partition cannot be read from where it stands.
    case partitionUnreadable(PartitionEpoch, reason: String)
    /// What lies at this offset is damaged, and will be for ever; nil: at the position, as far as is known.
    ///
    /// `from`: the next offset to be read when that was found.
    case partitionUndecodable(PartitionEpoch, offset: Int64?, from: Int64, reason: String)
    /// The commands' last stable offsets, as their leaders say: none is later than the truth, and some may be earlier.
    case endsFetched([PartitionEpoch: Int64])

    // The ledger's intents
    /// `ledgerOffset` is nil when the broker did not say.
    case intentWritten(RecordID, ledgerOffset: Int64?)
    case intentFailed(RecordID, isPermanent: Bool, reason: String)
    /// The producer of intents could not be made, and is tried again; nil: there is one.
    case intentProducer(failure: String?)

    // The outputs
    /// What the cluster's metadata says of them: partitions of the commands whose results or ledger cannot be written now, and
    /// why; the others' can, as far as is known.
    case outputsLooked([Int32: String])
    /// Bytes of one partition's records in a request that every output takes now, as the topics' settings say.
    case batchLimitRead(Int)

    // The upstream
    case answered(RecordID, UpstreamAnswer)
    /// Calls that begin from now on carry another key.
    case keyReplaced

    // Transactions
    case producerReady
    /// `isLocked`: the coordinator has decided what was open under this id, and cannot write it down everywhere for now.
    case producerFailed(isLocked: Bool, reason: String)
    /// The ledger offsets of the batch's ledger writes, in its order; nil where the broker did not say.
    case committed(BatchID, ledgerOffsets: [Int64?])
    /// It certainly did not commit; `isProducerLost`: the producer is of no more use, and another must be made.
    case commitAborted(BatchID, AbortCause, faults: [OutputReference], isProducerLost: Bool, reason: String)
    /// The answer was lost, or the producer is fatal: it may have committed.
    case commitUnknown(BatchID, isFenced: Bool, reason: String)
    /// Whether the ledgers that were asked hold what a batch finished there; empty where none could be read.
    case commitResolved(BatchID, [PartitionEpoch: Bool])

    // Time and the end
    case timeReached(wall: WallTime)
    case drainRequested
}

extension Event {
    /// Work got on by it, well or badly.
    var isProgress: Bool {
        switch self {
        case .received, .intentWritten, .intentFailed, .answered, .committed, .commitAborted, .commitUnknown,
            .commitResolved, .restored, .barrierWritten:
            true
        case .started, .assigned, .revoked, .lost, .coordinatorHeard, .consumerFailed, .consumerRecreated,
            .positionsFetched, .barrierFailed, .restoreHeldUp, .restoreFailed, .reachedEnd, .partitionUnreadable,
            .partitionUndecodable, .intentProducer,
            .endsFetched, .partitionsCounted, .outputsLooked, .batchLimitRead, .producerReady, .producerFailed,
            .keyReplaced,
            .timeReached, .drainRequested:
            false
        }
    }
}
