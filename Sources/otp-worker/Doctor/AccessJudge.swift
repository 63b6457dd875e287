package import Kafka

/// Judges what the cluster lets this user do: read, write, commit, and run transactions.
package enum AccessJudge {
    package static func reading(_ topic: String, _ error: KafkaError?) -> Diagnosis {
        guard let error else { return .ok("access.read", "\(topic) can be read") }
        guard error.code == .topicAuthorizationFailed else {
            return .failure(
                "access.read",
                "\(topic) cannot be read: \(error.reason)",
                remedy: "look at the brokers' logs"
            )
        }
        return .failure("access.read", "this user may not read \(topic)", remedy: grant("Read", "--topic \(topic)"))
    }

    /// A rehearsed transaction that wrote to one topic.
    package static func writing(_ topic: String, _ error: KafkaError?, transactionalID id: String) -> Diagnosis {
        guard let error else { return .ok("access.write", "\(topic) can be written to in a transaction") }
        return refused("access.write", "\(topic) cannot be written to", error, transactionalID: id, name: topic)
            ?? .failure(
                "access.write",
                "\(topic) cannot be written to: \(error.reason)",
                remedy: remedy(error.code, topic)
            )
    }

    /// A rehearsed transaction that sent the group's offsets.
    package static func committing(_ group: String, _ error: KafkaError?, transactionalID id: String) -> Diagnosis {
        guard let error else { return .ok("access.group", "offsets of \(group) can be committed in a transaction") }
        return refused(
            "access.group",
            "offsets of \(group) cannot be committed",
            error,
            transactionalID: id,
            name: group
        )
            ?? .failure(
                "access.group",
                "offsets of \(group) cannot be committed: \(error.reason)",
                remedy: "look at the group's coordinator in the brokers' logs"
            )
    }

    /// Taking over the transactional id, which begins everything.
    package static func transactions(_ error: KafkaError?, transactionalID id: String) -> Diagnosis {
        guard let error else { return .ok("access.transactions", "transactions can be run") }
        if let finding = refused("access.transactions", "no transaction can be run", error, transactionalID: id) {
            return finding
        }
        let why =
            switch error.code {
            case .unsupportedFeature, .unsupportedVersion: "use a cluster that has transactions"
            case .invalidTransactionTimeout:
                "set kafka.transaction_timeout to no more than the brokers' transaction.max.timeout.ms"
            default:
                "see that the transaction coordinator is up: __transaction_state needs"
                    + " transaction.state.log.replication.factor brokers, and transaction.state.log.min.isr in sync"
            }
        return .failure("access.transactions", "no transaction can be run: \(error.reason)", remedy: why)
    }

    /// Nil when it was no lack of rights.
    private static func refused(
        _ check: String,
        _ what: String,
        _ error: KafkaError,
        transactionalID id: String,
        name: String = ""
    ) -> Diagnosis? {
        let remedy: String? =
            switch error.code {
            case .topicAuthorizationFailed: grant("Write", "--topic \(name)")
            case .groupAuthorizationFailed: grant("Read", "--group \(name)")
            case .clusterAuthorizationFailed: grant("IdempotentWrite", "--cluster")
            case .transactionalIDAuthorizationFailed:
                grant("Write --operation Describe", "--resource-pattern-type prefixed --transactional-id \(prefix(id))")
                    + " (this rehearsal used \(id))"
            default: nil
            }
        return remedy.map {
            .failure(check, "\(what): this user has not the right to (\(error.code.name))", remedy: $0)
        }
    }

    private static func prefix(_ id: String) -> String {
        id.hasSuffix("doctor") ? String(id.dropLast("doctor".count)) : id
    }

    private static func remedy(_ code: KafkaError.Code, _ topic: String) -> String {
        switch code {
        case .notEnoughReplicas: "start the missing brokers, or lower min.insync.replicas of \(topic)"
        case .messageTooLarge: "raise max.message.bytes of \(topic)"
        default: "look at the partition leaders of \(topic) in the brokers' logs"
        }
    }

    private static func grant(_ operation: String, _ resource: String) -> String {
        "kafka-acls --add --allow-principal User:… --operation \(operation) \(resource)"
    }
}
