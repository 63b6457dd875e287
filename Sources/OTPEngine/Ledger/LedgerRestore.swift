package import OTPContract

/// Reads a partition's ledger back: which stretch of it, when that is read, and what is known then.
///
/// It runs beside the engine, so that the other partitions go on being served, and hands over a finished value.
package struct LedgerRestore: Sendable {
    /// Where to begin to read the ledger.
    package enum Plan: Equatable, Sendable {
        /// Nil: at its first record.
        case read(from: Int64?)
        /// The offset to begin at lies beyond the end: the topic was recreated, and what the old one knew is lost.
        case recreated

        /// - Parameters:
        ///   - recorded: the ledger offset that came with the committed one; nil when none did.
        ///   - barrier: where this takeover's record lies, written *after* the committed offset was known: whatever a dead owner
        ///     wrote lies before it.
        ///   - acceptsLoss: take the partition over without what a lost ledger knew.
        package init(recorded: Int64?, barrier: Int64, acceptsLoss: Bool) {
            if let recorded, recorded > barrier {
                self = acceptsLoss ? .read(from: nil) : .recreated
            } else {
                self = .read(from: recorded)
            }
        }
    }

    /// What need not be remembered: it is forgotten while the rest is read, so that memory holds what is alive and no more.
    package struct Horizon: Equatable, Sendable {
        package var retention: Duration
        /// The group's committed offset: what comes from a record that is not below it is never forgotten.
        package var committed: Int64
        /// Offsets above it that are finished; nil where the committed offset came without metadata of ours, and so says nothing of
        /// what was finished beyond it (somebody moved it).
        package var finished: Set<Int64>?

        package init(retention: Duration, committed: Int64, finished: Set<Int64>?) {
            self.retention = retention
            self.committed = committed
            self.finished = finished
        }

        /// What the ledger says of a record is committed together with the offset that finishes it, so word of one that is not
        /// finished proves the offset older than the ledger.
        fileprivate func isUnfinished(_ source: Int64) -> Bool {
            guard let finished else { return false }
            return source >= committed && !finished.contains(source)
        }
    }

    /// What was read.
    package struct Result: Sendable {
        package var ledger: SessionLedger
        /// The newest record that the ledger has an outcome for and the committed offset does not cover; nil when there is none.
        package var finishedBeyond: Int64?

        package init(ledger: SessionLedger, finishedBeyond: Int64? = nil) {
            self.ledger = ledger
            self.finishedBeyond = finishedBeyond
        }
    }

    /// Records between two looks at what can be forgotten, and how much is forgotten in each: more than came in.
    private static let stride = 64
    private let horizon: Horizon
    private let now: WallTime
    private let process: UInt64
    private var ledger: SessionLedger
    private var finishedBeyond: Int64?
    /// Who took the partition over last, this process aside: the one whose transaction may be open.
    package private(set) var predecessor: LedgerBarrier?
    /// Records applied, and records that were none of ours.
    package private(set) var applied = 0
    package private(set) var ignored = 0

    /// Begins, at a moment of the wall clock, for the process that restores.
    package init(_ horizon: Horizon, process: UInt64, at now: WallTime) {
        self.horizon = horizon
        self.process = process
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
        if let key, let barrier = LedgerBarrier(key: key, value: value) {
            if barrier.process != process { predecessor = barrier }
            if let source = barrier.finished { note(source) }
            return
        }
        guard let key, let record = LedgerRecord(key: key, value: value) else {
            ignored += 1
            return
        }
        applied += 1
        if case .state(let codes, _) = record.content {
            for code in codes where code.outcome != nil { note(code.source) }
        }
        ledger.restore(record.content, session: digest(record.session), ledgerOffset: offset, timestamp: timestamp)
        if applied.isMultiple(of: Self.stride) {
            _ = ledger.expire(at: now, committed: horizon.committed, limit: 2 * Self.stride)
        }
    }

    private mutating func note(_ source: Int64) {
        if horizon.isUnfinished(source) { finishedBeyond = max(finishedBeyond ?? source, source) }
    }

    /// The barrier itself has come.
    package consuming func finished() -> Result {
        ledger.restoreEnded()
        return Result(ledger: ledger, finishedBeyond: finishedBeyond)
    }
}
