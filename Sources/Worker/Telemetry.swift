import Contract
package import Engine
import Kafka
package import Logging
package import Observability
import Synchronization

/// Turns the engine's facts into metrics, log lines and the conditions of readiness.
///
/// It never sees a code, a phone number or a key, and decides nothing.
package final class Telemetry: Sendable {
    private let logger: Logger
    private let clientLogger: Logger
    private let registry: MetricRegistry
    private let health: HealthState
    private let handles: Handles
    private let stalled = Mutex(false)
    /// Statistics in a row, one a second, that found this worker in a steady group and without a partition.
    private let idleFor = Mutex(0)
    /// A member that just joined has none for a few seconds.
    private static let idleForLong = 10

    /// Handles resolved once: these are updated for every command.
    private struct Handles: Sendable {
        var replays: Counter
        var inDoubt: Counter
        var commandSeconds: Histogram
        var attemptSeconds: Histogram
        var transactionSeconds: Histogram
        var transactionRecords: Histogram
        var ignored: Counter
        var restored: Counter
        var loopLag: Histogram
    }

    package init(logger: Logger, clientLogger: Logger, registry: MetricRegistry, health: HealthState) {
        self.logger = logger
        self.clientLogger = clientLogger
        self.registry = registry
        self.health = health
        handles = Handles(
            replays: registry.counter(.replays),
            inDoubt: registry.counter(.inDoubt),
            commandSeconds: registry.histogram(.commandSeconds),
            attemptSeconds: registry.histogram(.upstreamAttemptSeconds),
            transactionSeconds: registry.histogram(.transactionSeconds),
            transactionRecords: registry.histogram(.transactionRecords),
            ignored: registry.counter(.ignoredRecords),
            restored: registry.counter(.ledgerRestoreRecords),
            loopLag: registry.histogram(.loopLag)
        )
        // There from the start, at 0: a rare event would go unseen in a series that begins with it.
        for outcome in ["committed", "dropped"] { _ = registry.counter(.deadLetters, outcome) }
        for outcome in ["committed", "aborted", "unknown"] { _ = registry.counter(.transactions, outcome) }
        for outcome in ["restored", "failed"] { _ = registry.counter(.ledgerRestores, outcome) }
    }

    func ledgerRead(_ records: Int) { handles.restored.add(Double(records)) }

    /// How far a restore has come, and how long it still takes at its rate so far.
    ///
    /// Logged every few seconds; the sink holds back what comes faster.
    func restoring(_ partition: Int32, _ progress: LedgerReader.Progress, from start: Int64, since began: Instant) {
        let left = max(progress.target - progress.position, 0)
        let seconds = (Clocks.now() - began).inSeconds
        let rate = seconds > 0 ? Double(progress.position - start) / seconds : 0
        let timeLeft = rate > 0 ? Double(left) / rate : 0
        registry.gauge(.ledgerRestoreRemaining).set(Double(left))
        registry.gauge(.ledgerRestoreTimeLeft).set(timeLeft)
        guard seconds > 2 else { return }
        logger.info(
            "restore under way",
            metadata: [
                "partition": "\(partition)", "remaining": "\(left)", "records_per_second": "\(Int(rate))",
                "seconds_left": "\(Int(timeLeft))",
            ]
        )
    }

    func restoreEnded() {
        registry.gauge(.ledgerRestoreRemaining).set(0)
        registry.gauge(.ledgerRestoreTimeLeft).set(0)
    }

    func kafkaError(_ error: KafkaError) {
        registry.counter(.kafkaErrors, error.name).add()
        logger.warning("kafka error", metadata: ["error": "\(error)"])
    }

    func clientLog(_ log: ClientLog) {
        clientLogger.log(
            level: log.level <= 3 ? .error : log.level == 4 ? .warning : .debug,
            "kafka client",
            metadata: ["facility": "\(log.facility)", "text": "\(log.text)"]
        )
    }

    func statistics(_ statistics: ConsumerStatistics) {
        health.set(
            "broker",
            isOK: statistics.brokers.contains { $0.state == "UP" },
            detail: statistics.brokers.map { "\($0.name) \($0.state)" }.joined(separator: ", ")
        )
        health.set("group", isOK: statistics.joinState == "steady", detail: statistics.joinState)
        warnOfIdleness(isSteady: statistics.joinState == "steady")
        for partition in statistics.partitions {
            guard let end = partition.highWatermark, end >= 0 else { continue }
            let number = "\(partition.topicPartition.partition)"
            let watermark = registry.gauge(.partitionWatermark, number).value
            registry.gauge(.partitionLag, number).set(max(0, Double(end) - watermark))
        }
    }

    /// A worker too many is healthy; that it does nothing should not surprise anybody.
    private func warnOfIdleness(isSteady: Bool) {
        let isIdle = isSteady && registry.gauge(.assignedPartitions).value == 0
        let seconds = idleFor.withLock { seconds in
            seconds = isIdle ? seconds + 1 : 0
            return seconds
        }
        guard seconds == Self.idleForLong else { return }
        logger.warning("no partition is left for this worker: the group has more members than the topic partitions")
    }

    func topics(_ finding: TopicGrowth.Finding) {
        switch finding {
        case .changed(let commands, let results, _):
            topicPartitions(commands: commands.now, results: results.now)
            logger.warning(
                "partitions were added: a session whose commands move to another one is not known there",
                metadata: [
                    "commands": "\(commands.before) -> \(commands.now)",
                    "results": "\(results.before) -> \(results.now)",
                ]
            )
        case .broken(let failure):
            logger.error(
                "topics do not fit each other",
                metadata: ["finding": "\(failure.message)", "remedy": "\(failure.remedy)"]
            )
        case .mended: logger.notice("topics fit each other again: what could not be restored is tried again")
        }
    }

    func keysMixed(_ keys: KeyCensus.Counts) {
        logger.warning(
            "producers place keys differently: commands of one session may reach different partitions",
            metadata: [
                "keys_by_murmur2": "\(keys.murmur2)", "keys_by_crc32": "\(keys.crc32)",
                "remedy":
                    "set partitioner=murmur2_random in producers built on librdkafka (Python, Go, .NET, kcat): it is Java's",
            ]
        )
    }

    /// What became of results that were asked for elsewhere, once they are visible.
    func replies(_ counts: [ReplyRoutes.Kind: Int]) {
        for (kind, count) in counts {
            registry.counter(.replies, kind.rawValue).add(Double(count))
            let metadata: Logger.Metadata = ["results": "\(count)", "sent_to": "topics.results"]
            switch kind {
            case .standard, .obeyed: break
            case .notAllowed:
                logger.warning(
                    "a reply topic is asked for that is not on results.allowed_reply_topics",
                    metadata: metadata
                )
            case .unavailable:
                logger.warning(
                    "a reply topic or partition is asked for that does not exist or takes nothing",
                    metadata: metadata
                )
            }
        }
    }

    func topicPartitions(commands: Int, results: Int) {
        registry.gauge(.topicPartitions, "commands").set(Double(commands))
        registry.gauge(.topicPartitions, "results").set(Double(results))
    }

    /// The loop turned, `late` after it wanted to.
    package func turned(_ status: EngineStatus, connections: Int, late: Duration) {
        registry.gauge(.httpConnections).set(Double(connections))
        handles.loopLag.observe(late)
        registry.gauge(.commandsInMemory).set(Double(status.commandsInMemory))
        registry.gauge(.waitingCommands).set(Double(status.unconcluded - min(status.inFlight, status.unconcluded)))
        registry.gauge(.callsInFlight).set(Double(status.inFlight))
        registry.gauge(.oldestUnfinishedAge).set(status.oldestAge?.inSeconds ?? 0)
        registry.gauge(.assignedPartitions).set(Double(status.partitions.count))
        registry.gauge(.parkedPartitions).set(Double(status.partitions.count { $0.parkedFor != nil }))
        registry.gauge(.ledgerSessions).set(Double(status.partitions.reduce(0) { $0 + $1.sessions }))
        registry.gauge(.trusted).set(status.isTrusted ? 1 : 0)
        for partition in status.partitions {
            registry.gauge(.partitionWatermark, "\(partition.number)").set(Double(partition.watermark))
        }
        for state in EngineStatus.Upstream.State.allCases {
            registry.gauge(.upstreamState, state.rawValue).set(status.upstream.state == state ? 1 : 0)
        }
        registry.gauge(.concurrencyLimit).set(Double(status.upstream.concurrencyLimit))
        registry.gauge(.rateShare).set(status.upstream.rateShare ?? 0)
        judge(status)
        stalled.withLock { $0 = status.stalledFor != nil }
        if let silence = status.stalledFor {
            logger.critical(
                "no progress although there is work",
                metadata: [
                    "seconds": "\(Int(silence.inSeconds))",
                    "state": "\(String(decoding: StatusPage.render(status), as: UTF8.self))",
                ]
            )
        }
    }

    /// The engine has work and gets nowhere with it: whoever asks whether it is alive is told no.
    package var isStalled: Bool { stalled.withLock { $0 } }

    private func judge(_ status: EngineStatus) {
        let parked = status.partitions.filter { $0.parkedFor != nil }
        let restoring = status.partitions.filter { $0.phase == "restoring" }
        health.set("producer", isOK: status.hasProducer, detail: status.producerFailure ?? "")
        health.set("consumer", isOK: status.consumerFailure == nil, detail: status.consumerFailure ?? "")
        health.set(
            "restored",
            isOK: restoring.isEmpty,
            detail: restoring.isEmpty ? "" : "partitions \(restoring.map(\.number)) are being restored"
        )
        health.set(
            "outputs",
            isOK: parked.isEmpty,
            detail: parked.map { "partition \($0.number): \($0.parkedFor ?? "")" }.joined(separator: "; ")
        )
        health.set("membership", isOK: status.isTrusted, detail: status.distrust?.rawValue ?? "")
        // Advice only: with a key that is refused, the roll-out of the next one must not wait for readiness.
        health.set(
            "upstream",
            isOK: status.upstream.state == .serving,
            detail: status.upstream.cause ?? (status.upstream.state == .serving ? "" : status.upstream.state.rawValue),
            isAdvisory: true
        )
        health.set("running", isOK: !status.isDraining, detail: status.isDraining ? "draining" : "")
    }

    // MARK: Facts

    func report(_ fact: Fact) {
        switch fact {
        case .concluded, .published, .asked, .backedOff, .ignored: reportCommand(fact)
        case .transaction, .aborted, .unknownCommit, .traced, .producerFailed: reportTransaction(fact)
        case .parked, .unparked, .undeliverable, .deadLetterDropped: reportOutput(fact)
        case .upstream(let change): report(change)
        default: reportMembership(fact)
        }
    }

    private func reportCommand(_ fact: Fact) {
        switch fact {
        case .concluded(let record, let reason, let replayed, let inDoubt):
            if replayed { handles.replays.add() }
            if inDoubt { handles.inDoubt.add() }
            logger.debug("command concluded", metadata: place(record).merging(["reason": "\(reason.rawValue)"]) { $1 })
        case .published(let status, let reason, let duration):
            registry.counter(.commands, status.rawValue, reason.rawValue).add()
            handles.commandSeconds.observe(duration)
            if status == .invalid { registry.counter(.deadLetters, "committed").add() }
        case .asked(let record, let kind, let attempt, let duration, let failure, let status):
            registry.counter(.upstreamCalls, kind.name).add()
            handles.attemptSeconds.observe(duration)
            guard kind.isTrouble else { return }
            logger.info(
                "attempt failed",
                metadata: place(record).merging([
                    "class": "\(kind.name)", "attempt": "\(attempt)", "failure": "\(failure?.rawValue ?? "none")",
                    "http_status": "\(status.map(String.init) ?? "none")",
                ]) { $1 }
            )
        case .backedOff(let record, let attempt, let wait):
            logger.debug(
                "asking again later",
                metadata: place(record).merging(["attempt": "\(attempt)", "wait_ms": "\(wait.milliseconds)"]) { $1 }
            )
        case .ignored(let count): handles.ignored.add(Double(count))
        default: break
        }
    }

    private func report(_ change: UpstreamChange) {
        switch change {
        case .breakerOpened(let duration):
            registry.counter(.breakerOpenings).add()
            logger.error("breaker opened: the upstream only fails", metadata: ["ms": "\(duration.milliseconds)"])
        case .breakerHalfOpened: logger.notice("breaker half open: one command finds out")
        case .breakerClosed: logger.notice("breaker closed: the upstream answers again")
        case .halted(let cause):
            registry.counter(.upstreamHalts).add()
            logger.error("calls halted", metadata: ["cause": "\(cause)"])
        case .recovered(let duration):
            logger.notice("calls go on: the upstream takes the key again", metadata: ["ms": "\(duration.milliseconds)"])
        case .held(let duration):
            logger.warning("the upstream asks for a pause", metadata: ["ms": "\(duration.milliseconds)"])
        case .rateLimited: logger.notice("commands wait for check_otp.rate_limit")
        case .concurrencyCut(let limit):
            logger.notice("fewer calls at a time: the upstream is overloaded", metadata: ["limit": "\(limit)"])
        case .retryDenied: registry.counter(.retriesDenied).add()
        case .waitedInVain(let record):
            registry.counter(.waitsEnded).add()
            logger.debug("answered without a call", metadata: place(record))
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
            logger.warning("transaction aborted", metadata: ["cause": "\(cause.rawValue)", "reason": "\(reason)"])
        case .unknownCommit(let reason, let isFenced):
            registry.counter(.transactions, "unknown").add()
            logger.error(
                isFenced ? "producer fenced: another worker has this transactional id" : "commit unknown",
                metadata: ["reason": "\(reason)"]
            )
        case .traced(let counted):
            let end = counted.map { $0 ? "committed" : "not committed" } ?? "partitions gone"
            logger.notice("unknown commit traced", metadata: ["end": "\(end)"])
        case .producerFailed(let reason):
            logger.error("no transactional producer", metadata: ["reason": "\(reason)"])
        default: break
        }
    }

    private func reportOutput(_ fact: Fact) {
        switch fact {
        case .parked(let partition, let reason):
            logger.error("partition parked", metadata: ["partition": "\(partition)", "reason": "\(reason)"])
        case .unparked(let partition):
            logger.notice("partition tried again", metadata: ["partition": "\(partition)"])
        case .undeliverable(let record):
            registry.counter(.undeliverableResults).add()
            logger.error("result undeliverable, reduced", metadata: place(record))
        case .deadLetterDropped(let record):
            registry.counter(.deadLetters, "dropped").add()
            logger.error("dead letter dropped", metadata: place(record))
        default: break
        }
    }

    private func reportMembership(_ fact: Fact) {
        switch fact {
        case .distrusted(let cause):
            registry.counter(.distrusts, cause.rawValue).add()
            logger.warning("membership in doubt, calls withheld", metadata: ["cause": "\(cause.rawValue)"])
        case .trusted: logger.notice("membership proven, calls go on")
        case .consumerFailed(let reason): logger.error("consumer failed", metadata: ["reason": "\(reason)"])
        case .assigned(let partitions):
            registry.counter(.rebalances).add()
            logger.notice("partitions assigned", metadata: ["partitions": "\(partitions)"])
        case .revoked(let partitions):
            registry.counter(.rebalances).add()
            logger.notice("partitions revoked", metadata: ["partitions": "\(partitions)"])
        case .lost(let partitions):
            registry.counter(.rebalances).add()
            gone(partitions)
            logger.warning("partitions lost", metadata: ["partitions": "\(partitions)"])
        case .released(let partitions, let unsettled):
            gone(partitions)
            logger.notice(
                "partitions released",
                metadata: ["partitions": "\(partitions)", "unsettled": "\(unsettled)"]
            )
        case .draining: logger.notice("draining")
        case .stopped(let unfinished): logger.notice("drained", metadata: ["unfinished": "\(unfinished)"])
        case .intakeClosed: logger.notice("intake paused: too many commands in memory")
        case .intakeOpened: logger.notice("intake resumed")
        default: reportRestore(fact)
        }
    }

    private func reportRestore(_ fact: Fact) {
        switch fact {
        case .restoring(let partition, let from, let to):
            logger.info(
                "restoring partition",
                metadata: ["partition": "\(partition)", "from": "\(from)", "to": "\(to)"]
            )
        case .restored(let partition, let sessions, let duration, let offset, let withoutMetadata):
            registry.counter(.ledgerRestores, "restored").add()
            registry.histogram(.restoreSeconds).observe(duration)
            logger.notice(
                "partition restored",
                metadata: [
                    "partition": "\(partition)", "sessions": "\(sessions)", "ms": "\(duration.milliseconds)",
                    "offset": "\(offset)", "whole_ledger": "\(withoutMetadata)",
                ]
            )
        case .restoreFailed(let partition, let reason):
            registry.counter(.ledgerRestores, "failed").add()
            logger.error("restore failed", metadata: ["partition": "\(partition)", "reason": "\(reason)"])
        case .ledgerRecreated(let partition, let recorded, let end, let accepted):
            logger.error(
                accepted ? "ledger was recreated, its loss accepted" : "ledger was recreated, partition refused",
                metadata: ["partition": "\(partition)", "recorded": "\(recorded)", "end": "\(end)"]
            )
        case .commandsMissed(let partition, let count):
            logger.error(
                "commands deleted before they were read",
                metadata: ["partition": "\(partition)", "count": "\(count)"]
            )
        default: break
        }
    }

    private func gone(_ partitions: [Int32]) {
        for partition in partitions {
            registry.remove(.partitionWatermark, "\(partition)")
            registry.remove(.partitionLag, "\(partition)")
        }
    }

    private func place(_ record: RecordID) -> Logger.Metadata {
        ["partition": "\(record.place.partition)", "offset": "\(record.offset)"]
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
