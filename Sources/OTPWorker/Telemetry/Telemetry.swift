import Dispatch
import Logging
import OTPContract
package import OTPEngine
package import OTPKafka
package import OTPObservability
import Synchronization

/// Turns the engine's facts into metrics, log lines and the conditions of readiness.
///
/// It never sees a code, a phone number or a key, and decides nothing.
package final class Telemetry: Sendable {
    let loggers: Loggers
    let registry: MetricRegistry
    let handles: Handles
    /// Where the commands are: a record's coordinates begin with it.
    let topic: String
    private let health: HealthState
    private let stalled = Mutex(false)
    /// The end of each owned partition, as of the last statistics; nil before the first.
    private let ends = Mutex<[Int32: Int64?]>([:])
    /// Statistics in a row, one a second, that found this worker in a steady group and without a partition.
    private let idleFor = Mutex(0)
    /// A member that just joined has none for a few seconds.
    private static let idleForLong = 10

    /// Handles resolved once: these are updated for every command.
    struct Handles: Sendable {
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

    /// - Parameters:
    ///   - loggers: one for each component.
    ///   - registry: takes the metrics.
    ///   - health: takes the conditions of readiness.
    ///   - topic: the topic of commands.
    package init(_ loggers: Loggers, registry: MetricRegistry, health: HealthState, topic: String) {
        self.loggers = loggers
        self.registry = registry
        self.health = health
        self.topic = topic
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
        registry.exposeFromTheStart()
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
        loggers.ledger.log(
            .restoreUnderWay,
            [
                "partition": .stringConvertible(partition), "remaining": .stringConvertible(left),
                "records_per_second": .stringConvertible(Int(rate)),
                "seconds_left": .stringConvertible(Int(timeLeft)),
            ]
        )
    }

    func missing(_ right: RightsTrial.Missing) {
        let resource =
            switch right {
            case .topic(let topic): "topic \(topic)"
            case .transactionalID(let id): "transactional id \(id)"
            }
        loggers.kafka.log(.rightMissing, ["operation": "Write", "resource": "\(resource)"])
    }

    func restoreEnded() {
        registry.gauge(.ledgerRestoreRemaining).set(0)
        registry.gauge(.ledgerRestoreTimeLeft).set(0)
    }

    /// Which of the worker's clients of the cluster speaks.
    enum Client: String, CaseIterable {
        case consumer, transactions, intents
    }

    func heard(_ event: ClientEvent, from client: Client) {
        switch event {
        case .error(let error):
            registry.counter(.kafkaErrors, error.name).add()
            loggers.kafka.log(.kafkaError, ["error": "\(error)", "client": "\(client.rawValue)"])
        // The text is long: the thread that brings it has acknowledgements to serve, for which commits wait.
        case .statistics(let json):
            DispatchQueue.global(qos: .utility).async { [self] in
                if let statistics = ClientStatistics(json: json) { show(statistics, of: client) }
            }
        case .log(let log):
            loggers.rdkafka.log(
                .kafkaClient,
                at: log.level <= 3 ? .error : log.level == 4 ? .warning : .debug,
                ["facility": "\(log.facility)", "text": "\(log.text)", "client": "\(client.rawValue)"]
            )
        }
    }

    private func show(_ statistics: ClientStatistics, of client: Client) {
        let name = client.rawValue
        registry.gauge(.kafkaConnectedBrokers, name).set(Double(statistics.connectedBrokers))
        registry.gauge(.kafkaRoundTrip, name).set(statistics.roundTrip.inSeconds)
        registry.gauge(.kafkaThrottle, name).set(statistics.throttle.inSeconds)
        registry.gauge(.kafkaWaitingRequests, name).set(Double(statistics.waitingRequests))
        registry.counter(.kafkaRequestTimeouts, name).set(total: Double(statistics.timedOutRequests))
        if statistics.throttle > .zero {
            loggers.kafka.log(
                .quotaReached,
                ["client": "\(name)", "mean_ms": .stringConvertible(statistics.throttle.milliseconds)]
            )
        }
        registry.gauge(.kafkaQueuedRecords, name).set(Double(statistics.queuedRecords))
    }

    package func statistics(_ statistics: ConsumerStatistics) {
        show(statistics.client, of: .consumer)
        health.set(
            .broker,
            isOK: statistics.brokers.contains { $0.state == "UP" },
            detail: ReadinessDetail.broker(statistics.brokers)
        )
        let isSteady = statistics.joinState == "steady"
        health.set(.group, isOK: isSteady, detail: ReadinessDetail.group(statistics.joinState))
        warnOfIdleness(isSteady: isSteady)
        for partition in statistics.partitions {
            guard let end = partition.highWatermark, end >= 0 else { continue }
            // They may be late, and speak of a partition that has gone.
            let owned = partition.topicPartition.partition
            let isOwned = ends.withLock { ends in
                guard ends[owned] != nil else { return false }
                ends[owned] = end
                return true
            }
            guard isOwned else { continue }
            let number = "\(owned)"
            let committed = registry.gauge(.partitionCommittedOffset, number).value
            registry.gauge(.partitionLag, number).set(max(0, Double(end) - committed))
        }
    }

    /// The offset after the partition's last record, as of the last statistics.
    func end(of partition: Int32) -> Int64? { ends.withLock { $0[partition] ?? nil } }

    func came(_ partitions: [Int32]) {
        ends.withLock { ends in
            for partition in partitions { ends[partition] = .some(nil) }
        }
    }

    func gone(_ partitions: [Int32]) {
        for partition in partitions {
            ends.withLock { $0[partition] = nil }
            registry.remove(.partitionCommittedOffset, "\(partition)")
            registry.remove(.partitionLag, "\(partition)")
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
        loggers.kafka.log(.noPartitionLeft)
    }

    func topics(_ finding: TopicGrowth.Finding) {
        switch finding {
        case .changed(let commands, let results, _):
            topicPartitions(commands: commands.now, results: results.now)
            loggers.kafka.log(
                .partitionsAdded,
                [
                    "commands": "\(commands.before) -> \(commands.now)",
                    "results": "\(results.before) -> \(results.now)",
                ]
            )
        case .broken(let failure):
            loggers.kafka.log(.topicsMismatched, ["finding": "\(failure.message)", "remedy": "\(failure.remedy)"])
        case .fixed: loggers.kafka.log(.topicsFit)
        }
    }

    func keysMixed(_ keys: PartitionerDetector.Counts) {
        loggers.kafka.log(
            .keysMixed,
            [
                "keys_by_murmur2": .stringConvertible(keys.murmur2), "keys_by_crc32": .stringConvertible(keys.crc32),
                "remedy":
                    "set partitioner=murmur2_random in producers built on librdkafka (Python, Go, .NET, kcat): it is Java's",
            ]
        )
    }

    /// What became of results that were asked for elsewhere, once they are visible.
    func replies(_ counts: [ReplyRoutes.Kind: Int]) {
        for (kind, count) in counts {
            registry.counter(.replies, kind.rawValue).add(Double(count))
            let metadata: Logger.Metadata = ["results": .stringConvertible(count), "sent_to": "topics.results"]
            switch kind {
            case .standard, .routed: break
            case .notAllowed:
                loggers.kafka.log(.replyTopicNotAllowed, metadata)
            case .unavailable:
                loggers.kafka.log(.replyTopicUnavailable, metadata)
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
        registry.gauge(.unreadPartitions).set(Double(status.partitions.count { $0.isUnread }))
        registry.gauge(.waitingSessions).set(Double(status.partitions.reduce(0) { $0 + $1.waitingSessions }))
        registry.gauge(.ledgerSessions).set(Double(status.partitions.reduce(0) { $0 + $1.sessions }))
        registry.gauge(.sessionsInDoubt).set(Double(status.partitions.reduce(0) { $0 + $1.sessionsInDoubt }))
        registry.gauge(.leaseValid).set(status.isLeaseValid ? 1 : 0)
        for partition in status.partitions {
            let committed = partition.committedOffset
            registry.gauge(.partitionCommittedOffset, "\(partition.number)").set(Double(committed))
            if let told = partition.end {
                let end = max(told, end(of: partition.number) ?? told)
                registry.gauge(.partitionLag, "\(partition.number)").set(Double(max(0, end - committed)))
            }
        }
        for state in EngineStatus.Upstream.State.allCases {
            registry.gauge(.upstreamState, state.rawValue).set(status.upstream.state == state ? 1 : 0)
        }
        registry.gauge(.concurrencyLimit).set(Double(status.upstream.concurrencyLimit))
        registry.gauge(.rateShare).set(status.upstream.rateShare ?? 0)
        judge(status)
        stalled.withLock { $0 = status.stalledFor != nil }
        if let silence = status.stalledFor {
            loggers.worker.log(
                .noProgress,
                [
                    "seconds": .stringConvertible(Int(silence.inSeconds)),
                    "state": "\(String(decoding: StatusPage.render(status), as: UTF8.self))",
                ]
            )
        }
    }

    /// The engine has work and gets nowhere with it: anyone who asks whether it is alive is told no.
    package var isStalled: Bool { stalled.withLock { $0 } }

    private func judge(_ status: EngineStatus) {
        let restoring = status.partitions.filter { $0.phase == "restoring" }.map(\.number)
        let unread = status.partitions.filter(\.isUnread)
        let isParked = status.partitions.contains { $0.parkedFor != nil }
        health.set(.producer, isOK: status.hasProducer, detail: ReadinessDetail.producer(status))
        let failure = status.consumerFailure
        health.set(.consumer, isOK: failure == nil, detail: ReadinessDetail.consumer(failure))
        health.set(.restored, isOK: restoring.isEmpty, detail: ReadinessDetail.restored(restoring))
        health.set(.outputs, isOK: !isParked && status.overdue == nil, detail: ReadinessDetail.outputs(status))
        health.set(.reading, isOK: unread.isEmpty, detail: ReadinessDetail.reading(unread))
        let denied = status.deadLettersDenied
        health.set(.deadLetters, isOK: denied == nil, detail: ReadinessDetail.deadLetters(denied))
        health.set(.membership, isOK: status.isLeaseValid, detail: ReadinessDetail.membership(status.leaseLoss))
        let upstream = status.upstream
        health.set(.upstream, isOK: upstream.state == .serving, detail: ReadinessDetail.upstream(upstream))
        let isDraining = status.isDraining
        health.set(.running, isOK: !isDraining, detail: ReadinessDetail.running(isDraining: isDraining))
    }
}
