import OTPKafka

/// Asks a cluster whether topics are there.
enum TopicCheck {
    /// Partition counts by topic; one of `optional` that is missing is absent.
    /// - Throws: which topics are missing, and how to make them; or the cluster's error.
    static func partitionCounts(
        _ topics: [String],
        orNone optional: [String] = [],
        _ common: ClientProperties.Common
    ) throws -> [String: Int] {
        let admin = try Admin(common)
        defer { _ = admin.close(timeout: .seconds(2)) }
        let counts = try admin.partitionCounts(topics + optional, timeout: .seconds(10))
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
