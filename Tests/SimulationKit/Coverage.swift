import OTPEngine

/// What a run reached, so that a simulation that no longer attacks what it claims to attack fails.
package struct Coverage: Sendable {
    /// One thing that a full run must reach.
    package enum Mark: Hashable, Sendable {
        case event(EventKind)
        case effect(EffectKind)
        case fact(FactKind)
        case fault(Fault)
        case row(Row)
        case returnCode(Int)
        case answer(AnswerKind)
        case transition(Transition)
        case reason(String)
    }

    package private(set) var counts: [Mark: Int] = [:]

    package init() {}

    mutating func hit(_ mark: Mark) { counts[mark, default: 0] += 1 }

    package mutating func merge(_ other: Coverage) { counts.merge(other.counts, uniquingKeysWith: +) }

    /// What a full run must have reached and did not.
    package var missing: [Mark] { Self.required.filter { counts[$0] == nil } }

    package static let required: [Mark] =
        EventKind.allCases.map(Mark.event) + EffectKind.allCases.map(Mark.effect) + FactKind.allCases.map(Mark.fact)
        + Fault.allCases.map(Mark.fault) + Row.allCases.map(Mark.row) + (Array(0...21) + [100]).map(Mark.returnCode)
        + AnswerKind.allCases.map(Mark.answer) + Transition.allCases.map(Mark.transition)
        + OracleTable.reasons.map(Mark.reason)
}

/// Rows of the decision table, seen from the topics and the upstream's journal.
package enum Row: String, CaseIterable, Sendable {
    case finishedAlready, unusable, replayed, sessionClosed, openIntentTooLate, tooLate, tooManyCodes,
        openIntentAskedAgain, neverRight
    case asked, retryableAskedAgain
}

/// Forms that an answer can take, and classes.
package enum AnswerKind: String, CaseIterable, Sendable {
    case accepted, already, rejected, refused, halt, retryable, ambiguous, notSent, withheld, errorObject, plainError
}

/// Changes of the engine's state that show outside.
package enum Transition: String, CaseIterable, Sendable {
    case abortedStale, abortedUnknownMember, abortedOutputsNamed, abortedOutputsUnnamed, abortedTransient
    case unknownFenced, unknownUnfenced, abortedFenced, abortedDenied, abortedTooLarge, producerLocked
    case tracedCounted, tracedNotCounted, tracedNoneLeft, retraced, proofCommitted, idleMoveCommitted
    case leaseLostSlept, leaseLostSilent, leaseLostFenced, releasedFinished, releasedLate, releasedUnfinished
    case stoppedIdle, stoppedUnfinished
    case revokedWhileRestoring, restoreRetried, staticRejoin, heldBeyondWindow, expiredSession
    case undeliverablePublished, batchFull, restoredBeyondStart, withoutMetadata, bitmapUsed, intentWrittenAgain
    case breakerOpened, breakerHalfOpened, breakerClosed, halted, recovered, heldBack, rateLimited, concurrencyCut,
        retryDenied, waitTimedOut, phoneGuessed
}

package enum EventKind: String, CaseIterable, Sendable {
    case started, assigned, revoked, lost, coordinatorHeard, consumerFailed, consumerRecreated, positionsFetched
    case intentProducer, barrierWritten, barrierFailed, restoreHeldUp, endsFetched, outputsLooked, batchLimitRead
    case restored, restoreFailed, received, reachedEnd, intentWritten, intentFailed, answered,
        keyReplaced
    case partitionUnreadable, partitionUndecodable, partitionsCounted
    case producerReady, producerFailed, committed, commitAborted, commitUnknown, commitResolved, timeReached,
        drainRequested

    init(_ event: Event) {
        switch event {
        case .started: self = .started
        case .assigned: self = .assigned
        case .revoked: self = .revoked
        case .lost: self = .lost
        case .coordinatorHeard: self = .coordinatorHeard
        case .consumerFailed: self = .consumerFailed
        case .consumerRecreated: self = .consumerRecreated
        case .positionsFetched: self = .positionsFetched
        case .intentProducer: self = .intentProducer
        case .barrierWritten: self = .barrierWritten
        case .barrierFailed: self = .barrierFailed
        case .restoreHeldUp: self = .restoreHeldUp
        case .endsFetched: self = .endsFetched
        case .outputsLooked: self = .outputsLooked
        case .batchLimitRead: self = .batchLimitRead
        case .restored: self = .restored
        case .restoreFailed: self = .restoreFailed
        case .received: self = .received
        case .reachedEnd: self = .reachedEnd
        case .partitionUnreadable: self = .partitionUnreadable
        case .partitionUndecodable: self = .partitionUndecodable
        case .intentWritten: self = .intentWritten
        case .intentFailed: self = .intentFailed
        case .answered: self = .answered
        case .keyReplaced: self = .keyReplaced
        case .partitionsCounted: self = .partitionsCounted
        case .producerReady: self = .producerReady
        case .producerFailed: self = .producerFailed
        case .committed: self = .committed
        case .commitAborted: self = .commitAborted
        case .commitUnknown: self = .commitUnknown
        case .commitResolved: self = .commitResolved
        case .timeReached: self = .timeReached
        case .drainRequested: self = .drainRequested
        }
    }
}

package enum EffectKind: String, CaseIterable, Sendable {
    case subscribe, recreateConsumer, assign, release, pause, unpause, resume, fetchPositions, writeBarrier,
        readLedger, fence, fetchEnds, cancelCommit
    case writeIntent, call, replaceProducer, commit, resolveCommit, wake, report, stop

    init(_ effect: Effect) {
        switch effect {
        case .subscribe: self = .subscribe
        case .recreateConsumer: self = .recreateConsumer
        case .assign: self = .assign
        case .release: self = .release
        case .pause: self = .pause
        case .unpause: self = .unpause
        case .resume: self = .resume
        case .fetchPositions: self = .fetchPositions
        case .writeBarrier: self = .writeBarrier
        case .fence: self = .fence
        case .fetchEnds: self = .fetchEnds
        case .cancelCommit: self = .cancelCommit
        case .readLedger: self = .readLedger
        case .writeIntent: self = .writeIntent
        case .call: self = .call
        case .replaceProducer: self = .replaceProducer
        case .commit: self = .commit
        case .resolveCommit: self = .resolveCommit
        case .wake: self = .wake
        case .report: self = .report
        case .stop: self = .stop
        }
    }
}

package enum FactKind: String, CaseIterable, Sendable {
    case concluded, published, asked, guessed, backedOff, ignored, transaction, aborted, unknownCommit, traced,
        producerFailed
    case consumerFailed, leaseLost, leaseRegained, assigned, revoked, lost, released, restoring, restored, restoreFailed
    case ledgerRecreated, commandsMissed, parked, unparked, undeliverable, deadLetterDropped, intakeClosed, intakeOpened
    case upstream
    case draining, stopped
    case producerFenced, stalePosition, predecessorFenced, readingStalled, readingResumed, steppedOver,
        deadLettersDenied, deadLettersWritten
    case producerSwitched, batchBytesCut

    init(_ fact: Fact) {
        switch fact {
        case .concluded: self = .concluded
        case .published: self = .published
        case .asked: self = .asked
        case .guessed: self = .guessed
        case .backedOff: self = .backedOff
        case .ignored: self = .ignored
        case .upstream: self = .upstream
        case .transaction: self = .transaction
        case .aborted: self = .aborted
        case .unknownCommit: self = .unknownCommit
        case .commitResolved: self = .traced
        case .producerFailed: self = .producerFailed
        case .consumerFailed: self = .consumerFailed
        case .leaseLost: self = .leaseLost
        case .leaseRegained: self = .leaseRegained
        case .assigned: self = .assigned
        case .revoked: self = .revoked
        case .lost: self = .lost
        case .released: self = .released
        case .restoring: self = .restoring
        case .restored: self = .restored
        case .restoreFailed: self = .restoreFailed
        case .ledgerRecreated: self = .ledgerRecreated
        case .commandsMissed: self = .commandsMissed
        case .parked: self = .parked
        case .unparked: self = .unparked
        case .undeliverable: self = .undeliverable
        case .deadLetterDropped: self = .deadLetterDropped
        case .deadLettersWritten: self = .deadLettersWritten
        case .intakeClosed: self = .intakeClosed
        case .intakeOpened: self = .intakeOpened
        case .producerFenced: self = .producerFenced
        case .stalePosition: self = .stalePosition
        case .predecessorFenced: self = .predecessorFenced
        case .readingStalled: self = .readingStalled
        case .readingResumed: self = .readingResumed
        case .steppedOver: self = .steppedOver
        case .deadLettersDenied: self = .deadLettersDenied
        case .producerSwitched: self = .producerSwitched
        case .batchBytesCut: self = .batchBytesCut
        case .draining: self = .draining
        case .stopped: self = .stopped
        }
    }
}
