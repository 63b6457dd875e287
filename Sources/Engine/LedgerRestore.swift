package import Contract

/// Reads a partition's ledger back: which stretch of it, when that is read, and what is known then.
///
/// It runs beside the engine, so that the other partitions go on being served, and hands over a finished value.
package struct LedgerRestore: Sendable {
    /// Which part of the ledger to read.
    package enum Plan: Equatable, Sendable {
        case read(from: Int64, to: Int64)
        /// The offset to begin at lies beyond the end: the topic was recreated, and what the old one knew is lost.
        case recreated

        /// - Parameters:
        ///   - recorded: the ledger offset that came with the committed one; nil when none did.
        ///   - start: the ledger partition's first offset.
        ///   - end: its high watermark, taken *after* the committed offset was known, and not the last stable offset, which
        ///     would hide what a dead owner's open transaction is about to commit.
        ///   - acceptsLoss: take the partition over without what a lost ledger knew.
        package init(recorded: Int64?, start: Int64, end: Int64, acceptsLoss: Bool) {
            guard let recorded else {
                self = .read(from: start, to: end)
                return
            }
            if recorded > end {
                self = acceptsLoss ? .read(from: start, to: end) : .recreated
            } else {
                self = .read(from: max(recorded, start), to: end)
            }
        }
    }

    /// What need not be remembered: it is forgotten while the rest is read, so that memory holds what is alive and no more.
    package struct Horizon: Equatable, Sendable {
        package var retention: Duration
        /// The group's committed offset: what comes from a record that is not below it is never forgotten.
        package var committed: Int64

        package init(retention: Duration, committed: Int64) {
            self.retention = retention
            self.committed = committed
        }
    }

    /// Records between two looks at what can be forgotten, and how much is forgotten in each: more than came in.
    private static let stride = 64
    private let horizon: Horizon
    private let now: WallTime
    private var ledger: SessionLedger
    /// Records applied, and records that were none of ours.
    package private(set) var applied = 0
    package private(set) var ignored = 0

    /// Begins, at a moment of the wall clock.
    package init(_ horizon: Horizon, at now: WallTime) {
        self.horizon = horizon
        self.now = now
        ledger = SessionLedger(retention: horizon.retention)
    }

    /// Applies one record, in the order of its partition.
    package mutating func apply(
        key: [UInt8]?,
        value: [UInt8]?,
        offset: Int64,
        timestamp: WallTime,
        digest: (SessionID) -> SessionDigest
    ) {
        guard let key, let record = LedgerRecord(key: key, value: value) else {
            ignored += 1
            return
        }
        applied += 1
        ledger.restore(record.content, session: digest(record.session), ledgerOffset: offset, timestamp: timestamp)
        if applied.isMultiple(of: Self.stride) {
            _ = ledger.expire(at: now, committed: horizon.committed, limit: 2 * Self.stride)
        }
    }

    /// The position reached the plan's end.
    package consuming func finished() -> SessionLedger {
        ledger.restoreEnded()
        return ledger
    }
}
