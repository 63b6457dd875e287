import Dispatch
import OTPKafka
import OTPWorker

/// Reads results for as long as it is asked to: what ends a reader is told, and another goes on where that one was.
///
/// A connection that breaks ends none: librdkafka makes it again. Its calls block; one thread uses it.
final class ResultFollower {
    private static let pause = Duration.seconds(2)

    private let common: ClientProperties.Common
    private let topic: String
    private var reader: TopicReader?
    private var next: [Int32: Int64] = [:]
    private var opensAt = ContinuousClock.now
    /// Why there is no reader now.
    private(set) var trouble: KafkaError?

    /// Throws when the topic cannot be read at all.
    init(_ settings: Settings, partitions: Int, from start: TopicReader.Start) throws(KafkaError) {
        common = settings.common.readingAhead(ofPartitions: partitions)
        topic = settings.worker.topics.results
        reader = try TopicReader(common, topic: topic, from: start)
    }

    /// Waits for the first record, then takes what is there; may return early with nothing.
    func poll(timeout: Duration, maximum: Int) -> [ConsumedRecord] {
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

    /// The topic has so many partitions by now: those that are new are read too.
    func grow(to count: Int) {
        guard let reader, count > reader.partitionCount else { return }
        // A cluster that cannot be asked now is asked again with the next news.
        try? reader.addPartitions(timeout: .seconds(2))
    }

    func close() {
        _ = reader?.close(timeout: .seconds(2))
    }

    private func lose(_ error: KafkaError) {
        _ = reader?.close(timeout: .seconds(1))
        reader = nil
        trouble = error
        opensAt = .now + Self.pause
    }

    /// What came meanwhile in partitions of which nothing was read yet is not known: those begin at their end.
    private func reopen(waiting timeout: Duration) {
        let wait = min(timeout, opensAt - .now)
        if wait > .zero {
            _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(Int(wait / .milliseconds(1)) + 1))
        }
        guard ContinuousClock.now >= opensAt else { return }
        do throws(KafkaError) {
            reader = try TopicReader(common, topic: topic, from: .offsets(next), timeout: .seconds(5))
            trouble = nil
        } catch {
            lose(error)
        }
    }
}

extension ClientProperties.Common {
    /// For following many partitions: what is read ahead is 16 MB in all, and one answer of a broker 2 MB, so that memory is bounded
    /// however far behind the reading is.
    ///
    /// Nobody sees a tenth of a second: a broker may wait so long for more to answer with.
    func readingAhead(ofPartitions count: Int) -> Self {
        var common = self
        let bounds = [
            "queued.min.messages": "1000", "queued.max.messages.kbytes": "\(max(64, 16_384 / max(1, count)))",
            "fetch.max.bytes": "2097152", "fetch.min.bytes": "65536", "fetch.wait.max.ms": "100",
        ]
        common.passThrough.merge(bounds) { given, _ in given }
        return common
    }
}
