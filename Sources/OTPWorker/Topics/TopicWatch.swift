import Dispatch
import OTPKafka
import Synchronization

/// Looks from time to time whether partitions were added to the topics while the worker runs, and says what that asks for; and
/// which reply topics can be written to.
///
/// It changes no topic: which sessions a new partition takes over is for a person to weigh, and a worker seldom has the right.
final class TopicWatch: Sendable {
    static let interval = Duration.seconds(30)
    /// Of a question; one that was not answered is asked again next time.
    private static let timeout = Duration.seconds(2)

    private let queue = DispatchQueue(label: "otp-worker.topics")
    private let admin: Admin
    private let topics: WorkerConfiguration.Topics
    private let replyTopics: [String]
    private let onFinding: @Sendable (TopicGrowth.Finding) -> Void
    private let onReplyTopics: @Sendable ([String: Int]) -> Void
    /// Touched on the queue only.
    private let growth: Mutex<TopicGrowth>

    init(
        _ found: StartCheck.Findings,
        admin: Admin,
        topics: WorkerConfiguration.Topics,
        replyTopics: [String],
        onFinding: @escaping @Sendable (TopicGrowth.Finding) -> Void,
        onReplyTopics: @escaping @Sendable ([String: Int]) -> Void
    ) {
        self.admin = admin
        self.topics = topics
        self.replyTopics = replyTopics
        self.onFinding = onFinding
        self.onReplyTopics = onReplyTopics
        growth = Mutex(TopicGrowth(topics, commands: found.commandPartitions, results: found.resultPartitions))
    }

    /// Looks every `interval` until its task is cancelled; returns when no look is under way any more, within twice `timeout`.
    func run() async {
        while (try? await Task.sleep(for: Self.interval)) != nil {
            await queue.run { self.look() }
        }
    }

    private func look() {
        // A cluster that cannot be asked is told of elsewhere.
        guard let counts = try? admin.partitionCounts(topics.all, timeout: Self.timeout) else { return }
        for finding in growth.withLock({ $0.found(counts) }) { onFinding(finding) }
        guard !replyTopics.isEmpty else { return }
        if let found = try? admin.servedPartitionCounts(replyTopics, timeout: Self.timeout) { onReplyTopics(found) }
    }
}
