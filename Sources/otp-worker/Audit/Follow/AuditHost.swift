import Foundation
import Logging
import OTPContract
import OTPEngine
import OTPKafka
import OTPObservability
import OTPWorker
import UnixSignals

/// The process around an ``AuditService``: log, probes, metrics and signals.
struct AuditHost {
    private let settings: Settings
    private let registry = MetricRegistry(of: .audit)
    private let sink: LogSink
    private let logger: Logger

    /// What is not older than this is judged where nothing else is said: longer than a restart takes.
    private static let history = Duration.seconds(600)
    /// How long the round under way may still take after a signal: it may wait for a cluster that is away.
    private static let patience = Duration.seconds(10)

    init(_ settings: Settings) {
        self.settings = settings
        registry.exposeBuild(version: VersionCommand.number, librdkafka: LibrdKafka.version)
        registry.exposeProcess()
        let sink = LogSink(form: settings.logForm, registry: registry)
        self.sink = sink
        logger = Logger(label: "audit") { StructuredLogHandler(label: $0, level: settings.logLevel, sink: sink) }
    }

    /// Judges until a signal; returns whether all was judged in the end, and no promise was broken.
    func follow(since: WallTime?, limit: Int) async throws -> Bool {
        if let fault = DryRun.adminAddress(settings.worker.admin) { throw fault }
        let now = WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        let since = since ?? WallTime(milliseconds: now.milliseconds - Self.history.milliseconds)
        let service = AuditService(logger, registry)
        let health = HealthState(conditions: ["judging"], heartbeatBound: .seconds(120)) { service.silence }
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let server = try await serve(health, service)
        let tasks = [
            Task { await stop(service, on: signals) },
            Task { try await keep(health, of: service) },
            Task { try await sink.keepSummarizing() },
        ]
        defer {
            for task in tasks { task.cancel() }
            sink.flush()
        }
        let follower = try await AuditFollower(settings, since: since, limit: limit)
        logger.log(.auditBegins, ["since": "\(since.iso8601)"])
        for note in follower.notes { logger.log(.auditNarrowed, ["note": "\(note)"]) }
        let isClean = try await service.run(follower)
        await server?.stop()
        logger.log(.stopped, ["is_clean": .stringConvertible(isClean)])
        return isClean
    }

    private func serve(_ health: HealthState, _ service: AuditService) async throws -> AdminServer? {
        let admin = settings.worker.admin
        guard admin.isEnabled else { return nil }
        let server = AdminServer(
            host: admin.host,
            port: admin.port,
            allowedHosts: admin.allowedHosts,
            health: health,
            registry: registry,
            status: { service.status }
        )
        let port = try await server.start()
        logger.log(.adminServerListens, ["host": "\(admin.host)", "port": .stringConvertible(port)])
        return server
    }

    /// A probe is answered by what is known now, whether or not the judging thread says anything.
    private func keep(_ health: HealthState, of service: AuditService) async throws {
        while true {
            let (isOK, detail) = service.verdict
            health.set("judging", isOK: isOK, detail: detail)
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func stop(_ service: AuditService, on signals: UnixSignalsSequence) async {
        var stopping = StopSignals()
        for await signal in signals {
            switch stopping.received(at: .now) {
            case .drain:
                logger.log(.stopping, ["signal": "\(signal)"])
                service.stop()
                Task {
                    try await Task.sleep(for: Self.patience)
                    logger.log(.drainTimedOut)
                    sink.flush()
                    Console.exit(1)
                }
            case .same: continue
            case .stopAtOnce:
                logger.log(.stoppingAtOnce, ["signal": "\(signal)"])
                sink.flush()
                Console.exit(1)
            }
        }
    }
}
