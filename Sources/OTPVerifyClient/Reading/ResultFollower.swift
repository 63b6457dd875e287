import Dispatch
package import OTPKafka

/// Reads results for as long as it is asked to: what ends a reader is told, and another goes on where that one was.
///
/// A connection that breaks ends none: librdkafka makes it again. Its calls block; one thread uses it.
package final class ResultFollower {
    private static let pause = Duration.seconds(2)

    private let common: ClientProperties.Common
    private let topic: String
    private let partitions: [Int32]?
    private let selection: RecordSelection
    private var reader: TopicReader?
    private var next: [Int32: Int64]
    private var opensAt = ContinuousClock.now
    /// Why there is no reader now.
    package private(set) var trouble: KafkaError?

    /// Of all partitions, those that are added included, or of some; of each record what `selection` says.
    ///
    /// Throws when the topic cannot be read at all.
    package init(
        _ common: ClientProperties.Common,
        topic: String,
        partitions: [Int32]? = nil,
        from start: TopicReader.Start,
        _ selection: RecordSelection = .everything,
        timeout: Duration = .seconds(10)
    ) throws(KafkaError) {
        self.common = common
        self.topic = topic
        self.partitions = partitions
        self.selection = selection
        let reader = try TopicReader(
            common,
            topic: topic,
            partitions: partitions,
            from: start,
            selection,
            timeout: timeout
        )
        self.reader = reader
        next = reader.starts
    }

    /// How far each partition was read; what the last reader knew while there is none.
    package var positions: [Int32: Int64] { reader?.positions ?? next }

    /// Waits for the first record, then takes what is there; may return early with nothing.
    package func poll(timeout: Duration, maximum: Int) -> [ConsumedRecord] {
        guard let reader else {
            reopen(waiting: timeout)
            return []
        }
        do throws(KafkaError) {
            let records = try reader.poll(timeout: timeout, maximum: maximum)
            for record in records { next[record.partition] = record.offset + 1 }
            return records
        } catch {
            lose(error)
            return []
        }
    }

    /// The topic has so many partitions by now: those that are new are read too, from their beginning.
    package func grow(to count: Int) {
        guard let reader, count > reader.partitionCount else { return }
        // A cluster that cannot be asked now is asked again the next time.
        try? reader.addPartitions(timeout: .seconds(2))
    }

    /// Asks the cluster whether the topic has grown, and reads what is new; false when the cluster does not answer.
    package func grow() -> Bool {
        guard let reader else { return false }
        do throws(KafkaError) {
            if partitions == nil {
                try reader.addPartitions(timeout: .seconds(2))
            } else {
                try reader.reachCluster(timeout: .seconds(2))
            }
            return true
        } catch {
            return false
        }
    }

    package func close() {
        _ = reader?.close(timeout: .seconds(2))
        reader = nil
    }

    private func lose(_ error: KafkaError) {
        _ = reader?.close(timeout: .seconds(1))
        reader = nil
        trouble = error
        opensAt = .now + Self.pause
    }

    private func reopen(waiting timeout: Duration) {
        let wait = min(timeout, opensAt - .now)
        if wait > .zero {
            _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(Int(wait / .milliseconds(1)) + 1))
        }
        guard ContinuousClock.now >= opensAt else { return }
        do throws(KafkaError) {
            reader = try TopicReader(
                common,
                topic: topic,
                partitions: partitions,
                from: .goingOn(next),
                selection,
                timeout: .seconds(5)
            )
            trouble = nil
        } catch {
            lose(error)
        }
    }
}
