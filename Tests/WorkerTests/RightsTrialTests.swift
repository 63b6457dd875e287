import Dispatch
import OTPKafka
import Testing

@testable import OTPWorker

/// What is refused at the start is what would be refused when it is needed.
@Suite(.timeLimit(.minutes(1)))
struct RightsTrialTests {
    private let broker: EmbeddedBroker

    init() throws {
        broker = try EmbeddedBroker()
        for topic in ["results", "letters"] { try broker.createTopic(topic, partitions: 2) }
    }

    /// On a thread of its own, for it blocks.
    private func missing() async throws -> [RightsTrial.Missing] {
        let common = ClientProperties.Common(bootstrapServers: broker.bootstrapServers)
        let admin = try Admin(common)
        let trial = RightsTrial(transactionalID: "w-b", topics: ["results", "letters"], group: "g", admin: admin)
        return await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let missing = trial.run { id throws(KafkaError) in
                    let producer = try TransactionalProducer(
                        ClientProperties.transactionalProducer(
                            common,
                            transactionalID: id,
                            transactionTimeout: .seconds(10)
                        )
                    )
                    try producer.initTransactions(timeout: .seconds(10))
                    return producer
                }
                continuation.resume(returning: missing)
            }
        }
    }

    @Test func whoMayDoEverythingLacksNothing() async throws {
        #expect(try await missing() == [])
        broker.stop()
    }

    @Test func aTopicThatMayNotBeWrittenToIsNamed() async throws {
        broker.pushErrors(.addPartitionsToTransaction, [.topicAuthorizationFailed])
        #expect(try await missing() == [.topic("results")])
        broker.stop()
    }

    @Test func aTransactionalIDThatMayNotBeUsedIsNamed() async throws {
        broker.pushErrors(.initProducerID, [.transactionalIDAuthorizationFailed])
        #expect(try await missing() == [.transactionalID("w-b")])
        broker.stop()
    }
}
