/// One transaction after another: which is open, how large the next may be and when, and which producer carries it out.
///
/// What a batch holds is formed elsewhere; what an end means for commands and partitions is decided elsewhere.
struct Committing {
    private(set) var transaction: TransactionState
    private let maximumBatch: Int
    private var counter: UInt64 = 0
    /// Records in the next batch at the most.
    private(set) var limit: Int
    /// The partition that the next batch begins with, so that a full batch starves none.
    private var rotation = 0
    /// An outcome waits for a transaction.
    private(set) var hasOutcomes = false
    private var pace: CommitPace
    private(set) var lastCommit: Instant
    /// Transactions in a row that were aborted without a reason of their own.
    private var transientAborts = 0
    private var backOff = BackOff()
    private var producerBackOff = BackOff()
    private var ownFailure: String?
    private var intentFailure: String?
    /// The broker refuses dead letters: until when none is written, and why.
    private(set) var lettersDenied: (until: Instant, reason: String)?

    init(batchBytes: Int, maximumBatch: Int, interval: Duration, now: Instant) {
        transaction = TransactionState(batchBytes: batchBytes)
        pace = CommitPace(interval: interval, now: now)
        self.maximumBatch = maximumBatch
        limit = maximumBatch
        lastCommit = now
    }

    /// Why there is no producer of transactions, or else of intents.
    var producerFailure: String? { ownFailure ?? intentFailure }
    var hasProducers: Bool { transaction.hasProducer && intentFailure == nil }

    // MARK: The next batch

    mutating func outcomeWaits() { hasOutcomes = true }

    /// When outcomes that are in no hurry are published.
    var nextInPace: Instant { pace.next }

    /// - Returns: the next batch's counter.
    mutating func begins(at now: Instant) -> UInt64 {
        if let denied = lettersDenied, now >= denied.until { lettersDenied = nil }
        return counter + 1
    }

    /// - Returns: which of so many partitions comes first this time.
    mutating func rotated(among partitions: Int) -> Int {
        rotation = partitions == 0 ? 0 : (rotation + 1) % partitions
        return rotation
    }

    /// The batch took what there was, or as much as there was room for.
    mutating func collected(isEverything: Bool) { hasOutcomes = !isEverything }

    mutating func formed(_ open: TransactionState.Open) {
        counter += 1
        pace.began(at: open.formed)
        transaction.formed(open)
    }

    // MARK: How it ended

    /// - Returns: what was in it; nil when this is news of another one.
    mutating func committed(_ id: BatchID, at now: Instant) -> TransactionState.Open? {
        guard let open = transaction.committed(id) else { return nil }
        pace.committed(after: now - open.formed, at: now)
        return open
    }

    /// It counted, however that was learnt.
    mutating func counted(at now: Instant) {
        lastCommit = now
        backOff.succeeded()
        producerBackOff.succeeded()
        transientAborts = 0
        limit = min(maximumBatch, limit * 2)
    }

    /// It certainly did not commit; `isCorrected`: the next is formed at once, for what was refused is changed.
    mutating func aborted(_ id: BatchID, isCorrected: Bool, at now: Instant) -> TransactionState.Open? {
        transaction.aborted(id, until: isCorrected ? nil : now + backOff.failed())
    }

    /// It had no reason of its own.
    /// - Returns: whether a new producer is needed: its id may be locked by what was aborted before, and only a new one learns that.
    mutating func abortedTransiently(records: Int, after duration: Duration) -> Bool {
        transientAborts += 1
        // Under a quota, or on slow disks, as much again would take as long again, and never come through.
        if duration >= Limits.longTransaction { limit = max(1, min(limit, records) / 2) }
        return transientAborts > 1
    }

    /// Something among so many records is at fault, and nobody says what.
    /// - Returns: whether half of it is tried next; else there is nothing to halve.
    mutating func suspected(records: Int) -> Bool {
        guard records > 1, limit > 1 else { return false }
        limit = max(1, records / 2)
        return true
    }

    mutating func deniedLetters(reason: String, at now: Instant) {
        lettersDenied = (now + Limits.deniedPause, reason)
    }

    /// Several outputs together were too large.
    /// - Returns: the bytes to go on with; nil when there is no less to try.
    mutating func cutBatchBytes() -> Int? { transaction.cutBatchBytes() }

    /// The outputs take less than the producer may send at once.
    /// - Returns: whether it is given up for that.
    mutating func lowered(batchBytes: Int) -> Bool { transaction.lower(batchBytes: batchBytes) }

    /// An output of the open batch cannot be written now.
    /// - Returns: which to abort at once; nil when it was told already, or holds nothing of these partitions.
    mutating func blocked(_ unwritable: [Int32: String]) -> BatchID? {
        guard case .committing(let open) = transaction.phase, !open.isCancelled,
            open.shares.keys.contains(where: { unwritable[$0.partition] != nil })
        else { return nil }
        transaction.cancelled()
        return open.id
    }

    // MARK: Nobody knows

    mutating func becameUnknown(_ id: BatchID, reason: String) -> TransactionState.Open? {
        guard let open = transaction.becameUnknown(id) else { return nil }
        ownFailure = reason
        return open
    }

    mutating func unresolved(_ id: BatchID, at now: Instant) {
        transaction.unresolved(id, retryAt: now + backOff.failed())
    }

    mutating func resolved(_ id: BatchID) { transaction.resolved(id) }

    /// - Returns: the transaction to resolve again.
    mutating func timeReached(_ now: Instant) -> TransactionState.Open? { transaction.timeReached(now) }

    // MARK: The producer

    mutating func producerLost(reason: String) { ownFailure = reason }

    mutating func intentProducer(failure: String?) { intentFailure = failure }

    /// - Returns: the transaction to resolve, if one is pending under its id.
    mutating func producerReady() -> TransactionState.Open? {
        ownFailure = nil
        return transaction.producerReady()
    }

    /// The slot's other id goes on.
    mutating func switched() -> Fact {
        transaction.switchProducer()
        return .producerSwitched(isAlternate: transaction.producer.isAlternate)
    }

    /// A new producer, after so long.
    func replacement(after wait: Duration) -> Effect { .replaceProducer(transaction.producer, after: wait) }

    /// A new producer, after the next wait of the back-off.
    mutating func replacement() -> Effect { replacement(after: producerBackOff.failed()) }

    /// The producer is given up while nothing is open.
    /// - Returns: what makes another, after so long or the next wait of the back-off; nil while something is open.
    mutating func abandoned(for wait: Duration? = nil) -> Effect? {
        guard transaction.producerAbandoned() else { return nil }
        return wait.map { replacement(after: $0) } ?? replacement()
    }
}
