import CheckOTP
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import OTPContract
import OTPEngine
import OTPKafka
package import OTPObservability
import Synchronization

/// One worker: connects, checks what it needs, works until it is told to drain, and leaves.
///
/// It is started once.
package final class Worker: Sendable {
    package let health: HealthState
    private let configuration: WorkerConfiguration
    private let version: String
    private let loggers: Loggers
    private let registry: MetricRegistry
    private let heartbeat: Heartbeat
    private let state = Mutex(State())

    private struct State {
        var engineLoop: EngineLoop?
        var adminPort: Int?
        var isDrainRequested = false
        var hasRun = false
        var checked: CheckedContinuation<Result<StartCheck.Findings, StartFailure>?, Never>?
        var stopped: CheckedContinuation<StartFailure?, Never>?
    }

    /// When the loop last turned, before there is a loop and after it.
    private final class Heartbeat: Sendable {
        let engineLoop = Mutex<EngineLoop?>(nil)

        var age: Duration {
            guard let engineLoop = engineLoop.withLock({ $0 }) else { return .zero }
            // A loop that turns and gets nowhere is as dead as one that does not.
            if engineLoop.isStalled { return .seconds(86_400) }
            return Clocks.now() - Instant(nanoseconds: engineLoop.lastTurn.load(ordering: .relaxed))
        }
    }

    /// Makes a worker and nothing else: it connects to nobody yet.
    ///
    /// - Parameters:
    ///   - configuration: what it is told.
    ///   - version: the program's, for the status page.
    ///   - loggers: one for each component.
    ///   - registry: takes the metrics.
    package init(
        _ configuration: WorkerConfiguration,
        version: String,
        loggers: Loggers,
        registry: MetricRegistry
    ) {
        self.version = version
        self.configuration = configuration
        self.loggers = loggers
        self.registry = registry
        let heartbeat = Heartbeat()
        self.heartbeat = heartbeat
        health = HealthState(
            conditions: ReadinessCondition.allCases.map(\.rawValue),
            heartbeatBound: configuration.kafka.sessionTimeout,
            heartbeatAge: { heartbeat.age }
        )
    }

    /// The port of the admin server, once it listens.
    package var adminPort: Int? { state.withLock { $0.adminPort } }

    /// Works until drained.
    /// - Throws: why it did not start. Once it works it does not throw: it recovers or says that it is not ready.
    package func run() async throws(StartFailure) {
        precondition(
            state.withLock { state in
                defer { state.hasRun = true }
                return !state.hasRun
            },
            "a worker is started once"
        )
        let setup = try Setup(configuration)
        warn(of: setup)
        guard let findings = try await check(setup) else { return }
        for warning in findings.warnings { loggers.worker.log(.topicFinding, ["finding": "\(warning)"]) }

        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let telemetry = Telemetry(
            loggers,
            registry: registry,
            health: health,
            topic: configuration.topics.commands
        )
        telemetry.topicPartitions(commands: findings.commandPartitions, results: findings.resultPartitions)
        let transactionExecutor = makeTransactionExecutor(setup, findings, telemetry)
        let keys = KeyWatch(partitions: findings.commandPartitions, registry: registry, telemetry: telemetry)
        let tracing = CommandSpans.Installed.current
        let engineLoop: EngineLoop
        do {
            engineLoop = try await loop.submit { [self] in
                try makeEngineLoop(setup, findings, transactionExecutor, keys, telemetry, tracing, loop)
            }.get()
        } catch {
            try? await group.shutdownGracefully()
            throw StartFailure(explaining: error)
        }
        heartbeat.engineLoop.withLock { $0 = engineLoop }
        let page = StatusPage(version: version, configuration: configuration, keys: keys, telemetry: telemetry)
        let admin = try await startAdmin(engineLoop, page, stopping: group)
        let growth = makeTopicWatch(setup, findings, transactionExecutor, keys, telemetry, engineLoop)
        let outputs = OutputWatch(
            admin: setup.admin,
            topics: configuration.topics,
            limits: findings.limits,
            onLook: { engineLoop.report(.outputsLooked($0)) },
            onLimits: { engineLoop.report(.batchLimitRead($0.batchBytes)) }
        )
        transactionExecutor.tryRights(group: configuration.kafka.groupID) { telemetry.missing($0) }
        let failure = await withTaskGroup { watches in
            watches.addTask { await growth.run() }
            watches.addTask { await outputs.run() }
            defer { watches.cancelAll() }
            return await work(engineLoop, loop)
        }
        await admin?.stop()
        heartbeat.engineLoop.withLock { $0 = nil }
        try? await group.shutdownGracefully()
        _ = setup.admin.close(timeout: .seconds(1))
        if let failure { throw failure }
        loggers.worker.log(.stopped)
    }

    private func warn(of setup: Setup) {
        for warning in configuration.warnings {
            let metadata: Logger.Metadata = [
                "setting": "\(warning.key)", "finding": "\(warning.what)", "remedy": "\(warning.remedy)",
            ]
            loggers.worker.log(.settingSuspicious, metadata)
        }
        guard configuration.ledger.secret == nil, setup.secret.revealed.utf8.count < Fingerprinter.shortestKey else {
            return
        }
        loggers.worker.log(
            .fingerprintsOnShortKey,
            [
                "setting": "check_otp.secret_key", "shortest": .stringConvertible(Fingerprinter.shortestKey),
            ]
        )
    }

    /// Stops taking commands, finishes what is under way and leaves.
    ///
    /// From any thread, as often as one likes.
    package func drain() {
        let engineLoop = state.withLock { state in
            state.isDrainRequested = true
            return state.engineLoop
        }
        guard let engineLoop else { return checked(nil) }
        engineLoop.report(.drainRequested)
        // Whatever hangs must not outlive the grace period.
        let limit = configuration.delivery.drainTimeout + .seconds(8)
        engineLoop.eventLoop.scheduleTask(in: .nanoseconds(limit.nanoseconds)) {
            self.loggers.worker.log(.drainTimedOut)
            self.stopped()
        }
    }

    /// Reads the upstream's key again, if it is in a file.
    ///
    /// From any thread, as often as one likes.
    package func reload() { state.withLock { $0.engineLoop }?.reloadSecret() }

    /// What the cluster has; nil when the worker was told to drain before that was known.
    private func check(_ setup: Setup) async throws(StartFailure) -> StartCheck.Findings? {
        let result = await withCheckedContinuation { continuation in
            let isDrainRequested = state.withLock { state in
                state.checked = continuation
                return state.isDrainRequested
            }
            if isDrainRequested { checked(nil) } else { setup.check { self.checked($0) } }
        }
        return try result?.get()
    }

    private func checked(_ result: Result<StartCheck.Findings, StartFailure>?) {
        state.withLock { $0.checked.take() }?.resume(returning: result)
    }

    /// Returns when it is ready for the first time.
    /// - Throws: `CancellationError`.
    package func whenReady() async throws {
        for await isReady in health.readinessChanges where isReady { return }
        throw CancellationError()
    }

    private func work(_ engineLoop: EngineLoop, _ loop: any EventLoop) async -> StartFailure? {
        await withCheckedContinuation { continuation in
            state.withLock { $0.stopped = continuation }
            loop.execute { [self] in
                do throws(KafkaError) {
                    try engineLoop.start { self.stopped() }
                } catch {
                    stopped(StartFailure(explaining: error))
                    return
                }
                let isDrainRequested = state.withLock { state in
                    state.engineLoop = engineLoop
                    return state.isDrainRequested
                }
                loggers.worker.log(.started, ["worker": "\(configuration.name)"])
                if isDrainRequested { drain() }
            }
        }
    }

    private func stopped(_ failure: StartFailure? = nil) {
        state.withLock { $0.stopped.take() }?.resume(returning: failure)
    }

    private func startAdmin(
        _ engineLoop: EngineLoop,
        _ page: StatusPage,
        stopping group: MultiThreadedEventLoopGroup
    ) async throws(StartFailure)
        -> AdminServer?
    {
        guard configuration.admin.isEnabled else { return nil }
        let server = AdminServer(
            host: configuration.admin.host,
            port: configuration.admin.port,
            allowedHosts: configuration.admin.allowedHosts,
            health: health,
            registry: registry,
            status: { await page.render(engineLoop) }
        )
        do {
            let port = try await server.start()
            state.withLock { $0.adminPort = port }
            loggers.worker.log(
                .adminServerListens,
                ["host": "\(configuration.admin.host)", "port": .stringConvertible(port)]
            )
            return server
        } catch {
            try? await group.shutdownGracefully()
            throw StartFailure(
                .configuration,
                "\(error)",
                remedy: "choose a free admin.port (0 lets the system choose), or turn it off with admin.enabled: false"
            )
        }
    }

    private func makeTopicWatch(
        _ setup: Setup,
        _ findings: StartCheck.Findings,
        _ transactionExecutor: TransactionExecutor,
        _ keys: KeyWatch,
        _ telemetry: Telemetry,
        _ engineLoop: EngineLoop
    ) -> TopicWatch {
        TopicWatch(
            findings,
            admin: setup.admin,
            topics: configuration.topics,
            replyTopics: configuration.replyTopics,
            onFinding: { finding in
                if case .changed(let commands, let results, let mirrored) = finding {
                    if commands.now != commands.before {
                        keys.grew(to: commands.now)
                        engineLoop.report(.partitionsCounted(commands.now))
                    }
                    transactionExecutor.reroute { $0.grew(to: results.now, mirrored: mirrored) }
                }
                telemetry.topics(finding)
            },
            onReplyTopics: { found in transactionExecutor.reroute { $0.replyTopicsFound(found) } }
        )
    }

    private func makeTransactionExecutor(
        _ setup: Setup,
        _ findings: StartCheck.Findings,
        _ telemetry: Telemetry
    ) -> TransactionExecutor {
        let (commands, results) = (findings.commandPartitions, findings.resultPartitions)
        return TransactionExecutor(
            slot: setup.transactionalID,
            properties: { (id, bytes) throws(KafkaError) in try setup.transactional(id, batchBytes: bytes) },
            topics: configuration.topics,
            routes: ReplyRoutes(
                standard: configuration.topics.results,
                partitions: results,
                mirrored: TopicGrowth.mirrored(commands: commands, results: results),
                allowed: configuration.replyTopics,
                found: findings.replyTopics
            ),
            timeout: configuration.kafka.transactionTimeout,
            admin: setup.admin,
            onEvent: { telemetry.heard($0, from: .transactions) },
            onReplies: { telemetry.replies($0) }
        )
    }

    private func makeEngineLoop(
        _ setup: Setup,
        _ findings: StartCheck.Findings,
        _ transactionExecutor: TransactionExecutor,
        _ keys: KeyWatch,
        _ telemetry: Telemetry,
        _ tracing: CommandSpans.Installed,
        _ loop: any EventLoop
    ) throws -> EngineLoop {
        let client = try CheckClient(
            configuration: setup.client,
            secret: setup.secret,
            eventLoop: loop,
            tls: setup.tls
        )
        let processID = UInt64.random(in: .min ... .max)
        let queries = try LedgerQueries(
            setup.common,
            topics: configuration.topics,
            process: processID,
            telemetry: telemetry
        )
        let selection = CommandIntake.selection(maximumBytes: configuration.commands.maximumBytes)
        let intake = CommandIntake(
            decoder: configuration.commands.decoder,
            fingerprinter: setup.fingerprinter,
            replayKey: setup.replayKey,
            digestsPhones: configuration.ledger.maximumWrongCodesPerPhone > 0,
            copiedBytes: configuration.deadLetters.includeValue ? configuration.commands.maximumBytes : nil,
            keys: keys
        )
        let topics = configuration.topics
        let secret = SecretReload(
            setup.secret,
            file: configuration.checkOTP.secretKeyFile,
            client: client,
            eventLoop: loop,
            logger: loggers.checkOTP
        )
        let parts = EngineLoop.Parts(
            client: client,
            secret: secret,
            warmConnections: configuration.checkOTP.warmConnections,
            intents: { engineLoop in
                IntentWriter(
                    properties: setup.idempotent,
                    topic: topics.ledger,
                    eventLoop: engineLoop.eventLoop,
                    report: { engineLoop.handle($0) },
                    onEvent: { telemetry.heard($0, from: .intents) }
                )
            },
            transactionExecutor: transactionExecutor,
            queries: queries,
            makeConsumer: { () throws(KafkaError) in
                ConsumerThread(try GroupConsumer(setup.consumer, keeping: selection), intake: intake)
            },
            topics: topics,
            telemetry: telemetry,
            spans: CommandSpans(tracing, names: CommandSpans.Names(configuration, setup.client.origin))
        )
        let engine = Engine(
            configuration: EngineConfiguration(configuration, findings, setup, processID: processID),
            seed: .random(in: .min ... .max),
            now: Clocks.now()
        )
        return EngineLoop(engine: engine, parts: parts, eventLoop: loop)
    }
}
