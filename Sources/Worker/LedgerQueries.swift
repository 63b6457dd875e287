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
    private let reader: LedgerReader
    private let topics: WorkerConfiguration.Topics
    private let telemetry: Telemetry

    init(
        _ common: ClientProperties.Common,
        topics: WorkerConfiguration.Topics,
        telemetry: Telemetry
    ) throws(KafkaError) {
        reader = try LedgerReader(common)
        self.topics = topics
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
                    let earliest = try reader.highWatermark(offset.topicPartition, timeout: timeout).low
                    report(
                        .positionsFetched(
                            place,
                            Positions(committed: offset.offset, metadata: offset.metadata, earliest: earliest)
                        )
                    )
                }
            } catch {
                for place in places { report(.restoreFailed(place, reason: "\(error)")) }
            }
        }
    }

    func fetchLedgerEnd(_ place: PartitionEpoch, timeout: Duration, report: @escaping @Sendable (Event) -> Void) {
        questions.async { [topics, reader] in
            do throws(KafkaError) {
                let partition = TopicPartition(topics.ledger, place.partition)
                let watermarks = try reader.highWatermark(partition, timeout: timeout)
                report(.ledgerEndFetched(place, start: watermarks.low, end: watermarks.high))
            } catch {
                report(.restoreFailed(place, reason: "\(error)"))
            }
        }
    }

    func readLedger(
        _ place: PartitionEpoch,
        from start: Int64,
        to end: Int64,
        horizon: LedgerRestore.Horizon,
        timeout: Duration,
        report: @escaping @Sendable (Event) -> Void
    ) {
        reading.async { [self] in
            var restore = LedgerRestore(horizon, at: Clocks.wall())
            let began = Clocks.now()
            defer { telemetry.restoreEnded() }
            do throws(KafkaError) {
                try reader.read(
                    TopicPartition(topics.ledger, place.partition),
                    from: start,
                    to: end,
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
                    onProgress: { telemetry.restoring(place.partition, $0, from: start, since: began) }
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
