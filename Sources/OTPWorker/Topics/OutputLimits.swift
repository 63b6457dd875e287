import OTPEngine
import OTPKafka

/// What the settings of the outputs' topics say of writing to them; a change takes effect on the brokers at once.
struct OutputLimits: Equatable, Sendable {
    /// Bytes of one partition's records in a request that every output takes.
    var batchBytes = Limits.batchBytes
    /// Replicas of a partition that must be in sync for a write, by topic; absent where the cluster does not say.
    var leastInSync: [String: Int] = [:]

    /// Bytes of a batch around its records, and what librdkafka's own estimate of a record may be short of.
    private static let batchOverhead = 512
    private static let timeout = Duration.seconds(1)

    /// Nil where nobody may ask, or nobody answers: requests shrink once they are refused.
    static func read(_ admin: Admin, _ topics: WorkerConfiguration.Topics) -> OutputLimits? {
        var limits = OutputLimits()
        for topic in [topics.results, topics.ledger, topics.deadLetters] {
            guard let config = try? admin.topicConfig(topic, timeout: timeout) else { return nil }
            limits.apply(config, of: topic)
        }
        return limits
    }

    /// A topic's `max.message.bytes` is a limit of what is sent together, so requests keep below the least of them.
    mutating func apply(_ config: [String: String], of topic: String) {
        if let limit = config["max.message.bytes"].flatMap({ Int($0) }) {
            batchBytes = min(batchBytes, max(limit - Self.batchOverhead, Limits.leastBatchBytes))
        }
        leastInSync[topic] = config["min.insync.replicas"].flatMap { Int($0) }
    }
}
