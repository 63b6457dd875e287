import OTPContract

/// A partition while this worker owns it.
///
/// A reference for the same reason as ``Command``.
final class Partition {
    let epoch: PartitionEpoch
    var life: PartitionLife
    var reading = PartitionReading()
    var outputs = PartitionOutputs()
    var calls = PartitionCalls()
    var uncommitted = Uncommitted()
    var progress = PartitionProgress(committed: 0)
    var ledger = SessionLedger(retention: .zero)
    var tail = LedgerTail()
    private(set) var commands = OffsetTable<Command>()
    var lanes = Lanes()

    init(epoch: PartitionEpoch, now: Instant) {
        self.epoch = epoch
        life = .positioning(.init(at: now))
    }

    var isActive: Bool { life.isActive }
    var isRestored: Bool { life.isRestored }
    var isWritable: Bool { outputs.isWritable }
    /// New calls may begin for it.
    var dispatches: Bool { isActive && isWritable }
    /// It may be part of a transaction.
    var canCommit: Bool { isRestored && isWritable }
    /// Why nothing new is asked of it, or nothing read.
    var parkedFor: String? { outputs.unwritable ?? outputs.parking?.reason ?? reading.unreadable?.reason }
    /// What would be lost of its work if it were given back now: outcomes, and what is under way.
    var unfinished: Int { calls.inFlight + uncommitted.concluded.count }
    /// Where it is read.
    var position: Int64 { reading.passage?.position ?? progress.next }
    /// Where its next owner must begin to read the ledger if it takes over from the batch being formed.
    var ledgerFloor: Int64 { tail.floor(oldestEntry: ledger.oldestOffset) }

    /// There is something for a transaction at once, beside outcomes.
    var hasNews: Bool { !uncommitted.voids.isEmpty || uncommitted.skipped.contains(where: hasPassed) }
    /// There is an offset to commit, though nothing came to an outcome.
    var hasMoved: Bool { progress.hasMoved || uncommitted.lacksOffset }

    /// What was passed over there counts as finished: a record after it has been taken, or the log's end.
    func hasPassed(_ range: Range<Int64>) -> Bool { range.upperBound <= progress.next }

    subscript(offset: Int64) -> Command? { commands[offset] }

    func admitted(_ command: Command) { commands.append(command, at: command.offset) }

    /// - Returns: the command, unless it has gone before.
    func finished(_ offset: Int64) -> Command? {
        guard let command = commands.remove(at: offset) else { return nil }
        tail.finished(offset)
        return command
    }

    /// Ascending by offset.
    func inOrder(where isMeant: (Command) -> Bool) -> [Command] { commands.values.filter(isMeant) }
}
