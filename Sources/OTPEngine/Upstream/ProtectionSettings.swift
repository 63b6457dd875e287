/// How the upstream is protected, and the worker from it.
///
/// Whatever is nil or false is not done at all.
package struct ProtectionSettings: Equatable, Sendable {
    package var breaker: CircuitBreaker.Settings?
    /// From an answer that refuses the account or the key to the first probe; doubled from probe to probe.
    package var haltProbeInterval: Duration?
    package var maxHaltProbeInterval: Duration
    /// How long a command waits while the breaker is open, or in a halt, before it is answered without a call.
    package var maximumWait: Duration
    /// Retries per call.
    package var retryShare: Double?
    /// Retries that are there after a quiet while, whatever the share; tokens.
    package var retryFloor: Int
    /// Calls per second of the whole fleet.
    package var rateLimit: Double?
    /// Partitions of the command topic, for this worker's share of the rate; nil: the whole rate is ours.
    package var partitions: Int?
    /// Fewer calls at a time while the upstream says 429 or 503 or lets attempts time out.
    package var adaptsConcurrency: Bool
    /// The longest that a `Retry-After` holds back every other command.
    package var longestHold: Duration
    /// A command that has less time left than a call takes is not asked about.
    package var shedsHopeless: Bool

    package init(
        breaker: CircuitBreaker.Settings? = .init(),
        haltProbeInterval: Duration? = .seconds(5),
        maxHaltProbeInterval: Duration = .seconds(30),
        maximumWait: Duration = .seconds(3),
        retryShare: Double? = 0.2,
        retryFloor: Int = 10,
        rateLimit: Double? = nil,
        partitions: Int? = nil,
        adaptsConcurrency: Bool = true,
        longestHold: Duration = .seconds(30),
        shedsHopeless: Bool = true
    ) {
        self.breaker = breaker
        self.haltProbeInterval = haltProbeInterval
        self.maxHaltProbeInterval = maxHaltProbeInterval
        self.maximumWait = maximumWait
        self.retryShare = retryShare
        self.retryFloor = retryFloor
        self.rateLimit = rateLimit
        self.partitions = partitions
        self.adaptsConcurrency = adaptsConcurrency
        self.longestHold = longestHold
        self.shedsHopeless = shedsHopeless
    }

    /// Nothing but the fixed bound on calls at a time.
    package static let none = Self(
        breaker: nil,
        haltProbeInterval: nil,
        retryShare: nil,
        adaptsConcurrency: false,
        longestHold: .zero,
        shedsHopeless: false
    )
}
