/// A way in which a shell could fail the engine, each one that a real one had.
///
/// For the proof that the simulation would notice; off by default.
package enum ShellFault: String, CaseIterable, Sendable {
    /// The barrier is written, and reading ends where a leader that was deposed says that the log ends.
    case restoreEndsAtStaleEnd
    /// Reading stops where nothing more is stable.
    case restoreStopsAtStable
    /// Pending transactional offsets are not waited for.
    case committedNotAwaited
    /// What became of a commit is read in the ledger before all that lies before the barrier is stable.
    case proofNotAwaited
    /// The group's metadata is read when the offsets are sent.
    case metadataNewerThanBatch
    /// That the consumer joined again before it gave back what it was asked for is not noticed.
    case earlyJoinNotNoticed
    /// Offsets are sent without a member, which the broker does not fence.
    case metadataWithoutMember
    /// A lost answer is taken for an abort.
    case unknownTakenForAborted
    /// The engine is not asked before a byte is written.
    case permitsNotAsked
    /// The call does not wait for the intent's acknowledgement.
    case intentNotAwaited
}
