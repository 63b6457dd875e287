import OTPContract

/// One command record on its way through the engine.
///
/// A reference, because queues, lanes and batches all speak of the same one; the engine that owns it cannot be copied.
final class Command {
    /// From its arrival to its published result; every step is a method below.
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
    private(set) var state = State.queued
    /// When it was last given a slot.
    private(set) var dispatchedAt = Instant.distantFuture
    /// While nothing is asked it waits no longer than this.
    var waitEnd = Instant.distantFuture
    /// From here on no further attempt begins; set when its first one does.
    private(set) var timeoutEnd: Instant?
    /// An intent was open when it was decided: an earlier call may have been made.
    private(set) var isAskedAgain = false
    /// Its own intent is in the ledger, or may be.
    private(set) var hasIntent = false
    /// And it is young enough for no other owner to have missed it.
    private(set) var hasAcknowledgedIntent = false
    /// Waits between tries at an intent that the broker does not take.
    private var intentBackOff = BackOff()
    private(set) var attempts = 0
    /// Some attempt may have been processed without our learning the answer.
    private(set) var hasLostAnswer = false
    /// Those among them that may be repeated only so often.
    private(set) var ambiguousAttempts = 0
    /// Some byte of some attempt left.
    private(set) var hasLeft = false
    private(set) var lastCode: Int?
    private(set) var lastMessage: String?
    private(set) var lastStatus: Int?
    private(set) var conclusion: Conclusion?
    /// Its result was refused where it was to go: it goes to the default topic, without what may have been at fault.
    private(set) var isUndeliverable = false
    private(set) var isLetterDropped = false

    struct Conclusion {
        var outcome: Outcome
        var concludesCode: Bool
        /// It has an intent that no concluded code voids: a tombstone does.
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
    private(set) var isGuess = false

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
    /// Its own intent must be written, or written again, before it is asked about.
    var needsIntent: Bool { !hasAcknowledgedIntent && !isAskedAgain }
    /// Some call of it may have been processed, by us or by an owner before us.
    var mayHaveLeft: Bool { isAskedAgain || hasLeft }
    /// No attempt begins, and none lasts, beyond this.
    var end: Instant { min(deadline, timeoutEnd ?? .distantFuture) }
}

// MARK: Its life

extension Command {
    /// It was decided at the head of its session: it needs a call, `again` if an intent was open.
    func decided(again: Bool, isGuess: Bool) {
        switch state {
        case .queued: state = .ready
        case .ready, .writingIntent, .calling, .backingOff, .abandoned, .concluded, .batched: impossible("decided")
        }
        isAskedAgain = again
        self.isGuess = isGuess
    }

    /// It was decided that nothing is asked any more, and that an earlier owner may have asked.
    func foundTooLate(afterIntent isOpen: Bool) { isAskedAgain = isOpen }

    /// The first attempt is about to begin: from now on its total time-out counts.
    func timesOut(at end: Instant) {
        if timeoutEnd == nil { timeoutEnd = end }
    }

    /// It was given a slot.
    func granted(at now: Instant) { dispatchedAt = now }

    func intentBegan(at now: Instant) {
        switch state {
        case .ready: state = .writingIntent(since: now)
        case .queued, .writingIntent, .calling, .backingOff, .abandoned, .concluded, .batched: impossible("intentBegan")
        }
        hasIntent = true
    }

    /// `isYoung`: soon enough after it was written for no other owner to have missed it.
    func intentWritten(isYoung: Bool) {
        hasAcknowledgedIntent = isYoung
        requeued()
    }

    /// It may have been written all the same.
    /// - Returns: how long to wait before it is tried again.
    func intentWait() -> Duration { intentBackOff.failed() }

    func callBegan(at now: Instant) {
        switch state {
        case .ready: state = .calling(since: now)
        case .queued, .writingIntent, .calling, .backingOff, .abandoned, .concluded, .batched: impossible("callBegan")
        }
    }

    /// Its intent, its call or its wait is over, and it needs another turn.
    func requeued() {
        switch state {
        case .writingIntent, .calling, .backingOff: state = .ready
        case .queued, .ready, .abandoned, .concluded, .batched: impossible("requeued")
        }
    }

    /// It is tried again, but not before then.
    func backedOff(until moment: Instant) {
        switch state {
        case .ready, .calling: state = .backingOff(until: moment)
        case .queued, .writingIntent, .backingOff, .abandoned, .concluded, .batched: impossible("backedOff")
        }
    }

    /// It is left to the partition's next owner.
    /// - Returns: whether its intent is to be voided, for nothing about it is in doubt.
    func abandoned() -> Bool {
        switch state {
        case .ready, .backingOff: state = .abandoned
        case .queued, .writingIntent, .calling, .abandoned, .concluded, .batched: impossible("abandoned")
        }
        return hasIntent && !isAskedAgain && !hasLostAnswer
    }

    func concluded(_ conclusion: Conclusion) {
        switch state {
        case .queued, .ready, .calling: state = .concluded
        case .writingIntent, .backingOff, .abandoned, .concluded, .batched: impossible("concluded")
        }
        self.conclusion = conclusion
    }

    /// Its outcome is in the batch that is being formed.
    func batched() {
        switch state {
        case .concluded: state = .batched
        case .queued, .ready, .writingIntent, .calling, .backingOff, .abandoned, .batched: impossible("batched")
        }
    }

    /// That batch was aborted: the outcome is only in memory again.
    func unbatched() {
        switch state {
        case .batched: state = .concluded
        case .queued, .ready, .writingIntent, .calling, .backingOff, .abandoned, .concluded: impossible("unbatched")
        }
    }

    private func impossible(_ event: String) -> Never { preconditionFailure("\(event) in state \(state)") }

    // MARK: What was learnt

    /// An attempt ended.
    /// - Parameters:
    ///   - answer: how it ended.
    ///   - judged: its class; never `withheld`, which is no attempt.
    ///   - code: the return code, where that may be kept.
    ///   - message: the upstream's text, scrubbed.
    func attempted(_ answer: UpstreamAnswer, _ judged: AnswerClass, code: Int?, message: String?) {
        attempts += 1
        if judged == .ambiguous {
            hasLostAnswer = true
            if !AnswerClass.asksForPatience(answer) { ambiguousAttempts += 1 }
        }
        if AnswerClass.left(answer) { hasLeft = true }
        lastStatus = answer.httpStatus
        lastCode = code
        lastMessage = message
    }

    /// Its result was refused where it was to go.
    func becameUndeliverable() { isUndeliverable = true }

    func letterDropped() { isLetterDropped = true }

    /// No verdict could be had.
    var failure: Outcome {
        Outcome(
            isAskedAgain || hasLostAnswer ? .outcomeUnknown : .upstreamUnavailable,
            retryable: true,
            code: lastCode,
            message: lastMessage,
            httpStatus: lastStatus
        )
    }

    /// Its deadline or its total time-out is over before it could be asked about, or asked about again.
    func tooLate(at now: Instant) -> Outcome {
        if mayHaveLeft { return failure }
        if attempts > 0 || now < deadline { return Outcome(.upstreamUnavailable, retryable: true) }
        return Outcome(.deadlinePassed)
    }
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
