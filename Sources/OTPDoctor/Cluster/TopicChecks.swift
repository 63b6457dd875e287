import OTPContract
package import OTPKafka
package import OTPWorker

/// Judges the topics: whether they are there, fit one another, and keep what a worker needs.
package struct TopicChecks {
    /// What the cluster says of a topic.
    package struct Topic: Equatable, Sendable {
        package var partitions: [Admin.PartitionState]
        /// Nil where this user may not see it.
        package var config: [String: String]?

        /// A topic that is there.
        package init(partitions: [Admin.PartitionState], config: [String: String]?) {
            self.partitions = partitions
            self.config = config
        }
    }

    private let worker: WorkerConfiguration
    /// By name; one that does not exist is absent.
    private let topics: [String: Topic]
    private let brokers: Int

    /// 48 h, in milliseconds.
    private static let longestCommandRetention: Int64 = 172_800_000

    /// Judges what is there of a worker's topics, by name, on a cluster of so many brokers.
    package init(_ worker: WorkerConfiguration, topics: [String: Topic], brokers: Int) {
        self.worker = worker
        self.topics = topics
        self.brokers = brokers
    }

    /// One for a topic with which nothing is wrong; else one for each thing that is.
    package var findings: [Diagnosis] {
        let named = [
            ("topics.commands", worker.topics.commands), ("topics.results", worker.topics.results),
            ("topics.ledger", worker.topics.ledger), ("topics.dead_letters", worker.topics.deadLetters),
        ]
        return named.flatMap { setting, name in
            let found = existence(setting, name) + (topics[name].map { health(setting, name, $0) } ?? [])
            guard found.isEmpty, let topic = topics[name] else { return found }
            return [.ok(setting, Self.summary(name, topic))]
        } + worker.replyTopics.flatMap(replies)
    }

    private static func summary(_ name: String, _ topic: Topic) -> String {
        let replicas = topic.partitions.map(\.replicas).min() ?? 0
        let policy = topic.config?["cleanup.policy"].map { ", \($0)" } ?? ", its settings not shown to this user"
        return
            "\(name): \(topic.partitions.count.counted("partition")), \(replicas.counted("replica"))\(policy)"
    }

    /// Presence, partitions, clean-up: what `otp-worker topics --verify` tells too.
    private func existence(_ setting: String, _ name: String) -> [Diagnosis] {
        let found = topics.mapValues { TopicPlan.Found(partitions: $0.partitions.count, config: $0.config ?? [:]) }
        let plan = TopicPlan(
            worker.topics,
            found: found,
            maximumCommandBytes: worker.commands.maximumBytes,
            brokers: worker.kafka.brokers
        )
        return plan.steps.compactMap { step in
            switch step {
            case .create(let topic) where topic.name == name:
                .failure(
                    setting,
                    "\(name) does not exist, or this user may not see it",
                    remedy: "`otp-worker topics` creates it; or grant this user Describe on it, or name the right one"
                )
            case .differs(name, let what, let remedy):
                Diagnosis(check: setting, severity: severity(name), message: "\(name): \(what)", remedy: remedy)
            default: nil
            }
        }
    }

    /// A ledger that is too narrow keeps a worker from starting; all other differences do not.
    private func severity(_ name: String) -> Diagnosis.Severity {
        let count = topics[name]?.partitions.count ?? 0
        return name == worker.topics.ledger && count < (topics[worker.topics.commands]?.partitions.count ?? 0)
            ? .failure : .warning
    }

    private func health(_ setting: String, _ name: String, _ topic: Topic) -> [Diagnosis] {
        leaders(setting, name, topic) + replication(setting, name, topic) + retention(setting, name, topic)
            + sizes(setting, name, topic)
    }

    private func leaders(_ setting: String, _ name: String, _ topic: Topic) -> [Diagnosis] {
        let unled = topic.partitions.indices.filter { topic.partitions[$0].leader == nil }
        let behind = topic.partitions.indices.filter { topic.partitions[$0].inSync < topic.partitions[$0].replicas }
        if !unled.isEmpty {
            return [
                .failure(
                    setting,
                    "\(name): partitions \(unled) have no leader: nothing can be read or written there",
                    remedy: "start the brokers that hold them: "
                        + KafkaTool.topics("--describe --topic \(name)", at: worker.kafka.brokers)
                )
            ]
        }
        guard !behind.isEmpty else { return [] }
        return [
            .warning(
                setting,
                "\(name): partitions \(behind) have replicas that are not in sync",
                remedy: "see which broker is down or slow: "
                    + KafkaTool.topics("--describe --under-replicated-partitions", at: worker.kafka.brokers)
            )
        ]
    }

    private func replication(_ setting: String, _ name: String, _ topic: Topic) -> [Diagnosis] {
        let replicas = topic.partitions.map(\.replicas).min() ?? 0
        let least = topic.config?["min.insync.replicas"].flatMap { Int($0) } ?? min(2, max(1, replicas - 1))
        let remedy = alter(name, "min.insync.replicas=2")
        if least > replicas {
            return [
                .failure(
                    setting,
                    "\(name): min.insync.replicas is \(least) of \(replicas) replicas: nothing can be written",
                    remedy: alter(name, "min.insync.replicas=\(max(1, replicas - 1))")
                )
            ]
        }
        var findings: [Diagnosis] = []
        // How many brokers live now: with one down there may be nothing to say that was said before.
        if brokers >= 3, replicas < 3 {
            findings.append(
                .warning(
                    setting,
                    "\(name) has \(replicas) replicas, not 3: one lost broker can stop it, or lose records",
                    remedy: "give it 3 with kafka-reassign-partitions, and min.insync.replicas=2"
                )
            )
        } else if least == replicas, replicas > 1 {
            findings.append(
                .warning(
                    setting,
                    "\(name): min.insync.replicas is \(least) of \(replicas) replicas: one broker less, and nothing can be written",
                    remedy: remedy
                )
            )
        } else if least < 2, replicas >= 3 {
            findings.append(
                .warning(
                    setting,
                    "\(name): min.insync.replicas is 1: what one broker alone has acknowledged can be lost with it",
                    remedy: remedy
                )
            )
        }
        if topic.config?["unclean.leader.election.enable"] == "true" {
            findings.append(
                .warning(
                    setting,
                    "\(name): unclean.leader.election.enable is true: committed records can be lost when brokers fail",
                    remedy: alter(name, "unclean.leader.election.enable=false")
                )
            )
        }
        return findings
    }

    /// What is deleted before it was needed.
    private func retention(_ setting: String, _ name: String, _ topic: Topic) -> [Diagnosis] {
        guard let text = topic.config?["retention.ms"], let milliseconds = Int64(text) else { return [] }
        if name == worker.topics.commands, !(0...Self.longestCommandRetention).contains(milliseconds) {
            let kept = milliseconds < 0 ? "for ever" : "for \(DurationText.format(.milliseconds(milliseconds)))"
            return [
                .warning(
                    setting,
                    "\(name) keeps codes and phone numbers \(kept)",
                    remedy: alter(name, "retention.ms=\(TopicPlan.commandRetention)")
                )
            ]
        }
        guard milliseconds >= 0, topic.config?["cleanup.policy"] != "compact" else { return [] }
        let kept = Duration.milliseconds(milliseconds)
        let memory = worker.ledger.retention + worker.commands.maximumAge
        if name == worker.topics.ledger, kept < memory {
            return [
                .failure(
                    setting,
                    "\(name) keeps records for \(DurationText.format(kept)), and a session must be remembered for"
                        + " \(DurationText.format(memory)) (ledger.retention and commands.max_age): codes could be asked about twice",
                    remedy: alter(name, "retention.ms=\(TopicPlan.ledgerRetention)")
                )
            ]
        }
        if name == worker.topics.commands, kept < worker.commands.maximumAge {
            return [
                .warning(
                    setting,
                    "\(name) keeps records for \(DurationText.format(kept)), less than commands.max_age: some are deleted unanswered",
                    remedy: alter(name, "retention.ms=\(TopicPlan.commandRetention)")
                )
            ]
        }
        return []
    }

    /// Whether the largest record that may lie there fits: a worker makes its batches as small as the topic asks, never its records.
    private func sizes(_ setting: String, _ name: String, _ topic: Topic) -> [Diagnosis] {
        guard let limit = topic.config?["max.message.bytes"].flatMap({ Int($0) }) else { return [] }
        let holdsCommands =
            name == worker.topics.commands || (name == worker.topics.deadLetters && worker.deadLetters.includeValue)
        let need = TopicPlan.recordReserve + (holdsCommands ? worker.commands.maximumBytes : 0)
        guard limit < need else { return [] }
        return [
            .warning(
                setting,
                "\(name): max.message.bytes is \(limit), and a record may need \(need)"
                    + (holdsCommands ? " (commands.max_bytes)" : ""),
                remedy: alter(name, "max.message.bytes=\(max(need, TopicPlan.commandBatchBytes))")
            )
        ]
    }

    private func replies(_ name: String) -> [Diagnosis] {
        guard let topic = topics[name], topic.partitions.allSatisfy({ $0.leader != nil }) else {
            return [
                .warning(
                    "results.allowed_reply_topics",
                    "\(name) does not exist, or cannot be used now: results asked for there go to \(worker.topics.results)",
                    remedy: "create it, or take it from the list"
                )
            ]
        }
        return [.ok("results.allowed_reply_topics", "\(name): \(topic.partitions.count) partitions")]
    }

    private func alter(_ name: String, _ setting: String) -> String {
        KafkaTool.set(setting, of: name, at: worker.kafka.brokers)
    }
}
