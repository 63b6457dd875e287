import OTPKafka

/// What must be true of a cluster before a worker joins in: its topics are there, and each partition of the commands has one
/// in the ledger.
///
/// It changes nothing.
struct StartCheck {
    /// What was found.
    struct Findings: Equatable, Sendable {
        var clusterID: String
        var commandPartitions: Int
        var resultPartitions: Int
        /// Partitions of the reply topics that can be written to.
        var replyTopics: [String: Int] = [:]
        var limits = OutputLimits()
        var warnings: [String] = []
    }

    let admin: Admin
    let brokers: String
    let properties: [String: String]
    let topics: WorkerConfiguration.Topics
    let replyTopics: [String]
    let timeout: Duration
    /// Topics that have just been made are not known to every broker at once: what does not fit is looked at again for so long.
    var patience = Duration.seconds(5)

    func run() throws(StartFailure) -> Findings {
        let counts: [String: Int]
        let clusterID: String?
        do throws(KafkaError) {
            counts = try admin.retry(within: patience) { admin throws(KafkaError) in
                try admin.partitionCounts(topics.all, timeout: timeout)
            } until: { counts in
                (try? Self.judge(counts, topics)) != nil
            }
            clusterID = try admin.clusterID(timeout: timeout)
        } catch {
            let finding = AddressProbe.explain(error, at: brokers, properties: properties)
            throw StartFailure(
                .unavailable,
                setting: "kafka.brokers",
                finding?.what ?? "no answer from \(brokers): \(error)",
                remedy: finding?.remedy
                    ?? "check that the brokers run and can be reached from here, and kafka.properties for TLS and SASL"
            )
        }
        let partitions = try Self.judge(counts, topics)
        var findings = Findings(
            clusterID: clusterID ?? "",
            commandPartitions: partitions.commands,
            resultPartitions: partitions.results
        )
        findings.replyTopics = (try? admin.servedPartitionCounts(replyTopics, timeout: timeout)) ?? [:]
        for topic in replyTopics where findings.replyTopics[topic] == nil {
            findings.warnings.append(
                "results.allowed_reply_topics: \(topic) does not exist or cannot be used now; until it can, results asked for"
                    + " there go to \(topics.results)"
            )
        }
        if partitions.results != partitions.commands {
            findings.warnings.append(
                "\(topics.results) has \(partitions.results) partitions and \(topics.commands) \(partitions.commands): "
                    + "one worker's open transaction can hold up readers of all of them"
            )
        }
        // Only a warning hangs on this, and some brokers never answer it.
        if let policy = try? admin.topicConfig(topics.ledger, timeout: .seconds(1))["cleanup.policy"],
            !policy.contains("compact")
        {
            findings.warnings.append(
                "\(topics.ledger) has cleanup.policy \(policy), not compact: it grows without bound"
            )
        }
        findings.limits = OutputLimits.read(admin, topics) ?? OutputLimits()
        return findings
    }

    /// What the topics must be like for each other, from their partition counts alone.
    static func judge(
        _ counts: [String: Int],
        _ topics: WorkerConfiguration.Topics
    ) throws(StartFailure) -> (commands: Int, results: Int) {
        let named = [
            ("topics.commands", topics.commands), ("topics.results", topics.results), ("topics.ledger", topics.ledger),
            ("topics.dead_letters", topics.deadLetters),
        ]
        for (setting, topic) in named where counts[topic] == nil {
            throw StartFailure(
                .unavailable,
                setting: setting,
                "topic \(topic) does not exist",
                remedy: "create the topics with `otp-worker topics`, or name the right one"
            )
        }
        let commands = counts[topics.commands] ?? 0
        let ledger = counts[topics.ledger] ?? 0
        // More are harmless: anyone who adds partitions begins with the ledger.
        guard commands <= ledger else {
            throw StartFailure(
                .configuration,
                setting: "topics.ledger",
                "\(topics.ledger) has \(ledger) partitions and \(topics.commands) has \(commands): a session's ledger lies "
                    + "in the partition of its commands, so those from \(ledger) on have none",
                remedy: "kafka-topics --bootstrap-server … --alter --topic \(topics.ledger) --partitions \(commands)"
            )
        }
        return (commands, counts[topics.results] ?? 0)
    }
}
