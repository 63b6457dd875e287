import OTPEngine
import OTPKafka
import OTPObservability

/// What `/ready` says beside a condition, for the one who is paged: what is so, and what it waits for.
///
/// It names brokers, topics, partitions and what Kafka answered, never what a record says.
enum ReadinessDetail {
    /// librdkafka's states of connections in words; `INIT` is usual for a broker of which nothing was needed so far.
    static func broker(_ brokers: [ConsumerStatistics.Broker]) -> String {
        guard !brokers.isEmpty else { return "no broker is known yet" }
        return brokers.map { broker in
            switch broker.state {
            case "UP": "\(broker.name) is connected"
            case "INIT": "\(broker.name) was not needed so far"
            case "DOWN": "\(broker.name) is not connected"
            case "TRY_CONNECT": "\(broker.name) is not connected and is tried again soon"
            case "CONNECT": "\(broker.name) has not answered the connection yet"
            case "SSL_HANDSHAKE": "\(broker.name) has not finished the TLS handshake yet"
            case "APIVERSION_QUERY": "\(broker.name) has not said yet which requests it takes"
            case "AUTH_LEGACY", "AUTH_HANDSHAKE", "AUTH_REQ", "REAUTH":
                "\(broker.name) has not accepted the login yet"
            default: "\(broker.name) is not connected (\(broker.state))"
            }
        }.joined(separator: ", ")
    }

    /// How far librdkafka is in joining, in words; `steady` is the only one that is well.
    static func group(_ joinState: String) -> String {
        switch joinState {
        case "steady": "it is in the group, and no rebalance is under way"
        case "init": "it is not in the group yet: it waits for its producer or for the group's coordinator"
        case "wait-join": "it asked to join the group, and waits until every member has"
        case "wait-metadata": "it shares out the partitions, and waits for a broker to say which there are"
        case "wait-sync": "it has joined the group, and waits to be told its partitions"
        case "wait-assign-call": "it was told its partitions, and waits until the worker takes them"
        case "wait-unassign-call": "a rebalance is under way: it waits until the worker gives its partitions back"
        case "wait-unassign-to-complete":
            "a rebalance is under way: it waits until it has stopped reading all of its partitions"
        case "wait-incr-unassign-to-complete":
            "a rebalance is under way: it waits until it has stopped reading the partitions that it gives back"
        case "": "the consumer has not said yet how far it is in joining the group"
        default: "it is not in the group, or a rebalance is under way (\(joinState))"
        }
    }

    static func producer(_ status: EngineStatus) -> String {
        if status.hasProducer { return "" }
        return status.producerFailure
            .map { "results or intents cannot be written before a new producer is there: \($0)" }
            ?? "there is no producer yet: it waits until the brokers know its transactional id"
    }

    static func consumer(_ failure: String?) -> String {
        failure.map { "nothing is read until a new consumer has joined the group: \($0)" } ?? ""
    }

    static func restored(_ restoring: [Int32]) -> String {
        restoring.isEmpty
            ? "" : "partitions \(restoring) are being restored: their commands wait until the ledger is read"
    }

    static func outputs(_ status: EngineStatus) -> String {
        let parked = status.partitions.compactMap { partition in
            partition.parkedFor.map { "partition \(partition.number) is parked, and waits until this is over: \($0)" }
        }
        let overdue = status.overdue.map {
            "partitions \($0.partitions): their transaction has not ended for \(Int($0.age.inSeconds)) s"
        }
        return (parked + [overdue].compactMap(\.self)).joined(separator: "; ")
    }

    static func reading(_ unread: [EngineStatus.Partition]) -> String {
        unread.map { "partition \($0.number): nothing comes from offset \($0.next) on, it ends at \($0.end ?? 0)" }
            .joined(separator: "; ")
    }

    static func deadLetters(_ denied: String?) -> String {
        denied.map { "there is no right to write dead letters, and none is written for a minute: \($0)" } ?? ""
    }

    static func membership(_ loss: Membership.LeaseLoss?) -> String {
        guard let loss else { return "" }
        let cause =
            switch loss {
            case .slept: "it did not run for longer than half of the session time-out"
            case .coordinatorSilent: "the group's coordinator was silent for three quarters of the session time-out"
            case .fenced:
                "a broker has fenced it: the group does not know it, its transaction took too long, or another worker has its transactional id"
            }
        return "\(cause): it asks nobody until Kafka confirms that its partitions are still its own"
    }

    static func upstream(_ upstream: EngineStatus.Upstream) -> String {
        switch upstream.state {
        case .serving: ""
        case .halted:
            (upstream.cause ?? "the upstream refuses the account or the key")
                + "; calls wait until it takes the key, which one command at a time finds out"
        case .breakerOpen:
            "the upstream failed too often of late: it is left alone for a while, and then one command finds out whether it is back"
        case .probing:
            "the upstream failed too often of late: one command finds out whether it is back, and the others wait"
        case .held: "the upstream asked for a pause: calls wait until it is over"
        }
    }

    static func running(isDraining: Bool) -> String {
        isDraining ? "it was told to stop: it finishes what is under way and takes nothing new" : ""
    }
}
