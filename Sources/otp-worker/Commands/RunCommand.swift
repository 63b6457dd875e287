import ArgumentParser
import Foundation
import Logging
import OTPKafka
import OTPObservability
import OTPWorker
import UnixSignals

/// Runs a worker until it is told to stop: the first signal drains it, the second ends the process.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a worker.",
        discussion: """
            It reads commands, asks check_otp about each and publishes one result per command, until SIGTERM or SIGINT; \
            then it finishes what is under way, leaves the group and exits with 0. A second signal, if it comes more than half \
            a second later, ends it at once.

            The secret key comes from OTP_CHECK_OTP_SECRET_KEY or from the file that check_otp.secret_key_file names; \
            SIGHUP reads that file again. Logs go to standard error: one JSON object per line, or lines for people on a \
            terminal. /live, /ready, /status and /metrics, and at / a page for people, are served on \
            admin.host:admin.port (127.0.0.1:9464). systemd is \
            told that it is ready, lives and stops (Type=notify, WatchdogSec).

            Examples:
              otp-worker run --brokers localhost:9092
              otp-worker run --config /etc/otp-worker.yaml --log-level debug
              otp-worker run --check-otp-url http://127.0.0.1:8080 --admin-port 0
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @OptionGroup var fleet: WorkerOptions

    @Option(name: .long, help: ArgumentHelp("Port for probes and metrics; 0: any (admin.port).", valueName: "port"))
    var adminPort: String?

    @Option(name: .long, help: ArgumentHelp("This worker's name (worker.name).", valueName: "name"))
    var workerName: String?

    @Option(
        name: .long,
        help: ArgumentHelp("trace, debug, info, notice, warning, error, critical.", valueName: "level")
    )
    var logLevel: String?

    @Option(name: .long, help: ArgumentHelp("automatic, json, text.", valueName: "format"))
    var logFormat: String?

    /// What that flag was called: the answer names the new one.
    @Option(name: .long, help: .hidden)
    var logForm: String?

    @Flag(
        name: .long,
        help: "Take partitions whose ledger was recreated; codes may be asked twice (ledger.accept_loss)."
    )
    var acceptLedgerLoss = false

    private var flags: [ConfigurationFlag] {
        let given = [
            ("admin.port", adminPort, "--admin-port"),
            ("worker.name", workerName, "--worker-name"),
            ("log.level", logLevel, "--log-level"),
            ("log.format", logFormat, "--log-format"),
            ("log.form", logForm, "--log-form"),
            ("ledger.accept_loss", acceptLedgerLoss ? "true" : nil, "--accept-ledger-loss"),
        ]
        return fleet.flags
            + given.compactMap { key, value, spelling in
                value.map { ConfigurationFlag(key, $0, spelling: spelling) }
            }
    }

    func run() async throws {
        let effective = try options.effectiveSettings(for: .worker, and: flags)
        let settings = effective.settings
        // The server itself can only say that it cannot listen.
        if let fault = DryRun.adminAddress(settings.worker.admin) { throw fault }
        let registry = MetricRegistry()
        registry.exposeBuild(version: VersionCommand.number, librdkafka: LibrdKafka.version)
        registry.exposeProcess()
        let sink = LogSink(form: settings.logForm, registry: registry)
        let loggers = Loggers(sink, level: settings.logLevel, levels: settings.logLevels)
        if !effective.serviceLinks.isEmpty {
            loggers.worker.log(.serviceLinksIgnored, ["variables": "\(effective.serviceLinks.joined(separator: ", "))"])
        }
        let worker = Worker(
            settings.worker,
            version: VersionCommand.number,
            loggers: loggers,
            registry: registry
        )
        for leak in ConfigurationLeaks.found(in: settings.worker, file: options.config) {
            loggers.worker.log(
                .configurationLeak,
                ["setting": "\(leak.setting)", "cause": "\(leak.cause)", "remedy": "\(leak.remedy)"]
            )
        }
        let supervisor = ServiceManager(
            environment: ProcessInfo.processInfo.environment,
            processID: ProcessInfo.processInfo.processIdentifier
        )
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        defer { sink.flush() }
        try await withThrowingTaskGroup { group in
            group.addTask {
                await Self.handle(signals, for: worker, supervisor, loggers.worker, sink)
            }
            group.addTask { try? await supervisor?.follow(worker.health) }
            group.addTask { try? await sink.keepSummarizing() }
            defer { group.cancelAll() }
            try await worker.run()
        }
    }

    /// The first signal drains the worker, SIGHUP reads its key again, and a second signal ends the process.
    private static func handle(
        _ signals: UnixSignalsSequence,
        for worker: Worker,
        _ supervisor: ServiceManager?,
        _ logger: Logger,
        _ sink: LogSink
    ) async {
        var requests = StopSignals()
        for await signal in signals {
            guard signal != .sighup else {
                worker.reload()
                continue
            }
            switch requests.received(at: .now) {
            case .drain:
                logger.log(.stopping, ["signal": "\(signal)"])
                supervisor?.stopping()
                worker.drain()
            case .same: continue
            case .stopAtOnce:
                logger.log(.stoppingAtOnce, ["signal": "\(signal)"])
                sink.flush()
                Console.exit(1)
            }
        }
    }
}
