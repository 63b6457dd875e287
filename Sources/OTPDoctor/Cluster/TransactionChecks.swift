import OTPContract
package import OTPKafka
package import OTPWorker

/// Judges transactions that stay open, by what they keep from being read.
package struct TransactionChecks {
    private let topics: WorkerConfiguration.Topics
    private let brokers: String

    /// Partitions that are told one by one.
    private static let maximumTold = 5

    /// Of the topics that this configuration names.
    package init(_ worker: WorkerConfiguration) {
        topics = worker.topics
        brokers = worker.kafka.brokers
    }

    /// What holds readers up; `now` is in milliseconds since 1970.
    package func holds(_ asked: Result<[OpenTransactions.Hold], KafkaError>, now: Int64) -> [Diagnosis] {
        let check = "kafka.open_transactions"
        switch asked {
        case .failure(let error):
            return [.skipped(check, "the ends of the partitions cannot be compared: \(error.reason)")]
        case .success(let holds) where holds.isEmpty:
            return [.ok(check, "no open transaction holds up commands, ledger or results")]
        case .success(let holds):
            let told = holds.sorted { ($0.since ?? now) < ($1.since ?? now) }.prefix(Self.maximumTold)
            return told.map { hold in
                let more =
                    holds.count > told.count && hold == told.last
                    ? " (and \(holds.count - told.count) more partitions)" : ""
                return .failure(check, message(hold, now) + more, remedy: remedy(hold))
            }
        }
    }

    private func message(_ hold: OpenTransactions.Hold, _ now: Int64) -> String {
        let age =
            hold.since.map { ", open since \(WallTime(milliseconds: $0).iso8601) (\(max(0, now - $0) / 1_000) s)," }
            ?? ""
        let what =
            switch hold.topicPartition.topic {
            case topics.commands: "no worker sees the commands behind it"
            case topics.ledger: "the partition cannot be restored by a new owner"
            default: "no read_committed reader sees the results behind it"
            }
        return
            "a transaction in \(hold.topicPartition)\(age) holds \(hold.end - hold.offset) records up from offset \(hold.offset) on: \(what)"
    }

    /// Only its producer, or the broker after the time-out that it asked for, ends it as it should be.
    private func remedy(_ hold: OpenTransactions.Hold) -> String {
        let options = "--topic \(hold.topicPartition.topic) --partition \(hold.topicPartition.partition)"
        let tool = "kafka-transactions --bootstrap-server \(brokers)"
        return
            "see whose it is (\(tool) describe-producers \(options)): it ends when its producer goes on, or after its transaction"
            + " time-out; one that nobody will end: \(tool) abort \(options) --start-offset \(hold.offset)"
    }
}
