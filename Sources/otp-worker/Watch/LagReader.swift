import Dispatch
import OTPContract
import OTPKafka
import OTPWorker
import Synchronization

/// Asks again and again how far the group has come, on a thread of its own, and so notices too when the cluster is silent and when
/// its topics grow.
///
/// It asks as a consumer that never joins: the group does not see it.
final class LagReader: Sendable {
    enum News: Sendable {
        /// By partition of the commands; and how many partitions the results have.
        case lags([Int32: Int64], resultPartitions: Int)
        /// No answer: the cluster, or the way to it, is away.
        case silent(KafkaError)
        /// An answer, but a refusal.
        case refused(KafkaError)
    }

    private static let pause = Duration.seconds(2)
    private static let timeout = Duration.seconds(3)

    private let consumer: GroupConsumer
    private let topics: WorkerConfiguration.Topics
    private let isEnded = Atomic<Bool>(false)

    /// Starts to ask; `onNews` is called on the reader's thread, every few seconds.
    init(_ settings: Settings, onNews: @escaping @Sendable (News) -> Void) throws(KafkaError) {
        consumer = try GroupConsumer(
            ClientProperties.consumer(
                settings.common,
                groupID: settings.worker.kafka.groupID,
                statisticsInterval: .zero
            )
        )
        topics = settings.worker.topics
        DispatchQueue(label: "otp-worker.lag").async {
            while !self.isEnded.load(ordering: .relaxed) {
                onNews(self.ask())
                let next = ContinuousClock.now + Self.pause
                while ContinuousClock.now < next {
                    // An error that the client reports is said by the next answer, or by its lack.
                    _ = self.consumer.poll(timeout: next - .now, maximum: 1)
                }
            }
            _ = self.consumer.destroy(within: .seconds(2))
        }
    }

    func end() { isEnded.store(true, ordering: .relaxed) }

    private func ask() -> News {
        do throws(KafkaError) {
            let results = try consumer.partitionCount(topics.results, timeout: Self.timeout) ?? 0
            return .lags(try consumer.lags(of: topics.commands, timeout: Self.timeout), resultPartitions: results)
        } catch {
            return error.isTransient ? .silent(error) : .refused(error)
        }
    }
}

extension GroupConsumer {
    /// By partition of a topic: records that the group has not finished.
    ///
    /// Each question may take so long.
    func lags(of topic: String, timeout: Duration) throws(KafkaError) -> [Int32: Int64] {
        let count = try partitionCount(topic, timeout: timeout) ?? 0
        let topicPartitions = (0..<Int32(count)).map { TopicPartition(topic, $0) }
        var lags: [Int32: Int64] = [:]
        for committed in try committed(topicPartitions, timeout: timeout) {
            let marks = try watermarks(committed.topicPartition, timeout: timeout)
            let position = max(committed.offset ?? marks.low, marks.low)
            lags[committed.topicPartition.partition] = max(0, marks.high - position)
        }
        return lags
    }
}
