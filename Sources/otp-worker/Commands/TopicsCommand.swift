import ArgumentParser
import OTPDoctor
import OTPKafka
import OTPWorker

/// Creates the topics that are missing, and tells what is not right about those that are there.
///
/// It changes none of them.
struct TopicsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics",
        abstract: "Creates the topics, or verifies them.",
        discussion: """
            Commands, results and ledger have equally many partitions; the ledger is compacted and kept for 7 days. What is \
            there already is never changed: differences are told with their remedy, and the exit code is then 1. So it may be \
            run again at any time.

            Examples:
              otp-worker topics --partitions 24 --replication 3
              otp-worker topics --verify
              otp-worker topics --dry-run
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Option(
        name: .long,
        help: ArgumentHelp("Partitions of new topics (default: the commands', or 8).", valueName: "count")
    )
    var partitions: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Replicas of new topics; from 3 on, two must be in sync. Default: the broker's.",
            valueName: "count"
        )
    )
    var replication: Int?

    @Flag(name: .long, help: "Only say what would be done.")
    var dryRun = false

    @Flag(name: .long, help: "Create nothing; what is missing is a difference.")
    var verify = false

    func validate() throws {
        if let partitions, !(1...10_000).contains(partitions) {
            throw ValidationError("--partitions: write a number from 1 to 10000.")
        }
        if let replication, !(1...20).contains(replication) {
            throw ValidationError("--replication: write a number from 1 to 20.")
        }
    }

    func run() throws {
        let settings = try options.settings(for: .client)
        let plan = try settings.talking { try apply(settings) }
        let missing = verify ? plan.newTopics.count : 0
        if plan.hasDifferences || missing > 0 { throw ExitCode(1) }
    }

    private func apply(_ settings: Settings) throws -> TopicPlan {
        let admin = try Admin(settings.common)
        defer { _ = admin.close(timeout: .seconds(2)) }
        let topics = settings.worker.topics
        let plan = TopicPlan(
            topics,
            found: try Self.find(topics, admin, patience: verify ? TopicCheck.patience : .zero),
            partitions: partitions,
            replication: replication,
            maximumCommandBytes: settings.worker.commands.maximumBytes,
            brokers: settings.worker.kafka.brokers
        )
        var failures: [String: KafkaError] = [:]
        if !dryRun && !verify { failures = try Self.create(plan.newTopics, admin) }
        for step in plan.steps { show(step, failures) }
        guard failures.isEmpty else {
            throw Failure(
                "\(failures.count) topics were not created",
                remedy: "check the user's rights, and that the cluster has as many brokers as --replication asks for"
            )
        }
        return plan
    }

    /// Creates topics and waits until they can be used.
    /// - Returns: what failed, by topic.
    static func create(_ topics: [Admin.NewTopic], _ admin: Admin) throws -> [String: KafkaError] {
        // Somebody else who creates them at the same moment is no failure.
        let failures = try admin.createTopics(topics, timeout: .seconds(30))
            .filter { $0.value.code != .topicAlreadyExists }
        let names = topics.map(\.name).filter { failures[$0] == nil }
        let served = try admin.retry(within: patience) { admin throws(KafkaError) in
            try admin.servedPartitionCounts(names, timeout: .seconds(10))
        } until: {
            $0.count == names.count
        }
        let late = names.filter { served[$0] == nil }
        guard late.isEmpty else {
            throw Failure(
                "created, but not to be seen with leaders within \(DurationText.format(patience)):"
                    + " \(late.joined(separator: ", "))",
                remedy: "look at the brokers' logs; `otp-worker topics --verify` tells when they are there"
            )
        }
        return failures
    }

    /// How long a new topic may take until the cluster serves it.
    private static let patience = Duration.seconds(30)

    /// The topics that there are; those that are missing are looked for again for as long as `patience`.
    static func find(
        _ topics: WorkerConfiguration.Topics,
        _ admin: Admin,
        patience: Duration = .zero
    ) throws -> [String: TopicPlan.Found] {
        let names = topics.all
        let counts = try admin.retry(within: patience) { admin throws(KafkaError) in
            try admin.partitionCounts(names, timeout: .seconds(10))
        } until: { counts in
            names.allSatisfy { counts[$0] != nil }
        }
        var found: [String: TopicPlan.Found] = [:]
        var canRead = true
        for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
            // A broker that does not know the request may not answer it at all: it is not asked again.
            let config = canRead ? try? admin.topicConfig(name, timeout: .seconds(5)) : nil
            canRead = config != nil
            found[name] = TopicPlan.Found(partitions: count, config: config ?? [:])
        }
        if !canRead {
            Console.printError(
                "The topics' settings cannot be read from this cluster: only their partitions are verified."
            )
        }
        return found
    }

    private func show(_ step: TopicPlan.Step, _ failures: [String: KafkaError]) {
        switch step {
        case .create(let topic):
            let config = topic.config.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let details =
                ["\(topic.partitions) partitions"] + (topic.replication > 0 ? ["\(topic.replication) replicas"] : [])
            if let failure = failures[topic.name] {
                Console.write("not created \(topic.name): \(failure.reason)")
                return
            }
            let verb = verify ? "missing " : dryRun ? "would create " : "created "
            Console.write("\(verb)\(topic.name): \((details + config).joined(separator: ", "))")
            if verify { Console.write("    `otp-worker topics` creates it") }
        case .fits(let topic, let partitions):
            Console.write("ok \(topic): \(partitions) partitions")
        case .differs(let topic, let what, let remedy):
            Console.write("differs \(topic): \(what)\n    \(remedy)")
        }
    }
}
