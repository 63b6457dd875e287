import Dispatch
import OTPKafka
import Testing

@testable import OTPWorker

/// A cluster answers CreateTopics before all of it knows: a worker that starts meanwhile looks again.
@Suite(.timeLimit(.minutes(1)))
struct StartCheckTests {
    private let broker: EmbeddedBroker
    private let topics = WorkerConfiguration.Topics()

    init() throws {
        broker = try EmbeddedBroker()
    }

    private func check(patience: Duration) throws -> StartCheck {
        StartCheck(
            admin: try Admin(.init(bootstrapServers: broker.bootstrapServers)),
            brokers: broker.bootstrapServers,
            properties: [:],
            topics: topics,
            replyTopics: [],
            timeout: .seconds(10),
            patience: patience
        )
    }

    /// Looks on a thread of its own, for it blocks.
    private func run(_ check: StartCheck) async -> Result<StartCheck.Findings, StartFailure> {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: Result { () throws(StartFailure) in try check.run() })
            }
        }
    }

    /// The broker of these tests makes whatever topic is asked about, unless it is told to deny it.
    private func deny(_ topic: String) throws {
        for name in topics.all { try broker.createTopic(name, partitions: 3) }
        broker.setTopicError(topic, .unknownTopicOrPartition)
    }

    @Test func topicsThatAppearWhileItLooksAreFound() async throws {
        defer { broker.stop() }
        try deny(topics.deadLetters)
        let check = try check(patience: .seconds(30))
        async let result = run(check)
        // It is there once it has been missed.
        let first = try check.admin.partitionCounts(topics.all, timeout: .seconds(5))
        #expect(first.count == 3)
        broker.setTopicError(topics.deadLetters, nil)
        #expect(try await result.get().commandPartitions == 3)
    }

    @Test func whatIsMissingForGoodIsTold() async throws {
        defer { broker.stop() }
        try deny(topics.results)
        guard case .failure(let failure) = await run(try check(patience: .milliseconds(300))) else {
            Issue.record("it was not told")
            return
        }
        #expect(failure.setting == "topics.results" && failure.message.contains("does not exist"))
    }

    @Test func anAnswerIsAskedForUntilItIsEnough() throws {
        defer { broker.stop() }
        let admin = try Admin(.init(bootstrapServers: broker.bootstrapServers))
        var answers = 0
        let enough = try admin.retry(within: .seconds(30)) { _ throws(KafkaError) in
            answers += 1
            return answers
        } until: {
            $0 == 3
        }
        #expect(enough == 3)
        // And no longer than the limit, whatever it is then.
        let late = try admin.retry(within: .zero) { _ throws(KafkaError) in
            7
        } until: { _ in
            false
        }
        #expect(late == 7)
    }
}
