import Logging
import OTPContract
import OTPKafka
import Testing

@testable import OTPVerifyClient

/// A broker in this process, with the topics of a fleet.
final class Stage: Sendable {
    let broker: EmbeddedBroker
    let commandTopic = unique("commands")
    let resultTopic = unique("results")
    let replyTopic = unique("replies")
    let log = LogLines()

    static let code = "ART2"
    static let partitions = 4

    init() throws {
        broker = try EmbeddedBroker()
        for topic in [commandTopic, resultTopic, replyTopic] {
            try broker.createTopic(topic, partitions: Int32(Self.partitions))
        }
    }

    func worker(
        _ answering: @escaping @Sendable (StubWorker.Received) -> ResultEvent? = { $0.result() }
    ) throws -> StubWorker {
        try StubWorker(broker, commands: commandTopic, results: resultTopic, answering: answering)
    }

    func client(_ change: (inout OTPVerifyClient.Configuration) -> Void = { _ in }) throws -> OTPVerifyClient {
        var configuration = OTPVerifyClient.Configuration(brokers: broker.bootstrapServers)
        configuration.commandTopic = commandTopic
        configuration.resultTopic = resultTopic
        configuration.timeout = .seconds(60)
        change(&configuration)
        return try OTPVerifyClient(configuration: configuration, logger: log.logger)
    }

    /// Runs a client for as long as the body lasts.
    func running<Value: Sendable>(
        _ client: OTPVerifyClient,
        _ body: (OTPVerifyClient) async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup { group in
            group.addTask { try await client.run() }
            let value = try await body(client)
            group.cancelAll()
            try await group.waitForAll()
            return value
        }
    }
}

extension OTPVerifyClient {
    /// Asks with the code and phone of all tests.
    func ask(
        _ session: String,
        id: String? = nil,
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> ResultEvent {
        try await verify(session: session, phone: Sample.phone, code: Stage.code, id: id, deadline: deadline)
    }
}
