package import OTPKafka
package import OTPWorker

/// Judges the brokers' settings against what a worker asks of them.
package enum BrokerChecks {
    /// Judges one broker's settings; `brokers` is how many there are.
    package static func settings(
        _ asked: Result<[String: String], KafkaError>,
        brokers: Int,
        for worker: WorkerConfiguration
    ) -> [Diagnosis] {
        guard case .success(let config) = asked, !config.isEmpty else {
            return [
                .skipped(
                    "kafka.broker_settings",
                    "the brokers do not tell their settings to this user (DescribeConfigs on the cluster would do)"
                )
            ]
        }
        return [version(config["inter.broker.protocol.version"])]
            + transactionTimeout(config, worker.kafka.transactionTimeout)
            + sessionTimeout(config, worker.kafka.sessionTimeout)
            + internalTopics(config, brokers: brokers) + offsetsRetention(config)
    }

    /// Offsets in a transaction are fenced by the member's generation from 2.5 on (KIP-447).
    private static func version(_ text: String?) -> Diagnosis {
        let librdkafka = "librdkafka \(LibrdKafka.version)"
        guard let text else {
            return .skipped(
                "kafka.version",
                "\(librdkafka); the brokers name no protocol version (those from 4.0 on do not)"
            )
        }
        let parts = text.prefix { $0.isNumber || $0 == "." }.split(separator: ".").compactMap { Int($0) }
        guard parts.count >= 2, (parts[0], parts[1]) < (2, 5) else {
            let isOld = parts.count >= 2 && (parts[0], parts[1]) < (2, 8)
            let right = isOld ? "; before 2.8 this user needs IdempotentWrite on the cluster too" : ""
            return .ok("kafka.version", "\(librdkafka), brokers speak \(text)\(right)")
        }
        return .failure(
            "kafka.version",
            "the brokers speak \(text): a member that was replaced could still commit its offsets",
            remedy: "upgrade the cluster, and inter.broker.protocol.version, to 2.5 or newer"
        )
    }

    private static func transactionTimeout(_ config: [String: String], _ asked: Duration) -> [Diagnosis] {
        guard let limit = milliseconds("transaction.max.timeout.ms", config), asked > limit else { return [] }
        return [
            .failure(
                "kafka.transaction_timeout",
                "\(text(asked)) is more than the brokers allow (transaction.max.timeout.ms \(text(limit)))",
                remedy: "set kafka.transaction_timeout to at most \(text(limit))"
            )
        ]
    }

    private static func sessionTimeout(_ config: [String: String], _ asked: Duration) -> [Diagnosis] {
        let least = milliseconds("group.min.session.timeout.ms", config) ?? .zero
        let most = milliseconds("group.max.session.timeout.ms", config) ?? .seconds(86_400)
        guard asked < least || asked > most else { return [] }
        return [
            .failure(
                "kafka.session_timeout",
                "\(text(asked)) is not among what the brokers allow, \(text(least)) to \(text(most))",
                remedy:
                    "set kafka.session_timeout within that, or change group.min.session.timeout.ms or group.max.session.timeout.ms"
            )
        ]
    }

    /// Where the cluster keeps transactions and offsets.
    private static func internalTopics(_ config: [String: String], brokers: Int) -> [Diagnosis] {
        ["transaction.state.log", "offsets.topic"].compactMap { topic in
            let name = "\(topic).replication.factor"
            guard let replicas = config[name].flatMap({ Int($0) }) else { return nil }
            guard brokers >= 3, replicas < 3 else { return nil }
            return .warning(
                "kafka.internal_topics",
                "\(name) is \(replicas): one lost broker can lose what the group has committed",
                remedy: "set it to 3, and give the existing topic more replicas with kafka-reassign-partitions"
            )
        }
    }

    private static func offsetsRetention(_ config: [String: String]) -> [Diagnosis] {
        guard let minutes = config["offsets.retention.minutes"].flatMap({ Int($0) }), minutes < 1_440 else { return [] }
        return [
            .warning(
                "kafka.offsets_retention",
                "offsets.retention.minutes is \(minutes): a fleet that stands still for longer forgets where it was",
                remedy: "set it to a day at least; the brokers' default is 7 days"
            )
        ]
    }

    private static func milliseconds(_ name: String, _ config: [String: String]) -> Duration? {
        config[name].flatMap { Int64($0) }.map { .milliseconds($0) }
    }

    private static func text(_ duration: Duration) -> String { DurationText.format(duration) }
}
