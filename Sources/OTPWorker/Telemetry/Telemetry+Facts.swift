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
        func coordinates(_ record: RecordID) -> Logger.Metadata { self.coordinates(record, traceID(record)) }
        switch fact {
        case .concluded(let record, let reason, let replayed, let inDoubt):
            concluded(reason, replayed: replayed, inDoubt: inDoubt, coordinates(record))
        case .published(let status, let reason, let duration): published(status, reason, after: duration)
        case .asked(let record, let judged, let attempt, let duration, let failure, let status, let body):
            asked(judged, after: duration)
            if judged.isTrouble { failed(judged, attempt, failure, status, body, coordinates(record)) }
        case .guessed(let record, let limit): guessed(limit, coordinates(record))
        case .backedOff(let record, let attempt, let wait): backedOff(attempt, wait, coordinates(record))
        case .upstream(let change): report(change, coordinates)
        case .ignored(let count): handles.ignored.add(Double(count))
        case .transaction(let records, let duration, let committed): ended(records, after: duration, committed)
        case .aborted(let cause, let reason): aborted(cause, reason)
        case .unknownCommit(let reason): becameUnknown(reason)
        case .producerFenced(let isTimedOut, let reason):
            loggers.kafka.log(isTimedOut ? .transactionTimedOut : .producerFenced, ["reason": "\(reason)"])
        case .commitResolved(let counted): resolved(counted)
        case .producerFailed(let reason): loggers.kafka.log(.noProducer, ["reason": "\(reason)"])
        case .producerSwitched(let isAlternate):
            loggers.kafka.log(.producerSwitched, ["alternate": "\(isAlternate)"])
        case .batchBytesCut(let bytes): loggers.kafka.log(.batchBytesCut, ["batch_bytes": number(bytes)])
        case .consumerFailed(let reason): loggers.kafka.log(.consumerFailed, ["reason": "\(reason)"])
        case .leaseLost(let cause): leaseLost(cause)
        case .leaseRegained: loggers.kafka.log(.leaseRegained)
        case .assigned(let partitions): assigned(partitions)
        case .revoked(let partitions): revoked(partitions)
        case .lost(let partitions): lost(partitions)
        case .released(let partitions, let unfinished): released(partitions, unfinished)
        case .restoring(let partition, let from, let to): restoring(partition, from, to)
        case .restored(let partition, let sessions, let duration, let offset, let withoutMetadata):
            restored(partition, sessions, after: duration, offset, withoutMetadata)
        case .stalePosition(let partition, let committed, let finished): wasStale(partition, committed, finished)
        case .predecessorFenced(let partition, let id): fenced(id, on: partition)
        case .restoreFailed(let partition, let reason): restoreFailed(partition, reason)
        case .ledgerRecreated(let partition, let recorded, let end, let accepted):
            ledgerRecreated(partition, recorded, end, accepted)
        case .commandsMissed(let partition, let count):
            loggers.kafka.log(.commandsDeletedUnread, ["partition": number(partition), "count": number(count)])
        case .readingStalled(let partition, let position, let end, let silence):
            readingStalled(partition, position, end, silence)
        case .readingResumed(let partition): loggers.kafka.log(.partitionReadAgain, ["partition": number(partition)])
        case .steppedOver(let partition, let from, let to): steppedOver(partition, from, to)
        case .parked(let partition, let reason):
            loggers.kafka.log(.partitionParked, ["partition": number(partition), "reason": "\(reason)"])
        case .unparked(let partition): loggers.kafka.log(.partitionRetried, ["partition": number(partition)])
        case .undeliverable(let record): undeliverable(coordinates(record))
        case .deadLettersWritten(let count): registry.counter(.deadLetters, "committed").add(Double(count))
        case .deadLetterDropped(let record): letterDropped(coordinates(record))
        case .deadLettersDenied(let reason): loggers.kafka.log(.deadLettersDenied, ["reason": "\(reason)"])
        case .intakeClosed: loggers.worker.log(.intakePaused)
        case .intakeOpened: loggers.worker.log(.intakeResumed)
        case .draining: loggers.worker.log(.draining)
        case .stopped(let unfinished): loggers.worker.log(.drained, ["unfinished": number(unfinished)])
        }
    }

    // MARK: Commands

    private func concluded(
        _ reason: Reason,
        replayed: Bool,
        inDoubt: Bool,
        _ coordinates: @autoclosure () -> Logger.Metadata
    ) {
        if replayed { handles.replays.add() }
        if replayed, reason.status == .verified { registry.counter(.verifiedReplays).add() }
        if inDoubt { handles.inDoubt.add() }
        loggers.commands.log(.commandConcluded, coordinates().merging(["reason": "\(reason.rawValue)"]) { $1 })
    }

    private func published(_ status: Status, _ reason: Reason, after duration: Duration) {
        registry.counter(.commands, status.rawValue, reason.rawValue).add()
        handles.commandSeconds.observe(duration)
    }

    private func asked(_ judged: AnswerClass, after duration: Duration) {
        registry.counter(.upstreamCalls, judged.name).add()
        handles.attemptSeconds.observe(duration)
    }

    private func failed(
        _ judged: AnswerClass,
        _ attempt: Int,
        _ failure: TransportFailure?,
        _ status: Int?,
        _ body: BodyFault?,
        _ coordinates: Logger.Metadata
    ) {
        var metadata = coordinates
        metadata["class"] = "\(judged.name)"
        metadata["attempt"] = number(attempt)
        metadata["failure"] = "\(failure?.rawValue ?? "none")"
        metadata["http_status"] = status.map { number($0) }
        metadata["body"] = status.map { _ in "\(body?.rawValue ?? "readable")" }
        loggers.commands.log(.attemptFailed, metadata)
    }

    private func guessed(_ limit: Guessed, _ coordinates: @autoclosure () -> Logger.Metadata) {
        registry.counter(.guesses, limit.rawValue).add()
        loggers.commands.log(.tooManyCodes, coordinates().merging(["counted_by": "\(limit.rawValue)"]) { $1 })
    }

    private func backedOff(_ attempt: Int, _ wait: Duration, _ coordinates: @autoclosure () -> Logger.Metadata) {
        loggers.commands.log(
            .askingAgainLater,
            coordinates().merging(["attempt": number(attempt), "wait_ms": number(wait.milliseconds)]) { $1 }
        )
    }

    private func report(_ change: UpstreamChange, _ coordinates: (RecordID) -> Logger.Metadata) {
        switch change {
        case .breakerOpened(let duration):
            registry.counter(.breakerOpenings).add()
            loggers.checkOTP.log(.breakerOpened, ["ms": number(duration.milliseconds)])
        case .breakerHalfOpened: loggers.checkOTP.log(.breakerHalfOpened)
        case .breakerClosed: loggers.checkOTP.log(.breakerClosed)
        case .halted(let cause):
            registry.counter(.upstreamHalts).add()
            loggers.checkOTP.log(.callsHalted, ["cause": "\(cause)"])
        case .recovered(let duration): loggers.checkOTP.log(.callsResumed, ["ms": number(duration.milliseconds)])
        case .held(let duration): loggers.checkOTP.log(.pauseAskedFor, ["ms": number(duration.milliseconds)])
        case .rateLimited: loggers.checkOTP.log(.rateLimited)
        case .concurrencyCut(let limit): loggers.checkOTP.log(.concurrencyCut, ["limit": number(limit)])
        case .retryDenied: registry.counter(.retriesDenied).add()
        case .waitTimedOut(let record):
            registry.counter(.queueTimeouts).add()
            loggers.commands.log(.answeredWithoutCall, coordinates(record))
        }
    }

    // MARK: Transactions and outputs

    private func ended(_ records: Int, after duration: Duration, _ committed: Bool) {
        registry.counter(.transactions, committed ? "committed" : "aborted").add()
        handles.transactionSeconds.observe(duration)
        if committed { handles.transactionRecords.observe(Double(records)) }
    }

    private func aborted(_ cause: AbortCause, _ reason: String) {
        registry.counter(.transactionAborts, cause.rawValue).add()
        loggers.kafka.log(.transactionAborted, ["cause": "\(cause.rawValue)", "reason": "\(reason)"])
    }

    private func becameUnknown(_ reason: String) {
        registry.counter(.transactions, "unknown").add()
        loggers.kafka.log(.commitUnknown, ["reason": "\(reason)"])
    }

    private func resolved(_ counted: Bool?) {
        let end = counted.map { $0 ? "committed" : "not committed" } ?? "partitions gone"
        loggers.kafka.log(.commitResolved, ["end": "\(end)"])
    }

    private func undeliverable(_ coordinates: @autoclosure () -> Logger.Metadata) {
        registry.counter(.undeliverableResults).add()
        loggers.commands.log(.resultUndeliverable, coordinates())
    }

    private func letterDropped(_ coordinates: @autoclosure () -> Logger.Metadata) {
        registry.counter(.deadLetters, "dropped").add()
        loggers.commands.log(.deadLetterDropped, coordinates())
    }

    // MARK: Reading

    private func readingStalled(_ partition: Int32, _ position: Int64, _ end: Int64, _ silence: Duration) {
        registry.counter(.readingStalls).add()
        loggers.kafka.log(
            .partitionUnread,
            [
                "partition": number(partition), "position": number(position), "end": number(end),
                "seconds": number(Int(silence.inSeconds)),
            ]
        )
    }

    private func steppedOver(_ partition: Int32, _ from: Int64, _ to: Int64) {
        registry.counter(.undecodableOffsets).add(Double(to - from))
        loggers.kafka.log(
            .recordsUndecodable,
            ["partition": number(partition), "from": number(from), "to": number(to - 1)]
        )
    }

    // MARK: The group

    private func leaseLost(_ cause: Membership.LeaseLoss) {
        registry.counter(.leaseLosses, cause.rawValue).add()
        loggers.kafka.log(.leaseLost, ["cause": "\(cause.rawValue)"])
    }

    private func assigned(_ partitions: [Int32]) {
        came(partitions)
        registry.counter(.rebalances).add()
        loggers.kafka.log(.partitionsAssigned, ["partitions": numbers(partitions)])
    }

    private func revoked(_ partitions: [Int32]) {
        registry.counter(.rebalances).add()
        loggers.kafka.log(.partitionsRevoked, ["partitions": numbers(partitions)])
    }

    private func lost(_ partitions: [Int32]) {
        registry.counter(.rebalances).add()
        gone(partitions)
        loggers.kafka.log(.partitionsLost, ["partitions": numbers(partitions)])
    }

    private func released(_ partitions: [Int32], _ unfinished: Int) {
        gone(partitions)
        loggers.kafka.log(
            .partitionsReleased,
            ["partitions": numbers(partitions), "unfinished": number(unfinished)]
        )
    }

    // MARK: The ledger

    private func restoring(_ partition: Int32, _ from: Int64, _ to: Int64) {
        loggers.ledger.log(
            .restoringPartition,
            ["partition": number(partition), "from": number(from), "to": number(to)]
        )
    }

    private func restored(
        _ partition: Int32,
        _ sessions: Int,
        after duration: Duration,
        _ offset: Int64,
        _ withoutMetadata: Bool
    ) {
        registry.counter(.ledgerRestores, "restored").add()
        registry.histogram(.restoreSeconds).observe(duration)
        loggers.ledger.log(
            .partitionRestored,
            [
                "partition": number(partition), "sessions": number(sessions), "ms": number(duration.milliseconds),
                "offset": number(offset), "whole_ledger": .stringConvertible(withoutMetadata),
            ]
        )
    }

    private func wasStale(_ partition: Int32, _ committed: Int64, _ finished: Int64) {
        registry.counter(.stalePositions).add()
        loggers.ledger.log(
            .committedOffsetStale,
            ["partition": number(partition), "committed": number(committed), "finished": number(finished)]
        )
    }

    private func fenced(_ transactionalID: String, on partition: Int32) {
        registry.counter(.predecessorsFenced).add()
        loggers.ledger.log(
            .predecessorFenced,
            ["partition": number(partition), "transactional_id": "\(transactionalID)"]
        )
    }

    /// What a predecessor left open could not be decided; its time-out will.
    func fencingFailed(_ transactionalID: String, _ error: KafkaError) {
        loggers.kafka.log(.predecessorNotEnded, ["transactional_id": "\(transactionalID)", "reason": "\(error)"])
    }

    private func restoreFailed(_ partition: Int32, _ reason: String) {
        registry.counter(.ledgerRestores, "failed").add()
        loggers.ledger.log(.restoreFailed, ["partition": number(partition), "reason": "\(reason)"])
    }

    private func ledgerRecreated(_ partition: Int32, _ recorded: Int64, _ end: Int64, _ accepted: Bool) {
        loggers.ledger.log(
            accepted ? .ledgerLossAccepted : .ledgerRefused,
            ["partition": number(partition), "recorded": number(recorded), "end": number(end)]
        )
    }

    // MARK: Fields

    private func number(_ value: some BinaryInteger & CustomStringConvertible & Sendable) -> Logger.MetadataValue {
        .stringConvertible(value)
    }

    private func numbers(_ values: [Int32]) -> Logger.MetadataValue { .array(values.map { number($0) }) }

    /// A command's coordinates, and its trace if it has one.
    private func coordinates(_ record: RecordID, _ traceID: String?) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "topic": "\(topic)", "partition": number(record.epoch.partition), "offset": number(record.offset),
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
