import Dispatch
import OTPContract
import OTPEngine
import OTPKafka

/// Asks the broker what a partition's restore and a lost commit need to know, and reads the ledger.
///
/// Its calls block, so they run on threads of their own, one for each kind: the long reading keeps no question waiting, and what
/// became of a commit is not asked behind positions that wait for somebody else's transaction. A partition without a leader keeps no
/// other waiting. What was not answered when it is closed is answered to nobody.
final class LedgerQueries: Sendable {
    private let questions = DispatchQueue(label: "otp-worker.questions")
    private let reading = DispatchQueue(label: "otp-worker.restore")
    private let commits = DispatchQueue(label: "otp-worker.commits")
    private let ends = DispatchQueue(label: "otp-worker.ends")
    private let reader: LedgerReader
    private let topics: WorkerConfiguration.Topics
    private let telemetry: Telemetry
    private let process: UInt64

    init(
        _ common: ClientProperties.Common,
        topics: WorkerConfiguration.Topics,
        process: UInt64,
        telemetry: Telemetry
    ) throws(KafkaError) {
        reader = try LedgerReader(common)
        self.topics = topics
        self.process = process
        self.telemetry = telemetry
    }

    func fetchPositions(
        _ epochs: [PartitionEpoch],
        _ consumer: GroupConsumer,
        timeout: Duration,
        report: @escaping @Sendable (Event) -> Void
    ) {
        questions.async { [self] in
            do throws(KafkaError) {
                let partitions = epochs.map { TopicPartition(topics.commands, $0.partition) }
                let committed = try consumer.committed(partitions, timeout: timeout)
                let led = try reader.led(topics.commands, timeout: Self.patience)
                for (epoch, offset) in zip(epochs, committed) { report(position(of: epoch, offset, led)) }
            } catch {
                for epoch in epochs { report(.restoreFailed(epoch, reason: "\(error)")) }
            }
        }
    }

    private func position(of epoch: PartitionEpoch, _ offset: CommittedOffset, _ led: Set<Int32>) -> Event {
        do throws(KafkaError) {
            try Self.mustBe(offset.topicPartition, in: led)
            let marks = try reader.watermarks(offset.topicPartition, timeout: Self.patience)
            let positions = Positions(
                committed: offset.offset,
                metadata: offset.metadata,
                earliest: marks.low,
                end: marks.high
            )
            return .positionsFetched(epoch, positions)
        } catch {
            return .restoreFailed(epoch, reason: "\(error)")
        }
    }

    /// How long one partition may keep the others waiting.
    private static let patience = Duration.seconds(5)

    private static func mustBe(_ partition: TopicPartition, in led: Set<Int32>) throws(KafkaError) {
        guard led.contains(partition.partition) else {
            throw KafkaError("restore", .leaderNotAvailable, reason: "\(partition) has no leader")
        }
    }

    /// Where these partitions end; without an answer nothing is reported, for then nothing is known.
    func fetchEnds(_ epochs: [PartitionEpoch], timeout: Duration, report: @escaping @Sendable (Event) -> Void) {
        ends.async { [topics, reader] in
            let partitions = epochs.map { TopicPartition(topics.commands, $0.partition) }
            guard let found = try? reader.ends(partitions, timeout: timeout) else { return }
            let ends = zip(epochs, partitions).compactMap { epoch, partition in found[partition].map { (epoch, $0) } }
            report(.endsFetched(Dictionary(ends) { $1 }))
        }
    }

    func readLedger(
        _ epoch: PartitionEpoch,
        from start: Int64?,
        through barrier: Int64,
        horizon: LedgerRestore.Horizon,
        timeout: Duration,
        report: @escaping @Sendable (Event) -> Void
    ) {
        reading.async { [self] in
            var restore = LedgerRestore(horizon, process: process, at: Clocks.wall())
            let began = Clocks.now()
            defer { telemetry.restoreEnded() }
            do throws(KafkaError) {
                let ledger = TopicPartition(topics.ledger, epoch.partition)
                try Self.mustBe(ledger, in: reader.led(ledger.topic, timeout: Self.patience))
                try reader.read(
                    ledger,
                    from: start,
                    through: barrier,
                    patience: Limits.predecessorPatience,
                    timeout: timeout,
                    onBatch: { records in
                        for record in records {
                            restore.apply(
                                key: record.key,
                                value: record.value,
                                offset: record.offset,
                                timestamp: WallTime(milliseconds: record.timestamp ?? 0),
                                digest: Fingerprinter.digest
                            )
                        }
                        telemetry.ledgerRead(records.count)
                    },
                    onProgress: { telemetry.restoring(epoch.partition, $0, from: start ?? 0, since: began) },
                    onStall: { _ in report(.restoreHeldUp(epoch, by: restore.predecessor)) }
                )
                report(.restored(epoch, restore.finished(), at: Clocks.wall()))
            } catch {
                report(.restoreFailed(epoch, reason: "\(error)"))
            }
        }
    }

    /// The first of these partitions whose committed offset names the batch; nil where none does, which proves nothing.
    func committedFor(
        _ batch: BatchID,
        _ epochs: [PartitionEpoch],
        _ consumer: GroupConsumer,
        timeout: Duration,
        found: @escaping @Sendable (PartitionEpoch?) -> Void,
        failed: @escaping @Sendable () -> Void
    ) {
        commits.async { [topics] in
            do throws(KafkaError) {
                let partitions = epochs.map { TopicPartition(topics.commands, $0.partition) }
                let committed = try consumer.committed(partitions, timeout: timeout)
                found(zip(epochs, committed).first { $1.metadata.flatMap { OffsetMetadata($0) }?.batch == batch }?.0)
            } catch {
                failed()
            }
        }
    }

    /// Whether a transaction of which nobody knows how it ended has left word in this ledger; nil where it could not be read in time.
    func ask(
        _ question: CommitQuestion,
        through barrier: Int64,
        timeout: Duration,
        report: @escaping @Sendable (_ isCommitted: Bool?) -> Void
    ) {
        commits.async { [self] in
            var isCommitted = false
            do throws(KafkaError) {
                let ledger = TopicPartition(topics.ledger, question.epoch.partition)
                try Self.mustBe(ledger, in: reader.led(ledger.topic, timeout: Self.patience))
                _ = try reader.read(
                    ledger,
                    from: question.start(readingThrough: barrier),
                    through: barrier,
                    // Another partition's ledger may tell as well; else it is asked again.
                    timeout: min(timeout, Self.patience),
                    onBatch: { records in
                        let words = records.lazy.filter { question.isAnswered(byKey: $0.key, value: $0.value) }
                        if words.first != nil { isCommitted = true }
                    }
                )
                report(isCommitted)
            } catch {
                report(nil)
            }
        }
    }

    /// Ends what waits for a broker, within two seconds or by itself later.
    func close(_ completion: @escaping @Sendable () -> Void) {
        // Not behind a question: that may wait for its whole time-out.
        DispatchQueue.global().async { [reader] in
            _ = reader.close(timeout: .seconds(2))
            completion()
        }
    }
}
