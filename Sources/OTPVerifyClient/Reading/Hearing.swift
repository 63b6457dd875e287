import CoreMetrics
import Dispatch
import Logging
import OTPContract
import OTPKafka

/// Hears results: opens a follower as soon as the cluster lets it, and again and again; follows growth; passes over what is no result.
///
/// Its calls block; one thread uses it.
final class Hearing {
    private let common: ClientProperties.Common
    private let topic: String
    private let partition: Int32?
    private let start: TopicReader.Start
    private let logger: Logger
    private let metrics: ClientMetrics
    private var follower: ResultFollower?
    private var growsAt = ContinuousClock.now
    private var opensAt = ContinuousClock.now
    private var wasInTrouble = false
    /// Why nothing is heard now.
    private(set) var trouble: KafkaError?
    /// When the cluster was last heard from: a connection that breaks is no trouble for librdkafka, which makes it again and again.
    private(set) var heardAt: ContinuousClock.Instant?

    private static let growth = Duration.seconds(5)
    private static let pause = Duration.seconds(1)
    private static let batch = 1_000
    /// Bytes of one result: what the topic takes.
    private static let maximumBytes = 262_144

    init(
        _ common: ClientProperties.Common,
        topic: String,
        partition: Int32?,
        from start: TopicReader.Start,
        _ logger: Logger,
        _ metrics: ClientMetrics
    ) {
        self.common = common.readingAhead
        self.topic = topic
        self.partition = partition
        self.start = start
        self.logger = logger
        self.metrics = metrics
    }

    deinit { follower?.close() }

    /// Whatever is published from now on is heard, once.
    var isOpen: Bool { follower != nil }

    /// Waits for the first result, then takes what is there; may return early with nothing.
    func poll(timeout: Duration) -> [Answer] {
        guard let follower = follower ?? open(waiting: timeout) else { return [] }
        if ContinuousClock.now >= growsAt {
            if follower.grow() { heardAt = .now }
            growsAt = .now + Self.growth
        }
        let records = follower.poll(timeout: timeout, maximum: Self.batch)
        if !records.isEmpty { heardAt = .now }
        note(follower.trouble)
        return records.compactMap { record in
            if let value = record.value, value.count <= Self.maximumBytes,
                let event = try? ResultEvent.decode(value, allowingNewReasons: true)
            {
                return Answer(event: event, value: value)
            }
            metrics.unreadable.increment()
            logger.debug("A record of the results is no result of a known form", metadata: ["record": "\(record)"])
            return nil
        }
    }

    func close() {
        follower?.close()
        follower = nil
    }

    private func open(waiting timeout: Duration) -> ResultFollower? {
        let wait = min(timeout, opensAt - .now)
        if wait > .zero {
            _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(Int(wait / .milliseconds(1)) + 1))
        }
        guard ContinuousClock.now >= opensAt else { return nil }
        do throws(KafkaError) {
            let follower = try ResultFollower(
                common,
                topic: topic,
                partitions: partition.map { [$0] },
                from: start,
                timeout: .seconds(5)
            )
            self.follower = follower
            heardAt = .now
            growsAt = .now + Self.growth
            note(nil)
            return follower
        } catch {
            note(error)
            opensAt = .now + Self.pause
            return nil
        }
    }

    private func note(_ reason: KafkaError?) {
        trouble = reason
        if let reason, !wasInTrouble {
            metrics.interruptions.increment()
            logger.warning(
                "Results cannot be read; trying again",
                metadata: ["topic": "\(topic)", "error": "\(reason)"]
            )
        } else if reason == nil, wasInTrouble {
            logger.info("Results are read again", metadata: ["topic": "\(topic)"])
        }
        wasInTrouble = reason != nil
    }
}
