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
            loggers.commands.debug(
                "command concluded",
                metadata: place(record).merging(["reason": "\(reason.rawValue)"]) { $1 }
            )
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
            loggers.commands.info("attempt failed", metadata: metadata)
        case .guessed(let record, let limit):
            registry.counter(.guesses, limit.rawValue).add()
            loggers.commands.warning(
                "too many codes: it looks like guessing",
                metadata: place(record).merging(["counted_by": "\(limit.rawValue)"]) { $1 }
            )
        case .backedOff(let record, let attempt, let wait):
            loggers.commands.debug(
                "asking again later",
                metadata: place(record).merging([
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
            loggers.checkOTP.error(
                "breaker opened: the upstream only fails",
                metadata: ["ms": .stringConvertible(duration.milliseconds)]
            )
        case .breakerHalfOpened: loggers.checkOTP.notice("breaker half open: one command finds out")
        case .breakerClosed: loggers.checkOTP.notice("breaker closed: the upstream answers again")
        case .halted(let cause):
            registry.counter(.upstreamHalts).add()
            loggers.checkOTP.error("calls halted", metadata: ["cause": "\(cause)"])
        case .recovered(let duration):
            loggers.checkOTP.notice(
                "calls go on: the upstream takes the key again",
                metadata: ["ms": .stringConvertible(duration.milliseconds)]
            )
        case .held(let duration):
            loggers.checkOTP.warning(
                "the upstream asks for a pause",
                metadata: ["ms": .stringConvertible(duration.milliseconds)]
            )
        case .rateLimited: loggers.checkOTP.notice("commands wait for check_otp.rate_limit")
        case .concurrencyCut(let limit):
            loggers.checkOTP.notice(
                "fewer calls at a time: the upstream is overloaded",
                metadata: ["limit": .stringConvertible(limit)]
            )
        case .retryDenied: registry.counter(.retriesDenied).add()
        case .waitedInVain(let record):
            registry.counter(.queueTimeouts).add()
            loggers.commands.debug("answered without a call", metadata: place(record))
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
            loggers.kafka.warning(
                "transaction aborted",
                metadata: ["cause": "\(cause.rawValue)", "reason": "\(reason)"]
            )
        case .unknownCommit(let reason):
            registry.counter(.transactions, "unknown").add()
            loggers.kafka.error("commit unknown", metadata: ["reason": "\(reason)"])
        case .producerFenced(let isTimedOut, let reason):
            loggers.kafka.error(
                isTimedOut
                    ? "the broker ended a transaction that took too long"
                    : "producer fenced: another worker has this transactional id",
                metadata: ["reason": "\(reason)"]
            )
        case .commitResolved(let counted):
            let end = counted.map { $0 ? "committed" : "not committed" } ?? "partitions gone"
            loggers.kafka.notice("unknown commit resolved", metadata: ["end": "\(end)"])
        case .producerFailed(let reason):
            loggers.kafka.error("no transactional producer", metadata: ["reason": "\(reason)"])
        case .producerSwitched(let isAlternate):
            loggers.kafka.warning(
                "transactional id locked, the slot's other id goes on",
                metadata: ["alternate": "\(isAlternate)"]
            )
        case .batchBytesCut(let bytes):
            loggers.kafka.warning(
                "outputs are sent in smaller batches from now on",
                metadata: ["batch_bytes": .stringConvertible(bytes)]
            )
        default: break
        }
    }

    private func reportOutput(_ fact: Fact, _ place: (RecordID) -> Logger.Metadata) {
        switch fact {
        case .parked(let partition, let reason):
            loggers.kafka.error(
                "partition parked",
                metadata: ["partition": .stringConvertible(partition), "reason": "\(reason)"]
            )
        case .unparked(let partition):
            loggers.kafka.notice("partition tried again", metadata: ["partition": .stringConvertible(partition)])
        case .undeliverable(let record):
            registry.counter(.undeliverableResults).add()
            loggers.commands.error("result undeliverable, reduced", metadata: place(record))
        case .deadLettersWritten(let count): registry.counter(.deadLetters, "committed").add(Double(count))
        case .deadLetterDropped(let record):
            registry.counter(.deadLetters, "dropped").add()
            loggers.commands.error("dead letter dropped", metadata: place(record))
        case .deadLettersDenied(let reason):
            loggers.kafka.error(
                "no right to write dead letters, none is written for a minute",
                metadata: ["reason": "\(reason)"]
            )
        default: break
        }
    }

    private func reportReading(_ fact: Fact) {
        switch fact {
        case .readingStalled(let partition, let position, let end, let silence):
            registry.counter(.readingStalls).add()
            loggers.kafka.error(
                "partition not read, begun again at its position",
                metadata: [
                    "partition": .stringConvertible(partition), "position": .stringConvertible(position),
                    "end": .stringConvertible(end),
                    "seconds": .stringConvertible(Int(silence.inSeconds)),
                ]
            )
        case .readingResumed(let partition):
            loggers.kafka.notice("partition read again", metadata: ["partition": .stringConvertible(partition)])
        case .steppedOver(let partition, let from, let to):
            registry.counter(.undecodableOffsets).add(Double(to - from))
            loggers.kafka.error(
                "records that cannot be decoded passed over",
                metadata: [
                    "partition": .stringConvertible(partition), "from": .stringConvertible(from),
                    "to": .stringConvertible(to - 1),
                ]
            )
        default: break
        }
    }

    /// What a predecessor left open could not be decided; its time-out will.
    func fencingFailed(_ transactionalID: String, _ error: KafkaError) {
        loggers.kafka.warning(
            "predecessor's transaction not ended",
            metadata: ["transactional_id": "\(transactionalID)", "reason": "\(error)"]
        )
    }

    private func reportMembership(_ fact: Fact) {
        switch fact {
        case .distrusted(let cause):
            registry.counter(.distrusts, cause.rawValue).add()
            loggers.kafka.warning("membership in doubt, calls withheld", metadata: ["cause": "\(cause.rawValue)"])
        case .trusted: loggers.kafka.notice("membership proven, calls go on")
        case .consumerFailed(let reason): loggers.kafka.error("consumer failed", metadata: ["reason": "\(reason)"])
        case .assigned(let partitions):
            came(partitions)
            registry.counter(.rebalances).add()
            loggers.kafka.notice(
                "partitions assigned",
                metadata: ["partitions": .array(partitions.map { .stringConvertible($0) })]
            )
        case .revoked(let partitions):
            registry.counter(.rebalances).add()
            loggers.kafka.notice(
                "partitions revoked",
                metadata: ["partitions": .array(partitions.map { .stringConvertible($0) })]
            )
        case .lost(let partitions):
            registry.counter(.rebalances).add()
            gone(partitions)
            loggers.kafka.warning(
                "partitions lost",
                metadata: ["partitions": .array(partitions.map { .stringConvertible($0) })]
            )
        case .released(let partitions, let unsettled):
            gone(partitions)
            loggers.kafka.notice(
                "partitions released",
                metadata: [
                    "partitions": .array(partitions.map { .stringConvertible($0) }),
                    "unsettled": .stringConvertible(unsettled),
                ]
            )
        case .draining: loggers.worker.notice("draining")
        case .stopped(let unfinished):
            loggers.worker.notice("drained", metadata: ["unfinished": .stringConvertible(unfinished)])
        case .intakeClosed: loggers.worker.notice("intake paused: too many commands in memory")
        case .intakeOpened: loggers.worker.notice("intake resumed")
        default: reportRestore(fact)
        }
    }

    private func reportRestore(_ fact: Fact) {
        switch fact {
        case .restoring(let partition, let from, let to):
            loggers.ledger.info(
                "restoring partition",
                metadata: [
                    "partition": .stringConvertible(partition), "from": .stringConvertible(from),
                    "to": .stringConvertible(to),
                ]
            )
        case .restored(let partition, let sessions, let duration, let offset, let withoutMetadata):
            registry.counter(.ledgerRestores, "restored").add()
            registry.histogram(.restoreSeconds).observe(duration)
            loggers.ledger.notice(
                "partition restored",
                metadata: [
                    "partition": .stringConvertible(partition), "sessions": .stringConvertible(sessions),
                    "ms": .stringConvertible(duration.milliseconds),
                    "offset": .stringConvertible(offset), "whole_ledger": .stringConvertible(withoutMetadata),
                ]
            )
        case .stalePosition(let partition, let committed, let settled):
            registry.counter(.stalePositions).add()
            loggers.ledger.error(
                "committed offset is older than the ledger, fetched again",
                metadata: [
                    "partition": .stringConvertible(partition), "committed": .stringConvertible(committed),
                    "settled": .stringConvertible(settled),
                ]
            )
        case .predecessorFenced(let partition, let id):
            registry.counter(.predecessorsFenced).add()
            loggers.ledger.notice(
                "predecessor's open transaction holds up the restore, ended",
                metadata: ["partition": .stringConvertible(partition), "transactional_id": "\(id)"]
            )
        case .restoreFailed(let partition, let reason):
            registry.counter(.ledgerRestores, "failed").add()
            loggers.ledger.error(
                "restore failed",
                metadata: ["partition": .stringConvertible(partition), "reason": "\(reason)"]
            )
        case .ledgerRecreated(let partition, let recorded, let end, let accepted):
            loggers.ledger.error(
                accepted ? "ledger was recreated, its loss accepted" : "ledger was recreated, partition refused",
                metadata: [
                    "partition": .stringConvertible(partition), "recorded": .stringConvertible(recorded),
                    "end": .stringConvertible(end),
                ]
            )
        case .commandsMissed(let partition, let count):
            loggers.kafka.error(
                "commands deleted before they were read",
                metadata: ["partition": .stringConvertible(partition), "count": .stringConvertible(count)]
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
