import OTPObservability

/// What `/ready` tells of, in its order: the one list of the names, which the table in the article *Running* is held to.
package enum ReadinessCondition: String, CaseIterable, Sendable {
    case broker
    case group
    case producer
    case consumer
    case restored
    case outputs
    case reading
    case deadLetters = "dead_letters"
    case membership
    case upstream
    case running

    /// Told, but the worker stays ready: results are published without dead letters, and the roll-out of a new upstream key must not
    /// wait for a worker whose key is refused.
    package var isAdvisory: Bool { self == .deadLetters || self == .upstream }

    /// What must hold.
    package var meaning: String {
        switch self {
        case .broker: "a broker is connected to; the detail says how each stands"
        case .group:
            "it is a member of the group, and no rebalance is under way; else the detail says what it waits for"
        case .producer: "both producers, for transactions and for intents, can write"
        case .consumer: "the consumer is there; after a failure a new one is made"
        case .restored: "the ledger of every partition that it owns was read"
        case .outputs: "no partition is parked, and no transaction is overdue"
        case .reading: "every partition that it owns is read"
        case .deadLetters: "it may write dead letters"
        case .membership: "the lease is valid: it may speak for its partitions"
        case .upstream: "the upstream is served, neither halted nor given a rest"
        case .running: "it is not draining"
        }
    }
}

extension HealthState {
    func set(_ condition: ReadinessCondition, isOK: Bool, detail: String = "") {
        set(condition.rawValue, isOK: isOK, detail: detail, isAdvisory: condition.isAdvisory)
    }
}
