import Contract
import Dispatch
import Engine
import Kafka

/// Asks the broker what a partition's restore and a lost commit need to know, and reads the ledger.
///
/// Its calls block, so they run on threads of their own: short questions on one, the long reading on another. What was not
/// answered when it is closed is answered to nobody.
final class LedgerQueries: Sendable {
    private let questions = DispatchQueue(label: "otp-worker.questions")
    private let reading = DispatchQueue(label: "otp-worker.restore")
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
        _ places: [PartitionEpoch],
        _ consumer: GroupConsumer,
        timeout: Duration,
        report: @escaping @Sendable (Event) -> Void
    ) {
        questions.async { [topics, reader] in
            do throws(KafkaError) {
                let partitions = places.map { TopicPartition(topics.commands, $0.partition) }
                let committed = try consumer.committed(partitions, timeout: timeout)
                for (place, offset) in zip(places, committed) {
                    let marks = try reader.watermarks(offset.topicPartition, timeout: timeout)
                    let positions = Positions(
                        committed: offset.offset,
                        metadata: offset.metadata,
                        earliest: marks.low,
                        end: marks.high
                    )
                    report(.positionsFetched(place, positions))
                }
            } catch {
                for place in places { report(.restoreFailed(place, reason: "\(error)")) }
            }
        }
    }

    /// Where these partitions end; without an answer nothing is reported, for then nothing is known.
    func fetchEnds(_ places: [PartitionEpoch], timeout: Duration, report: @escaping @Sendable (Event) -> Void) {
        ends.async { [topics, reader] in
            let partitions = places.map { TopicPartition(topics.commands, $0.partition) }
            guard let found = try? reader.ends(partitions, timeout: timeout) else { return }
            let ends = zip(places, partitions).compactMap { place, partition in found[partition].map { (place, $0) } }
            report(.endsFetched(Dictionary(ends) { $1 }))
        }
    }

    func readLedger(
        _ place: PartitionEpoch,
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
                try reader.read(
                    TopicPartition(topics.ledger, place.partition),
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
                    onProgress: { telemetry.restoring(place.partition, $0, from: start ?? 0, since: began) },
                    onStall: { _ in report(.restoreHeldUp(place, by: restore.predecessor)) }
                )
                report(.restored(place, restore.finished(), at: Clocks.wall()))
            } catch {
                report(.restoreFailed(place, reason: "\(error)"))
            }
        }
    }

    /// What is committed now for these partitions.
    func trace(
        _ batch: BatchID,
        _ places: [PartitionEpoch],
        _ consumer: GroupConsumer,
        timeout: Duration,
        report: @escaping @Sendable (Event) -> Void
    ) {
        questions.async { [topics] in
            do throws(KafkaError) {
                let partitions = places.map { TopicPartition(topics.commands, $0.partition) }
                let committed = places.isEmpty ? [] : try consumer.committed(partitions, timeout: timeout)
                var found: [PartitionEpoch: OffsetMetadata?] = [:]
                for (place, offset) in zip(places, committed) {
                    found[place] = .some(offset.metadata.flatMap { OffsetMetadata($0) })
                }
                report(.batchTraced(batch, found))
            } catch {
                report(.batchTraced(batch, nil))
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
