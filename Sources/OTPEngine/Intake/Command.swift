import OTPContract

/// One command record on its way through the engine.
///
/// A reference, because queues, lanes and batches all speak of the same one; the engine that owns it cannot be copied.
final class Command {
    enum State: Equatable {
        /// Behind others of its session, or at their head and not yet decided.
        case queued
        /// Waits for a call slot.
        case ready
        case writingIntent(since: Instant)
        case calling(since: Instant)
        case backingOff(until: Instant)
        /// Left to the next owner.
        case abandoned
        /// It has an outcome, in memory only.
        case concluded
        /// Its outcome is in the open transaction.
        case batched
    }

    let record: ReceivedRecord
    /// Nil when the record is no usable command.
    let session: SessionDigest?
    let fingerprint: Fingerprint?
    /// Which commands it takes turns with: those under the same key of the record, else of the same session.
    let flow: UInt64
    let receivedAt: Instant
    let receivedWall: WallTime
    let deadline: Instant
    var state = State.queued
    /// When it was last given a slot.
    var dispatchedAt = Instant.distantFuture
    /// While nothing is asked it waits no longer than this.
    var waitEnd = Instant.distantFuture
    /// From here on no further attempt begins; set when its first one does.
    var budgetEnd: Instant?
    /// An intent was open when it was decided: an earlier call may have been made.
    var isAskedAgain = false
    /// Its own intent is in the ledger, or may be.
    var hasIntent = false
    var hasAcknowledgedIntent = false
    /// Waits between tries at an intent that the broker does not take.
    var intentBackOff = BackOff()
    var attempts = 0
    /// Some attempt may have been processed without our learning the answer.
    var hasLostAnswer = false
    /// Those among them that may be repeated only so often.
    var ambiguousAttempts = 0
    /// Some byte of some attempt left.
    var hasLeft = false
    var lastCode: Int?
    var lastMessage: String?
    var lastStatus: Int?
    var conclusion: Conclusion?
    /// Its result was refused where it was to go: it goes to the default topic, without what may have been at fault.
    var isUndeliverable = false
    var isLetterDropped = false

    struct Conclusion {
        var outcome: Outcome
        var settles: Bool
        /// It has an intent that no settled code voids: a tombstone does.
        var leavesIntent: Bool
        var replayed: Bool
        /// The record whose answer it replays.
        var first: First?
        var inDoubt: Bool
        /// Not before that of the same session's earlier command.
        var at: WallTime
    }

    /// Who was answered first.
    struct First {
        var offset: Int64
        var commandID: String?
    }

    /// It counts among those of its phone that may turn out wrong.
    var isGuess = false

    init(_ record: ReceivedRecord, at now: Instant, wall: WallTime, maximumAge: Duration) {
        self.record = record
        session = record.session
        fingerprint = record.fingerprint
        flow = record.key.map(Self.flow) ?? record.session?.low ?? 0
        receivedAt = now
        receivedWall = wall
        // A record's time in the future (a producer's wrong clock) must not lengthen its life; none at all (-1) counts as now.
        let written = record.timestamp.milliseconds > 0 ? record.timestamp.milliseconds : wall.milliseconds
        let age = wall.milliseconds - min(written, wall.milliseconds)
        var left = maximumAge - .milliseconds(age)
        if let expiresAt = record.command?.expiresAt {
            left = min(left, .milliseconds(expiresAt.milliseconds - wall.milliseconds))
        }
        deadline = now + left
    }

    /// FNV-1a, for it only has to spread: who finds keys that collide makes them wait for one another.
    private static func flow(_ key: [UInt8]) -> UInt64 {
        key.prefix(Limits.flowBytes).reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    var offset: Int64 { record.id.offset }
    var isWritingIntent: Bool { if case .writingIntent = state { true } else { false } }
    /// No attempt begins, and none lasts, beyond this.
    var end: Instant { min(deadline, budgetEnd ?? .distantFuture) }
}

extension ReceivedRecord {
    var command: VerifyCommand? {
        if case .command(let command, _, _) = content { command } else { nil }
    }

    var session: SessionDigest? {
        if case .command(_, let session, _) = content { session } else { nil }
    }

    var fingerprint: Fingerprint? {
        if case .command(_, _, let fingerprint) = content { fingerprint } else { nil }
    }
}
