package import OTPKafka
package import OTPWorker

/// Judges what the cluster lets this user do: read, write, commit, and run transactions.
package struct AccessChecks {
    private let brokers: String
    private let group: String
    /// The transactional id of the worker's own slot, if it has one.
    private let slot: String?

    /// Of the user that this configuration logs in as.
    package init(_ worker: WorkerConfiguration) {
        brokers = worker.kafka.brokers
        group = worker.kafka.groupID
        slot = worker.slotTransactionalID
    }

    /// What the dry run is made with: never the worker's own, which may be at work.
    package var transactionalID: String { "\(slot ?? group)-doctor" }

    /// - Parameters:
    ///   - topic: what was read from.
    ///   - outcome: whether its end or a record came in time, or why it never will.
    /// - Returns: what follows.
    package func reading(_ topic: String, _ outcome: Result<Bool, KafkaError>) -> Diagnosis {
        switch outcome {
        case .success(true): .ok("access.read", "\(topic) can be read")
        case .success(false): .skipped("access.read", "\(topic): nothing came in time, neither a record nor its end")
        case .failure(let error) where error.code == .topicAuthorizationFailed:
            .failure("access.read", "this user may not read \(topic)", remedy: grant("Read", on: "--topic \(topic)"))
        case .failure(let error):
            .failure("access.read", "\(topic) cannot be read: \(error.reason)", remedy: "look at the brokers' logs")
        }
    }

    /// A dry run of a transaction that wrote to one topic, and why it was refused, if it was.
    ///
    /// Under a quota it says nothing that it does not come through.
    package func writing(_ topic: String, _ error: KafkaError?, throttle: Duration = .zero) -> Diagnosis {
        guard let error else { return .ok("access.write", "\(topic) can be written to in a transaction") }
        if throttle > .zero, error.isTransient || error.code == .messageTimedOut {
            return .skipped("access.write", "\(topic): not known: a quota held the try up for too long")
        }
        let remedy =
            switch error.code {
            case .topicAuthorizationFailed: grant("Write", "Describe", on: "--topic \(topic)")
            case .notEnoughReplicas: "start the missing brokers, or lower min.insync.replicas of \(topic)"
            case .messageTooLarge: "raise max.message.bytes of \(topic)"
            default: "look at the partition leaders of \(topic) in the brokers' logs"
            }
        return .failure("access.write", "\(topic) cannot be written to: \(error.reason)", remedy: remedy)
    }

    /// A dry run of a transaction that sent the group's offsets, and why it was refused, if it was.
    package func committing(_ error: KafkaError?) -> Diagnosis {
        guard let error else { return .ok("access.group", "offsets of \(group) can be committed in a transaction") }
        let remedy =
            error.code == .groupAuthorizationFailed
            ? grant("Read", "Describe", on: "--group \(group)") : "look at the group's coordinator in the brokers' logs"
        return .failure("access.group", "offsets of \(group) cannot be committed: \(error.reason)", remedy: remedy)
    }

    /// Taking over the transactional id, which begins everything, and why it was refused, if it was.
    package func transactions(_ error: KafkaError?) -> Diagnosis {
        let check = "access.transactions"
        guard let error else { return .ok(check, "transactions can be run") }
        let remedy: String
        switch error.code {
        case .transactionalIDAuthorizationFailed: return unknownID
        case .clusterAuthorizationFailed: remedy = grant("IdempotentWrite", on: "--cluster")
        case .unsupportedFeature, .unsupportedVersion: remedy = "use a cluster that has transactions"
        case .invalidTransactionTimeout:
            remedy = "set kafka.transaction_timeout to no more than the brokers' transaction.max.timeout.ms"
        default:
            remedy =
                "see that the transaction coordinator is up: __transaction_state needs"
                + " transaction.state.log.replication.factor brokers when it is made, and transaction.state.log.min.isr in sync"
        }
        return .failure(check, "no transaction can be run: \(error.reason)", remedy: remedy)
    }

    /// How long brokers held answers back, on average, to requests of this user under a worker's client id.
    package func quota(_ throttle: Duration) -> Diagnosis {
        let check = "kafka.quota"
        guard throttle > .zero else { return .ok(check, "no quota holds requests of this user back now") }
        return .warning(
            check,
            "a quota is reached: brokers hold answers to this user back by \(DurationText.format(throttle)) on average;"
                + " commands wait for that long, and again",
            remedy: "see the quotas (kafka-configs --bootstrap-server \(brokers) --describe --entity-type users, and"
                + " --entity-type clients) and raise producer_byte_rate, consumer_byte_rate or request_percentage"
        )
    }

    /// A right for the worker's own id alone is enough for the worker, and not for a dry run.
    private var unknownID: Diagnosis {
        let check = "access.transactions"
        guard let slot else {
            return .failure(
                check,
                "no transaction can be run: this user has no right to transactional ids that begin with \(group)-",
                remedy: grant("Write", "Describe", on: "--resource-pattern-type prefixed --transactional-id \(group)-")
            )
        }
        return .warning(
            check,
            "not tried: this user has no right to the transactional id \(transactionalID); the worker's own is \(slot)",
            remedy: grant("Write", "Describe", on: "--resource-pattern-type prefixed --transactional-id \(slot)")
        )
    }

    private func grant(_ operations: String..., on resource: String) -> String {
        KafkaTool.grant(operations, on: resource, at: brokers)
    }
}
