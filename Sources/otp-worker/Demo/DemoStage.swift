import Logging
import OTPDoctor
import OTPKafka
import OTPObservability
import OTPSandbox
import OTPWorker

/// What the demonstration is played on: a cluster, the sandbox, and a worker of this process.
///
/// It owns and ends them.
final class DemoStage {
    let settings: Settings
    let sandbox: SandboxServer
    /// Not a secret: the sandbox accepts it, and nobody else.
    static let key = "sck_demo"

    private let broker: EmbeddedBroker?
    private let worker: Worker
    private let sink: LogSink
    private var running: Task<Void, Never>?

    /// Starts what the worker needs; the worker itself is only made.
    init(options: ConfigurationFlags, brokers: String?, verbose: Bool) async throws {
        broker = brokers == nil ? try EmbeddedBroker() : nil
        var sandbox = SandboxConfiguration()
        sandbox.secretKey = SandboxSecret(Self.key)
        self.sandbox = try await SandboxServer.start(sandbox)
        settings = try Self.settings(
            options,
            brokers: brokers ?? broker?.bootstrapServers ?? "",
            upstream: self.sandbox.url
        )
        let registry = MetricRegistry()
        sink = LogSink(form: .automatic, registry: registry)
        let level: Logger.Level = verbose ? .debug : .critical
        worker = Worker(
            settings.worker,
            version: VersionCommand.number,
            loggers: Loggers(sink, level: level),
            registry: registry
        )
        try makeTopics()
    }

    typealias ConfigurationFlags = (flags: [ConfigurationFlag], environment: [String: String])

    /// Nothing of the user's own settings but how to reach the cluster: not the key, not the upstream, not the topics.
    private static func settings(
        _ options: ConfigurationFlags,
        brokers: String,
        upstream: String
    ) throws -> Settings {
        var environment = options.environment.filter { $0.key.hasPrefix("OTP_KAFKA_PROPERTIES_") }
        environment["OTP_CHECK_OTP_SECRET_KEY"] = key
        let own = [
            ("kafka.brokers", brokers), ("kafka.group_id", "otp-demo"), ("check_otp.url", upstream),
            ("check_otp.retry_initial_backoff", "50ms"), ("admin.enabled", "false"), ("worker.name", "demo"),
            ("topics.commands", "otp.demo.commands"), ("topics.results", "otp.demo.results"),
            ("topics.ledger", "otp.demo.ledger"), ("topics.dead_letters", "otp.demo.dead-letters"),
        ]
        return try SettingsReader.read(
            file: nil,
            environment: environment,
            flags: own.map { ConfigurationFlag($0.0, $0.1, spelling: "demo") } + options.flags,
            for: .worker,
            hostName: "demo"
        ).settings
    }

    private func makeTopics() throws {
        let topics = settings.worker.topics
        if let broker {
            for topic in topics.all {
                try broker.createTopic(topic, partitions: 4)
            }
            return
        }
        try settings.talking {
            let admin = try Admin(settings.common)
            defer { _ = admin.close(timeout: .seconds(2)) }
            let found = try TopicsCommand.find(topics, admin)
            let plan = TopicPlan(topics, found: found, partitions: found.isEmpty ? 4 : nil)
            if let failure = try TopicsCommand.create(plan.newTopics, admin).values.first { throw failure }
        }
    }

    private enum Beginning: Sendable {
        case ready
        case ended(StartFailure?)
        case late
    }

    /// Starts the worker and returns once it is ready.
    func open() async throws {
        let worker = worker
        let limit = Self.patience
        let (beginnings, signal) = AsyncStream<Beginning>.makeStream()
        running = Task {
            do throws(StartFailure) {
                try await worker.run()
                signal.yield(.ended(nil))
            } catch {
                signal.yield(.ended(error))
            }
        }
        let waiting = Task {
            try await worker.whenReady()
            signal.yield(.ready)
        }
        let timing = Task {
            try await Task.sleep(for: limit)
            signal.yield(.late)
        }
        defer {
            waiting.cancel()
            timing.cancel()
        }
        for await beginning in beginnings {
            switch beginning {
            case .ready: return
            case .ended(let failure): throw failure ?? Failure("the worker stopped before it was ready")
            case .late:
                let open = worker.health.conditions.filter { !$0.isOK }.map { "\($0.name) (\($0.detail))" }
                throw Failure(
                    "the worker did not get ready within \(DurationText.format(limit)): "
                        + open.joined(separator: ", "),
                    remedy: "--verbose shows its log"
                )
            }
        }
    }

    /// How long a worker may take to get ready.
    private static let patience = Duration.seconds(60)

    /// Drains the worker and ends the rest.
    func close() async {
        worker.drain()
        defer {
            sink.flush()
            broker?.stop()
        }
        await running?.value
        await sandbox.stop()
    }
}
