import Logging
import OTPContract
package import OTPEngine
import OTPKafka
import OTPObservability

/// What the engine says, as metrics and log lines; a line about a command has its coordinates and its trace, never its content.
extension Telemetry {
    /// Counts and logs one fact.
    ///
    /// - Parameters:
    ///   - fact: what the engine says.
    ///   - traceID: the trace that a record belongs to; asked only for a line of a level that is logged.
    package func report(_ fact: Fact, traceID: (RecordID) -> String? = { _ in nil }) {
        let place = { (record: RecordID) in self.place(record, traceID(record)) }
        switch fact {
        case .concluded, .published, .asked, .guessed, .backedOff, .ignored: reportCommand(fact, place)
        case .transaction, .aborted, .unknownCommit, .producerFenced, .commitResolved, .producerFailed,
            .producerSwitched,
            .batchBytesCut:
            reportTransaction(fact)
        case .parked, .unparked, .undeliverable, .deadLettersWritten, .deadLetterDropped, .deadLettersDenied:
            reportOutput(fact, place)
        case .readingStalled, .readingResumed, .steppedOver: reportReading(fact)
        case .upstream(let change): report(change, place)
        default: reportMembership(fact)
        }
    }

    private func reportCommand(_ fact: Fact, _ place: (RecordID) -> Logger.Metadata) {
        switch fact {
        case .concluded(let record, let reason, let replayed, let inDoubt):
            if replayed { handles.replays.add() }
            if replayed, reason.status == .verified { registry.counter(.verifiedReplays).add() }
            if inDoubt { handles.inDoubt.add() }
            loggers.commands.log(.commandConcluded, place(record).merging(["reason": "\(reason.rawValue)"]) { $1 })
        case .published(let status, let reason, let duration):
            registry.counter(.commands, status.rawValue, reason.rawValue).add()
            handles.commandSeconds.observe(duration)
        case .asked(let record, let kind, let attempt, let duration, let failure, let status, let body):
            registry.counter(.upstreamCalls, kind.name).add()
            handles.attemptSeconds.observe(duration)
            guard kind.isTrouble else { return }
            var metadata = place(record)
            metadata["class"] = "\(kind.name)"
            metadata["attempt"] = .stringConvertible(attempt)
            metadata["failure"] = "\(failure?.rawValue ?? "none")"
            metadata["http_status"] = status.map { .stringConvertible($0) }
            metadata["body"] = status.map { _ in "\(body?.rawValue ?? "readable")" }
            loggers.commands.log(.attemptFailed, metadata)
        case .guessed(let record, let limit):
            registry.counter(.guesses, limit.rawValue).add()
            loggers.commands.log(.tooManyCodes, place(record).merging(["counted_by": "\(limit.rawValue)"]) { $1 })
        case .backedOff(let record, let attempt, let wait):
            loggers.commands.log(
                .askingAgainLater,
                place(record).merging([
                    "attempt": .stringConvertible(attempt), "wait_ms": .stringConvertible(wait.milliseconds),
                ]) { $1 }
            )
        case .ignored(let count): handles.ignored.add(Double(count))
        default: break
        }
    }

    private func report(_ change: UpstreamChange, _ place: (RecordID) -> Logger.Metadata) {
        switch change {
        case .breakerOpened(let duration):
            registry.counter(.breakerOpenings).add()
            loggers.checkOTP.log(.breakerOpened, ["ms": .stringConvertible(duration.milliseconds)])
        case .breakerHalfOpened: loggers.checkOTP.log(.breakerHalfOpened)
        case .breakerClosed: loggers.checkOTP.log(.breakerClosed)
        case .halted(let cause):
            registry.counter(.upstreamHalts).add()
            loggers.checkOTP.log(.callsHalted, ["cause": "\(cause)"])
        case .recovered(let duration):
            loggers.checkOTP.log(.callsResumed, ["ms": .stringConvertible(duration.milliseconds)])
        case .held(let duration):
            loggers.checkOTP.log(.pauseAskedFor, ["ms": .stringConvertible(duration.milliseconds)])
        case .rateLimited: loggers.checkOTP.log(.rateLimited)
        case .concurrencyCut(let limit):
            loggers.checkOTP.log(.concurrencyCut, ["limit": .stringConvertible(limit)])
        case .retryDenied: registry.counter(.retriesDenied).add()
        case .waitTimedOut(let record):
            registry.counter(.queueTimeouts).add()
            loggers.commands.log(.answeredWithoutCall, place(record))
        }
    }

    private func reportTransaction(_ fact: Fact) {
        switch fact {
        case .transaction(let records, let duration, let committed):
            registry.counter(.transactions, committed ? "committed" : "aborted").add()
            handles.transactionSeconds.observe(duration)
            if committed { handles.transactionRecords.observe(Double(records)) }
        case .aborted(let cause, let reason):
            registry.counter(.transactionAborts, cause.rawValue).add()
            loggers.kafka.log(.transactionAborted, ["cause": "\(cause.rawValue)", "reason": "\(reason)"])
        case .unknownCommit(let reason):
            registry.counter(.transactions, "unknown").add()
            loggers.kafka.log(.commitUnknown, ["reason": "\(reason)"])
        case .producerFenced(let isTimedOut, let reason):
            loggers.kafka.log(isTimedOut ? .transactionTimedOut : .producerFenced, ["reason": "\(reason)"])
        case .commitResolved(let counted):
            let end = counted.map { $0 ? "committed" : "not committed" } ?? "partitions gone"
            loggers.kafka.log(.commitResolved, ["end": "\(end)"])
        case .producerFailed(let reason):
            loggers.kafka.log(.noProducer, ["reason": "\(reason)"])
        case .producerSwitched(let isAlternate):
            loggers.kafka.log(.producerSwitched, ["alternate": "\(isAlternate)"])
        case .batchBytesCut(let bytes):
            loggers.kafka.log(.batchBytesCut, ["batch_bytes": .stringConvertible(bytes)])
        default: break
        }
    }

    private func reportOutput(_ fact: Fact, _ place: (RecordID) -> Logger.Metadata) {
        switch fact {
        case .parked(let partition, let reason):
            loggers.kafka.log(.partitionParked, ["partition": .stringConvertible(partition), "reason": "\(reason)"])
        case .unparked(let partition):
            loggers.kafka.log(.partitionRetried, ["partition": .stringConvertible(partition)])
        case .undeliverable(let record):
            registry.counter(.undeliverableResults).add()
            loggers.commands.log(.resultUndeliverable, place(record))
        case .deadLettersWritten(let count): registry.counter(.deadLetters, "committed").add(Double(count))
        case .deadLetterDropped(let record):
            registry.counter(.deadLetters, "dropped").add()
            loggers.commands.log(.deadLetterDropped, place(record))
        case .deadLettersDenied(let reason):
            loggers.kafka.log(.deadLettersDenied, ["reason": "\(reason)"])
        default: break
        }
    }

    private func reportReading(_ fact: Fact) {
        switch fact {
        case .readingStalled(let partition, let position, let end, let silence):
            registry.counter(.readingStalls).add()
            loggers.kafka.log(
                .partitionUnread,
                [
                    "partition": .stringConvertible(partition), "position": .stringConvertible(position),
                    "end": .stringConvertible(end),
                    "seconds": .stringConvertible(Int(silence.inSeconds)),
                ]
            )
        case .readingResumed(let partition):
            loggers.kafka.log(.partitionReadAgain, ["partition": .stringConvertible(partition)])
        case .steppedOver(let partition, let from, let to):
            registry.counter(.undecodableOffsets).add(Double(to - from))
            loggers.kafka.log(
                .recordsUndecodable,
                [
                    "partition": .stringConvertible(partition), "from": .stringConvertible(from),
                    "to": .stringConvertible(to - 1),
                ]
            )
        default: break
        }
    }

    /// What a predecessor left open could not be decided; its time-out will.
    func fencingFailed(_ transactionalID: String, _ error: KafkaError) {
        loggers.kafka.log(.predecessorNotEnded, ["transactional_id": "\(transactionalID)", "reason": "\(error)"])
    }

    private func reportMembership(_ fact: Fact) {
        switch fact {
        case .distrusted(let cause):
            registry.counter(.distrusts, cause.rawValue).add()
            loggers.kafka.log(.membershipInDoubt, ["cause": "\(cause.rawValue)"])
        case .trusted: loggers.kafka.log(.membershipProven)
        case .consumerFailed(let reason): loggers.kafka.log(.consumerFailed, ["reason": "\(reason)"])
        case .assigned(let partitions):
            came(partitions)
            registry.counter(.rebalances).add()
            loggers.kafka.log(.partitionsAssigned, ["partitions": .array(partitions.map { .stringConvertible($0) })])
        case .revoked(let partitions):
            registry.counter(.rebalances).add()
            loggers.kafka.log(.partitionsRevoked, ["partitions": .array(partitions.map { .stringConvertible($0) })])
        case .lost(let partitions):
            registry.counter(.rebalances).add()
            gone(partitions)
            loggers.kafka.log(.partitionsLost, ["partitions": .array(partitions.map { .stringConvertible($0) })])
        case .released(let partitions, let unsettled):
            gone(partitions)
            loggers.kafka.log(
                .partitionsReleased,
                [
                    "partitions": .array(partitions.map { .stringConvertible($0) }),
                    "unsettled": .stringConvertible(unsettled),
                ]
            )
        case .draining: loggers.worker.log(.draining)
        case .stopped(let unfinished):
            loggers.worker.log(.drained, ["unfinished": .stringConvertible(unfinished)])
        case .intakeClosed: loggers.worker.log(.intakePaused)
        case .intakeOpened: loggers.worker.log(.intakeResumed)
        default: reportRestore(fact)
        }
    }

    private func reportRestore(_ fact: Fact) {
        switch fact {
        case .restoring(let partition, let from, let to):
            loggers.ledger.log(
                .restoringPartition,
                [
                    "partition": .stringConvertible(partition), "from": .stringConvertible(from),
                    "to": .stringConvertible(to),
                ]
            )
        case .restored(let partition, let sessions, let duration, let offset, let withoutMetadata):
            registry.counter(.ledgerRestores, "restored").add()
            registry.histogram(.restoreSeconds).observe(duration)
            loggers.ledger.log(
                .partitionRestored,
                [
                    "partition": .stringConvertible(partition), "sessions": .stringConvertible(sessions),
                    "ms": .stringConvertible(duration.milliseconds),
                    "offset": .stringConvertible(offset), "whole_ledger": .stringConvertible(withoutMetadata),
                ]
            )
        case .stalePosition(let partition, let committed, let settled):
            registry.counter(.stalePositions).add()
            loggers.ledger.log(
                .committedOffsetStale,
                [
                    "partition": .stringConvertible(partition), "committed": .stringConvertible(committed),
                    "settled": .stringConvertible(settled),
                ]
            )
        case .predecessorFenced(let partition, let id):
            registry.counter(.predecessorsFenced).add()
            loggers.ledger.log(
                .predecessorFenced,
                ["partition": .stringConvertible(partition), "transactional_id": "\(id)"]
            )
        case .restoreFailed(let partition, let reason):
            registry.counter(.ledgerRestores, "failed").add()
            loggers.ledger.log(.restoreFailed, ["partition": .stringConvertible(partition), "reason": "\(reason)"])
        case .ledgerRecreated(let partition, let recorded, let end, let accepted):
            loggers.ledger.log(
                accepted ? .ledgerLossAccepted : .ledgerRefused,
                [
                    "partition": .stringConvertible(partition), "recorded": .stringConvertible(recorded),
                    "end": .stringConvertible(end),
                ]
            )
        case .commandsMissed(let partition, let count):
            loggers.kafka.log(
                .commandsDeletedUnread,
                ["partition": .stringConvertible(partition), "count": .stringConvertible(count)]
            )
        default: break
        }
    }

    /// A command's coordinates, and its trace if it has one.
    private func place(_ record: RecordID, _ traceID: String?) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "topic": "\(topic)", "partition": .stringConvertible(record.place.partition),
            "offset": .stringConvertible(record.offset),
        ]
        if let traceID { metadata["trace_id"] = "\(traceID)" }
        return metadata
    }
}

extension AnswerClass {
    /// The label value.
    var name: String {
        switch self {
        case .accepted: "accepted"
        case .alreadySucceeded: "already_succeeded"
        case .rejected: "rejected"
        case .refused: "refused"
        case .halt: "halt"
        case .retryable: "retryable"
        case .ambiguous: "ambiguous"
        case .withheld: "withheld"
        }
    }

    /// Worth a line in the log: not an answer about the code.
    var isTrouble: Bool {
        switch self {
        case .accepted, .alreadySucceeded, .rejected: false
        case .refused, .halt, .retryable, .ambiguous, .withheld: true
        }
    }
}
