package import OTPKafka
package import OTPWorker

/// What must be done to the four topics, and what cannot be: decided from what is there.
///
/// It changes nothing itself.
package struct TopicPlan: Equatable, Sendable {
    /// What is to be said or done about one topic.
    package enum Step: Equatable, Sendable {
        case create(Admin.NewTopic)
        case fits(topic: String, partitions: Int)
        /// Something that only its owner can change.
        case differs(topic: String, what: String, remedy: String)
    }

    /// What the cluster has.
    package struct Found: Equatable, Sendable {
        package var partitions: Int
        /// Its settings; empty where they are not told.
        package var config: [String: String]

        /// A topic that is there.
        package init(partitions: Int, config: [String: String] = [:]) {
            self.partitions = partitions
            self.config = config
        }
    }

    /// One or more for each topic, commands first.
    package var steps: [Step] = []

    /// Partitions of new topics where nothing else decides.
    package static let defaultPartitions = 8
    /// The ledger is kept for longer than any outage should last: 7 days, in milliseconds.
    package static let ledgerRetention: Int64 = 604_800_000
    /// The most that a batch of commands may take, uncompressed, where commands.max_bytes does not ask for more.
    package static let commandBatchBytes = 262_144
    /// What the rest of a command's record is smaller than, headers included, in bytes.
    package static let recordReserve = 16_384

    /// Commands hold codes and phone numbers, so they are kept no longer than an outage may leave them unread: 24 h, in milliseconds.
    package static let commandRetention: Int64 = 86_400_000

    /// Compares what is there with what a worker needs.
    /// - Parameters:
    ///   - topics: their names.
    ///   - found: what the cluster has, by name.
    ///   - partitions: asked for; nil takes the command topic's, or the default.
    ///   - replication: of new topics; nil takes the broker's default.
    ///   - maximumCommandBytes: of key and value, as workers take them.
    ///   - brokers: for the remedies.
    package init(
        _ topics: WorkerConfiguration.Topics,
        found: [String: Found],
        partitions: Int? = nil,
        replication: Int? = nil,
        maximumCommandBytes: Int = 65_536,
        brokers: String = "…"
    ) {
        let most = max(Self.commandBatchBytes, maximumCommandBytes + Self.recordReserve)
        let existing = found[topics.commands]?.partitions
        let parity = existing ?? partitions ?? Self.defaultPartitions
        for role in Role.allCases {
            let name = role.name(topics)
            guard let there = found[name] else {
                var topic = role.newTopic(name, partitions: parity, replication: replication)
                if role == .commands { topic.config.merge(Self.sizeSettings(most: most)) { $1 } }
                steps.append(.create(topic))
                continue
            }
            var faults = role.faults(name, there, parity: parity, asked: partitions, brokers)
            if role == .commands { faults += Self.sizeFaults(name, there, most: most, brokers) }
            steps += faults.isEmpty ? [.fits(topic: name, partitions: there.partitions)] : faults
        }
    }

    /// What is to be created.
    package var newTopics: [Admin.NewTopic] {
        steps.compactMap { step in if case .create(let topic) = step { topic } else { nil } }
    }

    /// Something is there that only its owner can change.
    package var hasDifferences: Bool {
        steps.contains { step in if case .differs = step { true } else { false } }
    }
}

extension TopicPlan {
    /// A batch that was compressed a thousandfold is small to the broker and fills the memory of all who read it.
    ///
    /// Stored
    /// uncompressed it is checked by its real size, against a limit that every reader can hold.
    private static func sizeSettings(most: Int) -> [String: String] {
        ["compression.type": "uncompressed", "max.message.bytes": "\(most)"]
    }

    private static func sizeFaults(_ name: String, _ found: Found, most: Int, _ brokers: String) -> [Step] {
        var faults: [Step] = []
        if let type = found.config["compression.type"], type != "uncompressed" {
            faults.append(
                .differs(
                    topic: name,
                    what:
                        "compression.type is \(type): a small record can be made to fill the memory of anyone who reads it",
                    remedy: KafkaTool.set("compression.type=uncompressed", of: name, at: brokers)
                )
            )
        }
        if let limit = found.config["max.message.bytes"].flatMap({ Int($0) }), limit > most {
            faults.append(
                .differs(
                    topic: name,
                    what: "max.message.bytes is \(limit): more than any command needs, and all of it is held in memory",
                    remedy: KafkaTool.set("max.message.bytes=\(most)", of: name, at: brokers)
                )
            )
        }
        return faults
    }

    private enum Role: CaseIterable {
        case commands, results, ledger, deadLetters

        func name(_ topics: WorkerConfiguration.Topics) -> String {
            switch self {
            case .commands: topics.commands
            case .results: topics.results
            case .ledger: topics.ledger
            case .deadLetters: topics.deadLetters
            }
        }

        func newTopic(_ name: String, partitions: Int, replication: Int?) -> Admin.NewTopic {
            var config: [String: String] = ["cleanup.policy": "delete"]
            if self == .ledger {
                config = ["cleanup.policy": "compact,delete", "retention.ms": "\(TopicPlan.ledgerRetention)"]
            }
            if self == .commands { config["retention.ms"] = "\(TopicPlan.commandRetention)" }
            if let replication, replication >= 3 { config["min.insync.replicas"] = "2" }
            return Admin.NewTopic(
                name,
                partitions: Int32(clamping: partitions),
                replication: replication.map { Int32(clamping: $0) } ?? -1,
                config: config
            )
        }

        func faults(_ name: String, _ found: Found, parity: Int, asked: Int?, _ brokers: String) -> [Step] {
            var faults: [Step] = []
            if let fault = partitionFault(name, found.partitions, parity: parity, asked: asked, brokers) {
                faults.append(fault)
            }
            let policy = found.config["cleanup.policy"]
            if let policy, let fault = policyFault(name, policy, brokers) { faults.append(fault) }
            if self == .ledger, let text = found.config["retention.ms"], let retention = Int64(text),
                (0..<TopicPlan.ledgerRetention).contains(retention), policy != "compact"
            {
                faults.append(
                    .differs(
                        topic: name,
                        what: "retention.ms is \(retention): an outage longer than that would lose what was asked",
                        remedy: KafkaTool.set("retention.ms=\(TopicPlan.ledgerRetention)", of: name, at: brokers)
                    )
                )
            }
            return faults
        }

        private func partitionFault(_ name: String, _ count: Int, parity: Int, asked: Int?, _ brokers: String) -> Step?
        {
            switch self {
            case .commands:
                guard let asked, asked != count else { return nil }
                let growth = "to grow, stop the producers until all is answered, then kafka-topics --alter first"
                return .differs(
                    topic: name,
                    what: "it has \(count) partitions, not \(asked)",
                    remedy: asked > count
                        ? "leave --partitions out to keep \(count); \(growth) the ledger, then results, then commands"
                        : "leave --partitions out to keep \(count); partitions cannot be taken away"
                )
            // A larger ledger is harmless: anyone who adds partitions begins with it.
            case .ledger where count > parity: return nil
            case .results, .ledger:
                guard count != parity else { return nil }
                let why = self == .ledger ? "a session's record goes to its command's partition" : "so do results"
                return .differs(
                    topic: name,
                    what: "it has \(count) partitions, the commands have \(parity): \(why)",
                    remedy: count < parity
                        ? KafkaTool.topics("--alter --topic \(name) --partitions \(parity)", at: brokers)
                        : "use another topic (--set), or make it again with \(parity) partitions"
                )
            case .deadLetters: return nil
            }
        }

        private func policyFault(_ name: String, _ policy: String, _ brokers: String) -> Step? {
            let compacts = policy.contains("compact")
            if self == .ledger {
                guard !compacts else { return nil }
                return .differs(
                    topic: name,
                    what: "cleanup.policy is \(policy): without compaction it grows, and restoring takes ever longer",
                    remedy: KafkaTool.set("cleanup.policy=[compact,delete]", of: name, at: brokers)
                )
            }
            guard compacts else { return nil }
            return .differs(
                topic: name,
                what: "cleanup.policy is \(policy): compaction would remove all but the last record of a session",
                remedy: KafkaTool.set("cleanup.policy=delete", of: name, at: brokers)
            )
        }
    }
}
