import OTPObservability

/// What `/ready` tells of, in its order: the one list of the names.
///
/// What each means, and what to do about it, is in the table of the article *Running*, which a test holds to this list.
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
}

extension HealthState {
    func set(_ condition: ReadinessCondition, isOK: Bool, detail: String = "") {
        set(condition.rawValue, isOK: isOK, detail: detail, isAdvisory: condition.isAdvisory)
    }
}
