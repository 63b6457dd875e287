package import OTPContract

/// Something worth a metric or a log line.
///
/// Facts never hold a code, a phone number or a key.
package enum Fact: Equatable, Sendable {
    case concluded(RecordID, Reason, replayed: Bool, inDoubt: Bool)
    case published(Status, reason: Reason, after: Duration)
    case asked(
        RecordID,
        AnswerClass,
        attempt: Int,
        after: Duration,
        failure: TransportFailure?,
        httpStatus: Int?,
        body: BodyFault?
    )
    /// It was answered `too_many_codes`, for what was typed before for its session or its phone.
    case guessed(RecordID, at: Guessed)
    case backedOff(RecordID, attempt: Int, for: Duration)
    case upstream(UpstreamChange)
    case ignored(count: Int)
    case transaction(records: Int, after: Duration, committed: Bool)
    case aborted(AbortCause, reason: String)
    case unknownCommit(reason: String)
    /// Another producer has the transactional id; or `isTimedOut`: the broker has ended a transaction that took too long.
    case producerFenced(isTimedOut: Bool, reason: String)
    case commitResolved(counted: Bool?)
    case producerFailed(reason: String)
    case consumerFailed(reason: String)
    case leaseLost(Membership.LeaseLoss)
    case leaseRegained
    case assigned([Int32])
    case revoked([Int32])
    case lost([Int32])
    case released([Int32], unfinished: Int)
    case restoring(Int32, from: Int64, to: Int64)
    /// The committed offset that was fetched is older than the ledger, which holds what the record at `finished` came to.
    case stalePosition(Int32, committed: Int64, finished: Int64)
    /// What this transactional id left open is being decided in its owner's place.
    case predecessorFenced(Int32, transactionalID: String)
    case restored(Int32, sessions: Int, after: Duration, offset: Int64, withoutMetadata: Bool)
    case restoreFailed(Int32, reason: String)
    case ledgerRecreated(Int32, recorded: Int64, end: Int64, accepted: Bool)
    /// Commands that retention deleted before anybody read them.
    case commandsMissed(Int32, count: Int64)
    /// Records lie above the position, and none has come for this long.
    case readingStalled(Int32, position: Int64, end: Int64, for: Duration)
    case readingResumed(Int32)
    /// Records that cannot be decoded were passed over: `from` up to, and without, `to`.
    case steppedOver(Int32, from: Int64, to: Int64)
    case parked(Int32, reason: String)
    case unparked(Int32)
    case undeliverable(RecordID)
    case deadLettersWritten(Int)
    case deadLetterDropped(RecordID)
    /// The broker refuses dead letters; none is written until this was tried again.
    case deadLettersDenied(reason: String)
    /// Another transactional id from here on; `isAlternate`: the slot's second.
    case producerSwitched(isAlternate: Bool)
    /// Record sets of at most so many bytes from here on.
    case batchBytesCut(to: Int)
    case intakeClosed
    case intakeOpened
    case draining
    case stopped(unfinished: Int)
}

/// What is guessed at: the limit that says so.
package enum Guessed: String, Equatable, Sendable, CaseIterable {
    case session, phone
}

/// What changed between this worker and the upstream.
package enum UpstreamChange: Equatable, Sendable {
    case breakerOpened(for: Duration)
    /// One command finds out.
    case breakerHalfOpened
    case breakerClosed
    case halted(Halt.Cause)
    case recovered(after: Duration)
    /// `Retry-After` holds back every command.
    case held(for: Duration)
    /// Commands wait for the rate limit; reported at intervals.
    case rateLimited
    /// Calls at a time, from now on.
    case concurrencyCut(to: Int)
    /// There were too many retries already: the command is concluded.
    case retryDenied
    /// A command waited as long as it may while nothing was asked.
    case waitTimedOut(RecordID)
}
