package import OTPContract

/// Which topic and partition a result goes to: decided from what its command asks, what is allowed, and what is known to exist.
///
/// Only a partition that was found when the topics were last looked at is ever chosen, so a command cannot name a place that
/// holds up the transaction of others. It asks nobody.
package struct ReplyRoutes: Sendable {
    /// What became of the command's request; the raw values are those of the metric.
    package enum Kind: String, Sendable {
        /// The default topic, which is where it was to go.
        case standard
        /// Where the command asked.
        case routed
        /// The default topic, because the command asks for one that is not on the list.
        case notAllowed = "not_allowed"
        /// The default topic, because the topic or partition asked for does not exist or cannot be written to.
        case unavailable
    }

    package struct Route: Equatable, Sendable {
        package var topic: String
        /// Nil lets the key decide.
        package var partition: Int32?
        package var kind: Kind

        package init(_ topic: String, _ partition: Int32?, _ kind: Kind) {
            self.topic = topic
            self.partition = partition
            self.kind = kind
        }
    }

    private let standard: String
    private let allowed: Set<String>
    /// So many partitions of the commands have a partition of the results to themselves.
    private var mirrored: Int
    /// Partitions by topic, as last found: of the default topic and of those allowed; absent is not available.
    private var partitions: [String: Int]

    package init(standard: String, partitions: Int, mirrored: Int, allowed: [String] = [], found: [String: Int] = [:]) {
        self.standard = standard
        self.mirrored = mirrored
        self.allowed = Set(allowed)
        self.partitions = [standard: partitions]
        replyTopicsFound(found)
    }

    /// The default topic or that of the commands has other partitions than before.
    package mutating func grew(to partitions: Int, mirrored: Int) {
        self.partitions[standard] = partitions
        self.mirrored = mirrored
    }

    /// The topics of the list were looked at: these can be written to.
    package mutating func replyTopicsFound(_ found: [String: Int]) {
        for topic in allowed { partitions[topic] = found[topic] }
    }

    /// A topic of the list did not take a result: nothing more goes there before it was looked at again.
    package mutating func refused(_ topic: String) {
        if topic != standard { partitions[topic] = nil }
    }

    package func route(_ address: ReplyAddress?, from command: Int32) -> Route {
        let mirror = command < mirrored ? command : nil
        guard let address else { return Route(standard, mirror, .standard) }
        let topic = address.topic ?? standard
        guard topic == standard || allowed.contains(topic) else { return Route(standard, mirror, .notAllowed) }
        guard let count = partitions[topic], address.partition.map({ $0 >= 0 && $0 < count }) ?? true else {
            return Route(standard, mirror, .unavailable)
        }
        guard topic == standard, address.partition == nil else { return Route(topic, address.partition, .routed) }
        return Route(standard, mirror, .standard)
    }
}
