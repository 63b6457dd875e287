import OTPKafka

/// Asks a cluster whether topics are there.
enum TopicCheck {
    /// Topics that were just made are not known to every broker at once: what is missing is looked for again, for so long.
    static let patience = Duration.seconds(5)

    /// Partition counts by topic; one of `optional` that is missing is absent.
    /// - Throws: which topics are missing, and how to make them; or the cluster's error.
    static func partitionCounts(
        _ topics: [String],
        orNone optional: [String] = [],
        _ common: ClientProperties.Common
    ) throws -> [String: Int] {
        let admin = try Admin(common)
        defer { _ = admin.close(timeout: .seconds(2)) }
        let counts = try admin.retry(within: patience) { admin throws(KafkaError) in
            try admin.partitionCounts(topics + optional, timeout: .seconds(10))
        } until: { counts in
            topics.allSatisfy { counts[$0] != nil }
        }
        let missing = topics.filter { counts[$0] == nil }
        guard missing.isEmpty else {
            throw Failure(
                "no such topic: \(missing.joined(separator: ", "))",
                remedy:
                    "`otp-worker topics` creates what is missing; or name others with --set topics.commands=… and so on"
            )
        }
        return counts
    }
}
