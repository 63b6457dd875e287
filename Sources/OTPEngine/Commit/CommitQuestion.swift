/// What one partition's ledger is asked about a transaction of which nobody knows how it ended.
///
/// A committed offset that names the transaction proves it. One that names another proves nothing: a coordinator that has been
/// deposed and does not know it answers an older one, and then what was published would be published again. The ledger cannot be
/// mistaken: read by a `read_committed` reader from where the transaction can have begun until a barrier that was written *after*
/// it was decided (by the next `init_transactions` of its id), it holds word of the records that the transaction finished, or it was
/// aborted. Only the true leader's log has that barrier. Only a ledger that was made again after it knows nothing: then the offset's
/// word must do.
package struct CommitQuestion: Equatable, Sendable {
    package var epoch: PartitionEpoch
    /// Nothing of the transaction lies before this offset, if the ledger is still the one that it was.
    package var from: Int64
    /// The barrier to write, and to read until.
    package var barrier: LedgerBarrier
    /// Records that the transaction finished here: nobody else can have, while the partition is owned throughout.
    package var finished: Set<Int64>

    package init(epoch: PartitionEpoch, from: Int64, barrier: LedgerBarrier, finished: Set<Int64>) {
        self.epoch = epoch
        self.from = from
        self.barrier = barrier
        self.finished = finished
    }

    /// Where reading until that barrier begins; nil is the ledger's beginning.
    ///
    /// A barrier before `from` lies in a ledger that was made again, and so may one that lies behind few records: there the
    /// transaction can be anywhere.
    package func start(readingThrough barrierOffset: Int64) -> Int64? {
        barrierOffset < from || from <= Limits.smallLedger ? nil : from
    }

    /// Whether a record of the ledger is the transaction's own word of a record that it finished.
    package func isAnswered(byKey key: [UInt8]?, value: [UInt8]?) -> Bool {
        guard let key else { return false }
        if let found = LedgerBarrier(key: key, value: value) {
            return found.process == barrier.process && found.finished.map(finished.contains) == true
        }
        guard case .state(let codes, _)? = LedgerRecord(key: key, value: value)?.content else { return false }
        return codes.contains { $0.outcome != nil && finished.contains($0.source) }
    }
}
