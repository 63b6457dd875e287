import DequeModule
import OTPContract

/// A partition while this worker owns it.
///
/// A reference for the same reason as ``Command``.
final class Partition {
    enum Phase: Equatable {
        /// The committed offset is being asked for.
        case positioning
        /// The takeover's record is being written to the ledger.
        case writingBarrier
        case reading
        /// The last try failed.
        case retrying(at: Instant)
        case active
        /// To be given back; what finishes until then is settled.
        case revoking
    }

    struct Pauses: OptionSet {
        let rawValue: UInt8
        static let admission = Pauses(rawValue: 1)
        static let window = Pauses(rawValue: 2)
        static let parked = Pauses(rawValue: 4)
        static let leaving = Pauses(rawValue: 8)
        static let unreadable = Pauses(rawValue: 16)
        static let unwritable = Pauses(rawValue: 32)
    }

    struct Parking {
        var until: Instant
        var reason: String
    }

    let place: PartitionEpoch
    var phase = Phase.positioning
    var pauses: Pauses = []
    var positions = Positions(committed: nil, metadata: nil, earliest: 0, end: 0)
    var metadata: OffsetMetadata?
    var restoreBegan: Instant
    var restoreBackOff = BackOff()
    /// Tries that found the committed offset older than the ledger.
    var staleOffsets = 0

    var progress = PartitionProgress(committed: 0)
    var ledger = SessionLedger(retention: .zero)
    var commands: [Int64: Command] = [:]
    /// Commands of one session, in order; the first is the one being handled.
    var lanes: [SessionDigest: Lane] = [:]
    /// Outcomes that wait for a transaction, in the order in which they were reached.
    var concluded: Deque<Command> = []
    /// Intents of commands left to the next owner although nothing about them is in doubt.
    var voids: [Command] = []
    /// Per session its tombstones that are not committed yet.
    ///
    /// An intent under the same key must not be written before they are: they would wipe it out.
    var tombstones: [SessionDigest: Int] = [:]
    /// Per phone its commands that are being asked about: each may turn out to be a wrong code.
    var guesses: [PhoneDigest: Int] = [:]
    /// Records too far ahead of the watermark, in order, and the log's end if that is.
    var held: Deque<ReceivedRecord> = []
    var heldEnd: Int64?
    /// Calls and intents under way.
    var inFlight = 0
    /// Of them, intents.
    var intentsUnderWay = 0
    /// Commands that wait for one of those to end.
    var heldBack: Deque<Command> = []
    var parking: Parking?
    /// Why its results or its ledger cannot be written, as the cluster's metadata says.
    var unwritable: String?
    /// It cannot be read from where it stands; what was read before goes on.
    var unreadable: Parking?
    var readingBackOff = BackOff(first: Limits.firstParking, longest: Limits.longestParking)
    var parkingBackOff = BackOff(first: Limits.firstParking, longest: Limits.longestParking)
    var reading = ReadingWatch()
    var passage: Passage?
    /// Records that could not be decoded and were passed over: a dead letter each is owed.
    var skipped: [Range<Int64>] = []
    /// The group has no offset of it: one is committed though nothing has moved, so that nobody takes the whole topic for its lag.
    var lacksOffset = false
    /// Where its newest barrier of ours lies, and since when.
    var barrier: (offset: Int64, since: Instant)?
    var isBarrierUnderWay = false
    /// Processes whose transactions were decided in their place during this takeover: each once.
    var fenced: Set<UInt64> = []

    /// The newest ledger offset known to be acknowledged; at first the one that the restore read up to.
    var newestLedgerOffset: Int64 = 0
    /// Per record whose intent is not acknowledged yet: the newest ledger offset acknowledged before it was produced.
    var unacknowledged: [Int64: Int64] = [:]

    struct Lane {
        var head: Command
        var waiting: Deque<Command> = []
    }

    init(place: PartitionEpoch, now: Instant) {
        self.place = place
        restoreBegan = now
    }

    /// New calls may begin for it.
    var dispatches: Bool { phase == .active && isWritable }
    /// It may be part of a transaction.
    var settles: Bool { isRestored && isWritable }
    var isWritable: Bool { parking == nil && unwritable == nil }
    var isRestored: Bool { phase == .active || phase == .revoking }

    func retries(at now: Instant) -> Bool {
        if case .retrying(let at) = phase { now >= at } else { false }
    }

    /// Ascending by offset: what a dictionary's order decided could not be repeated.
    func inOrder(where isMeant: (Command) -> Bool) -> [Command] {
        commands.values.filter(isMeant).sorted { $0.offset < $1.offset }
    }

    /// Where its next owner must begin to read the ledger if it takes over from the batch being formed.
    var ledgerFloor: Int64 {
        min(newestLedgerOffset, ledger.oldestOffset ?? .max, unacknowledged.values.min() ?? .max)
    }

    func acknowledge(_ ledgerOffset: Int64?) {
        if let ledgerOffset { newestLedgerOffset = max(newestLedgerOffset, ledgerOffset) }
    }
}
