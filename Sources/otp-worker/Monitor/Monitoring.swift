import Dispatch
import OTPContract
import OTPKafka
import OTPMonitor
import OTPVerifyClient
import OTPWorker

/// The readers of `monitor`: what they hear goes to its one ``LiveMonitor``.
final class Monitoring: Sendable {
    let live: LiveMonitor
    private let results: TopicFollowing
    private let letters: TopicFollowing
    private let cluster: ClusterReader

    private static let rereading = Duration.seconds(10)

    /// Looks up where to begin; what is written after this is seen.
    ///
    /// Throws when a topic is not there, or the cluster does not answer.
    init(_ settings: Settings, since moment: WallTime?) throws {
        let topics = settings.worker.topics
        let live = LiveMonitor(
            FleetMonitor(results: topics.results, letters: topics.deadLetters, group: settings.worker.kafka.groupID)
        )
        let counts = try settings.talking {
            try TopicCheck.partitionCounts([topics.results, topics.commands, topics.deadLetters], settings.common)
        }
        func following(
            _ topic: String,
            _ source: FleetMonitor.Source,
            _ selection: RecordSelection = .everything
        ) throws -> TopicFollowing {
            let count = counts[topic] ?? 1
            let follower = try settings.talking {
                try ResultFollower(
                    settings.common.readingAhead.unhurried,
                    topic: topic,
                    from: try Self.start(topic, count, since: moment, settings),
                    selection
                )
            }
            return TopicFollowing(follower, source, live)
        }
        let results = try following(topics.results, .results, .values(ofAtMost: TopicFollowing.maximumBytes))
        let letters = try following(topics.deadLetters, .letters)
        cluster = try settings.talking {
            try ClusterReader(settings) { round in
                live.tell(round.events)
                if let count = round.results { results.grow(to: count) }
                if let count = round.letters { letters.grow(to: count) }
            }
        }
        self.live = live
        self.results = results
        self.letters = letters
    }

    private static func start(
        _ topic: String,
        _ count: Int,
        since moment: WallTime?,
        _ settings: Settings
    ) throws -> TopicReader.Start {
        guard let moment else { return .now }
        let reader = try RangeReader(settings.readingMuch, batchSize: 1_000)
        defer { _ = reader.close(timeout: .seconds(2)) }
        let ends = TopicEnds(reader: reader)
        let topicPartitions = (0..<Int32(count)).map { TopicPartition(topic, $0) }
        let marks = try ends.marks(topicPartitions)
        let starts = try ends.inParallel(topicPartitions) { topicPartition in
            try marks[topicPartition].map { try ends.start(topicPartition, $0, at: moment) } ?? 0
        }
        return .offsets(Dictionary(uniqueKeysWithValues: starts.map { ($0.key.partition, $0.value) }))
    }

    func start() {
        results.start()
        letters.start()
        cluster.start()
    }

    /// Ends the readers, for which it waits a few seconds.
    func stop() async {
        results.end()
        letters.end()
        cluster.end()
        await withCheckedContinuation { done in
            DispatchQueue(label: "otp-worker.monitor.end").async {
                let deadline = DispatchTime.now() + .seconds(5)
                _ = self.results.wait(until: deadline)
                _ = self.letters.wait(until: deadline)
                done.resume()
            }
        }
    }

    /// Reads the file of credentials again and again, until cancelled; one that cannot be used changes nothing, and is told.
    func reread(_ file: String, for server: MonitorServer) async throws {
        while true {
            try await Task.sleep(for: Self.rereading)
            do {
                server.use(try MonitorFiles.credentials(file))
                live.tell([.credentials(trouble: nil)])
            } catch {
                live.tell([.credentials(trouble: "\(error); those that were read before still hold")])
            }
        }
    }
}
