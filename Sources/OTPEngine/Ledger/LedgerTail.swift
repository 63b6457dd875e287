/// Where things lie at the end of a partition's ledger: what is acknowledged, what is on its way there, and our newest barrier.
struct LedgerTail {
    /// The newest ledger offset known to be acknowledged; at first the one that the restore read up to.
    private(set) var newest: Int64 = 0
    /// Per record whose intent is not acknowledged yet: the newest ledger offset acknowledged before it was produced.
    private var unacknowledged: [Int64: Int64] = [:]
    /// Where our newest barrier lies, and since when.
    private(set) var barrier: (offset: Int64, since: Instant)?
    private(set) var isBarrierUnderWay = false

    mutating func restoreBegan(through barrier: Int64) { newest = barrier }

    /// A record that was produced when `floor` was the newest offset acknowledged lies at `ledgerOffset`: if that is before it, the
    /// ledger was made again, and its offsets count from 0.
    mutating func acknowledged(_ ledgerOffset: Int64?, producedAfter floor: Int64?) {
        guard let ledgerOffset else { return }
        let isMadeAgain = floor.map { ledgerOffset < $0 } ?? false
        newest = isMadeAgain ? ledgerOffset : max(newest, ledgerOffset)
    }

    /// Where the next owner must begin to read, from what has not been acknowledged, if the oldest living entry lies here.
    func floor(oldestEntry: Int64?) -> Int64 {
        min(newest, oldestEntry ?? .max, unacknowledged.values.min() ?? .max)
    }

    // MARK: Intents

    mutating func intentBegan(_ offset: Int64) {
        unacknowledged[offset] = min(unacknowledged[offset] ?? .max, newest)
    }

    /// - Returns: where it lies; where the broker does not say, the oldest offset that it can have stands for it.
    mutating func intentWritten(_ offset: Int64, ledgerOffset: Int64?) -> Int64 {
        let floor = unacknowledged.removeValue(forKey: offset)
        let offset = ledgerOffset ?? floor ?? newest
        acknowledged(ledgerOffset, producedAfter: floor)
        return offset
    }

    /// The record is finished, whatever became of its intent.
    mutating func finished(_ offset: Int64) { unacknowledged[offset] = nil }

    // MARK: Barriers

    mutating func barrierBegan() { isBarrierUnderWay = true }

    /// - Returns: whether it was waited for.
    mutating func barrierWritten(at offset: Int64, now: Instant) -> Bool {
        guard isBarrierUnderWay else { return false }
        isBarrierUnderWay = false
        barrier = (offset, now)
        return true
    }

    /// - Returns: whether it was waited for.
    mutating func barrierFailed(at now: Instant) -> Bool {
        guard isBarrierUnderWay else { return false }
        isBarrierUnderWay = false
        if let barrier { self.barrier = (barrier.offset, now) }
        return true
    }

    /// The takeover begins again: what becomes of its barrier is nobody's concern.
    mutating func barrierGivenUp() { isBarrierUnderWay = false }

    /// Whether the floor has passed our newest barrier, and that long enough ago.
    func wantsBarrier(floor: Int64, at now: Instant) -> Bool {
        guard !isBarrierUnderWay, let barrier, now - barrier.since >= Limits.barrierInterval else { return false }
        return floor > barrier.offset
    }
}
