import OTPKafka

/// Tries at the start the rights that a worker may not need for days.
///
/// For its second transactional id, that is, and to write dead letters: a missing one would otherwise show in the middle of the
/// trouble that calls for it. The ledger and the results are written to from the first minute, and tell by themselves.
///
/// Each topic has a transaction of its own, of one empty record, which is taken back: no read_committed reader sees any of it.
struct RightsTrial {
    /// What the cluster does not let this user do.
    enum Missing: Equatable, Sendable {
        case transactionalID(String)
        case topic(String)
    }

    let transactionalID: String
    let topics: [String]
    let group: String
    let admin: Admin

    private static let timeout = Duration.seconds(2)
    /// Where the trial's records came from, for anyone who finds one.
    private static let key = Array("otp-worker start".utf8)

    /// Blocks for some tenths of a second; what cannot be tried now is not tried.
    /// - Parameter makeProducer: gives one under the id, ready for transactions.
    /// - Returns: what was refused.
    func run(_ makeProducer: (String) throws(KafkaError) -> TransactionalProducer) -> [Missing] {
        let producer: TransactionalProducer
        do throws(KafkaError) {
            producer = try makeProducer(transactionalID)
        } catch {
            return error.code == .transactionalIDAuthorizationFailed ? [.transactionalID(transactionalID)] : []
        }
        defer { _ = producer.close(timeout: .seconds(1)) }
        var missing: [Missing] = []
        for topic in topics {
            // A transaction for a partition without a leader would keep its id locked.
            guard let partition = writablePartition(of: topic) else { continue }
            let record = OutgoingRecord(topic: topic, partition: partition, key: Self.key)
            let error = producer.dryRun([record], group: group)
            if error?.code == .topicAuthorizationFailed { missing.append(.topic(topic)) }
            if error?.isFatal ?? false { break }
        }
        return missing
    }

    private func writablePartition(of topic: String) -> Int32? {
        let partitions = (try? admin.partitions(of: topic, timeout: Self.timeout)) ?? []
        return partitions.firstIndex { $0.leader != nil && $0.inSync == $0.replicas }.map { Int32($0) }
    }
}
