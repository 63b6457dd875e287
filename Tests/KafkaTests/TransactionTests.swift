import Dispatch
import OTPContract
import OTPKafka
import Testing

/// How transactions end, against librdkafka's own broker, which fails on demand.
///
/// What a transaction means to readers is tested on the wire.
@Suite struct TransactionTests {
    let broker: EmbeddedBroker
    let commands = unique("commands")
    let results = unique("results")

    /// A real member's, made once: this broker does not look at it.
    private static let metadata = Result {
        let broker = try EmbeddedBroker()
        let topic = unique("commands")
        try broker.createTopic(topic, partitions: 1)
        let consumer = try GroupConsumer.member(of: "g", broker.common, topics: [topic])
        try consumer.join(1)
        let metadata = try consumer.groupMetadata()
        _ = consumer.destroy(within: .seconds(5))
        return metadata
    }

    init() throws {
        broker = try EmbeddedBroker()
        try broker.createTopic(commands, partitions: 1)
        try broker.createTopic(results, partitions: 2)
    }

    private func producer(
        timeout: Duration = .seconds(10),
        _ passThrough: [String: String] = [:]
    ) throws -> TransactionalProducer {
        var common = broker.common
        common.passThrough = passThrough
        let producer = try TransactionalProducer(
            ClientProperties.transactionalProducer(common, transactionalID: "w", transactionTimeout: timeout)
        )
        try producer.initTransactions(timeout: .seconds(20))
        return producer
    }

    private func transaction(_ records: [OutgoingRecord]) throws -> Transaction {
        Transaction(
            records: records,
            offsets: [OffsetCommit(TopicPartition(commands, 0), offset: 5, metadata: "m")],
            groupMetadata: try Self.metadata.get()
        )
    }

    private func end(_ producer: TransactionalProducer) {
        #expect(producer.close(timeout: .seconds(5)))
    }

    @Test func aCommittedTransactionTellsEachOffset() throws {
        let producer = try producer()
        let records = numbered(3, topic: results, partition: 0) + numbered(2, topic: results, partition: 1)
        #expect(producer.execute(try transaction(records)) == .committed(offsets: [0, 1, 2, 0, 1]))
        #expect(producer.execute(try transaction([records[4]])) == .committed(offsets: [2]))
        // Offsets alone, when only the committed offset has moved.
        #expect(producer.execute(try transaction([])) == .committed(offsets: []))
        end(producer)
    }

    @Test func whatADryRunIsRefusedIsTold() throws {
        let producer = try producer()
        let record = OutgoingRecord(topic: results, partition: 0, key: [1])
        broker.pushErrors(.addPartitionsToTransaction, [.topicAuthorizationFailed])
        #expect(producer.dryRun([record], group: "g")?.code == .topicAuthorizationFailed)
        let offsets = [OffsetCommit(TopicPartition(commands, 0), offset: 1)]
        broker.pushErrors(.addOffsetsToTransaction, [.groupAuthorizationFailed])
        #expect(producer.dryRun([], offsets: offsets, group: "g")?.code == .groupAuthorizationFailed)
        // The producer goes on after each.
        #expect(producer.dryRun([record], offsets: offsets, group: "g") == nil)
        end(producer)
    }

    @Test(
        arguments: [
            (
                EmbeddedBroker.Request.addPartitionsToTransaction,
                [KafkaError.Code.concurrentTransactions, .coordinatorLoading]
            ),
            (.addOffsetsToTransaction, [.coordinatorLoading, .notCoordinator]),
            (.transactionOffsetCommit, [.coordinatorLoading, .coordinatorNotAvailable]),
            (.endTransaction, [.coordinatorLoading, .concurrentTransactions, .notCoordinator]),
            (.produce, [.notLeader, .transport]),
        ])
    func whatPassesByItselfIsTriedAgain(request: EmbeddedBroker.Request, codes: [KafkaError.Code]) throws {
        let producer = try producer()
        broker.pushErrors(request, codes)
        #expect(
            producer.execute(try transaction(numbered(1, topic: results, partition: 0))) == .committed(offsets: [0])
        )
        end(producer)
    }

    @Test func aRecordRefusedByTheBrokerAbortsAndIsNamed() throws {
        let producer = try producer()
        #expect(
            producer.execute(try transaction(numbered(1, topic: results, partition: 0))) == .committed(offsets: [0])
        )
        broker.pushErrors(.produce, [.messageTooLarge])

        let outcome = producer.execute(try transaction(numbered(1, topic: results, partition: 1)))
        let (cause, faults) = try #require(outcome.aborted)
        #expect(cause.code == .messageTooLarge)
        #expect(faults == [RecordFault(index: 0, error: cause)])

        // The refused record has left a gap in the sequence, which costs one more transaction and is nobody's fault.
        let next = try #require(producer.execute(try transaction(numbered(1, topic: results, partition: 1))).aborted)
        #expect(next.0.name == "OUT_OF_ORDER_SEQUENCE_NUMBER")
        #expect(next.1.isEmpty)
        let last = producer.execute(try transaction(numbered(1, topic: results, partition: 1)))
        #expect(last == .committed(offsets: [0]))
        end(producer)
    }

    /// The broker has an empty transaction then, and nothing to abort.
    @Test func whatIsRefusedBeforeTheCommitIsAbortedWhateverBecomesOfTheProducer() throws {
        let producer = try producer()
        broker.pushErrors(.addPartitionsToTransaction, [.topicAuthorizationFailed])
        broker.pushErrors(.endTransaction, [.invalidTransactionState])
        let outcome = producer.execute(try transaction(numbered(2, topic: results, partition: 0)))
        guard case .aborted(let abortion) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(abortion.cause.isDenied)
        #expect(abortion.producer == .broken)
        #expect(abortion.needsNewProducer)
        let next = producer.execute(try transaction(numbered(1, topic: results, partition: 0)))
        guard case .aborted(let again) = next else { return #expect(Bool(false), "\(next)") }
        #expect(again.needsNewProducer)
        end(producer)
    }

    @Test func aSuccessorBeforeTheCommitIsTold() throws {
        let producer = try producer()
        broker.pushErrors(.addPartitionsToTransaction, [.producerFenced])
        let outcome = producer.execute(try transaction(numbered(1, topic: results, partition: 0)))
        guard case .aborted(let abortion) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(abortion.producer == .fenced)
        end(producer)
    }

    @Test func aTransactionThatHangsIsGivenUpWhenToldAndNamesWhatItWaitedFor() async throws {
        let producer = try producer(timeout: .seconds(30))
        #expect(producer.execute(try transaction(numbered(1, topic: results, partition: 0))).isCommitted)
        // Answered by nobody for longer than the test may last.
        broker.pushErrors(.produce, Array(repeating: .notLeader, count: 2_000))
        let cancellation = Cancellation()
        let transaction = try transaction(numbered(2, topic: results, partition: 1))
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(200)) { cancellation.cancel() }
        let outcome = await blocking { producer.execute(transaction, cancellation: cancellation) }
        guard case .aborted(let abortion) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(abortion.cause.code == .interrupted)
        #expect(abortion.waiting == [0, 1])
        #expect(abortion.faults.isEmpty)
        #expect(!abortion.needsNewProducer)
        broker.clearErrors(.produce)
        #expect(producer.execute(try self.transaction(numbered(1, topic: results, partition: 0))).isCommitted)
        end(producer)
    }

    @Test func anIDThatIsStillBeingEndedIsToldOncePatienceIsOver() throws {
        let producer = try TransactionalProducer(
            ClientProperties.transactionalProducer(broker.common, transactionalID: "w")
        )
        broker.pushErrors(.initProducerID, Array(repeating: .concurrentTransactions, count: 500))
        let start = ContinuousClock.now
        let error = #expect(throws: KafkaError.self) {
            try producer.initTransactions(timeout: .seconds(60), patience: .seconds(1))
        }
        #expect(error?.isLocked == true)
        #expect(ContinuousClock.now - start < .seconds(40))
        // It goes on where it was.
        broker.clearErrors(.initProducerID)
        try producer.initTransactions(timeout: .seconds(20))
        #expect(producer.execute(try transaction(numbered(1, topic: results, partition: 0))).isCommitted)
        end(producer)
    }

    @Test func aTopicThatMayNotBeWrittenIsRefusedFromThenOnButTheOthersAreNot() throws {
        let producer = try producer()
        let other = unique("other")
        try broker.createTopic(other, partitions: 1)
        broker.pushErrors(.produce, [.topicAuthorizationFailed])
        let first = producer.execute(try transaction(numbered(1, topic: results, partition: 0)))
        #expect(first.aborted?.1.map(\.error.code) == [.topicAuthorizationFailed])

        // Now known without asking the broker, so the records of other topics are not named.
        let mixed = numbered(1, topic: other, partition: 0) + numbered(1, topic: results, partition: 0)
        #expect(producer.execute(try transaction(mixed)).aborted?.1.map(\.index) == [1])
        #expect(producer.execute(try transaction([mixed[0]])).isCommitted)
        end(producer)
    }

    @Test func recordsThatCannotBeSentAreNamedAndTheOthersAreNot() throws {
        let producer = try producer(["message.max.bytes": "2000"])
        #expect(producer.maximumMessageBytes == 2000)
        #expect(
            producer.execute(try transaction(numbered(1, topic: results, partition: 0))) == .committed(offsets: [0])
        )
        var records = numbered(5, topic: results, partition: 0)
        records[1].value = Array(repeating: 0, count: 5000)
        records[3].partition = 7

        let (cause, faults) = try #require(producer.execute(try transaction(records)).aborted)
        #expect(cause.code == .messageTooLarge)
        #expect(faults.map(\.index) == [1, 3])
        #expect(faults.map(\.error.code) == [.messageTooLarge, .unknownPartition])

        records.remove(at: 3)
        records.remove(at: 1)
        #expect(producer.execute(try transaction(records)).isCommitted)
        end(producer)
    }

    @Test(arguments: [KafkaError.Code.illegalGeneration, .unknownMemberID, .fencedInstanceID])
    func refusedOffsetsAbortAndTheProducerGoesOn(code: KafkaError.Code) throws {
        let producer = try producer()
        broker.pushErrors(.transactionOffsetCommit, [code])
        let (cause, faults) = try #require(
            producer.execute(try transaction(numbered(2, topic: results, partition: 0))).aborted
        )
        #expect(cause.code == code)
        #expect(cause.isFencing)
        #expect(faults.isEmpty)
        #expect(producer.execute(try transaction(numbered(1, topic: results, partition: 0))).isCommitted)
        end(producer)
    }

    @Test func anAbortThatFailsForNowIsTriedAgain() throws {
        let producer = try producer()
        broker.pushErrors(.transactionOffsetCommit, [.illegalGeneration])
        broker.pushErrors(.endTransaction, [.coordinatorLoading, .transport, .notCoordinator])
        #expect(producer.execute(try transaction(numbered(1, topic: results, partition: 0))).aborted != nil)
        #expect(producer.execute(try transaction(numbered(1, topic: results, partition: 0))).isCommitted)
        end(producer)
    }

    @Test(arguments: [KafkaError.Code.invalidProducerEpoch, .producerFenced])
    func aProducerWhosePlaceIsTakenIsFenced(code: KafkaError.Code) throws {
        let producer = try producer()
        broker.pushErrors(.endTransaction, [code])
        let outcome = producer.execute(try transaction(numbered(1, topic: results, partition: 0)))
        guard case .fenced(let error) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(error.isFatal && error.isFencing)
        // It does not come back, and what it does not even begin is nobody's riddle.
        let next = producer.execute(try transaction(numbered(1, topic: results, partition: 0)))
        guard case .aborted(let abortion) = next else {
            Issue.record("a fenced producer went on: \(next)")
            return
        }
        #expect(abortion.producer == .fenced)
        #expect(producer.close(timeout: .seconds(5)))
        // Its successor does.
        let successor = try self.producer()
        #expect(
            successor.execute(try transaction(numbered(1, topic: results, partition: 1))) == .committed(offsets: [0])
        )
        end(successor)
    }

    @Test func aCommitRefusedForGoodIsUnknownNotAborted() throws {
        for code in [KafkaError.Code.invalidTransactionState, .init(rawValue: 49)] {
            let producer = try producer()
            broker.pushErrors(.endTransaction, [code])
            let outcome = producer.execute(try transaction(numbered(1, topic: results, partition: 0)))
            guard case .unknown = outcome else {
                Issue.record("\(code.name): \(outcome)")
                continue
            }
            #expect(producer.close(timeout: .seconds(5)))
        }
    }

    @Test func aCommitWhoseAnswerNeverComesIsUnknown() throws {
        let producer = try producer(timeout: .seconds(2))
        #expect(producer.execute(try transaction(numbered(1, topic: results, partition: 0))).isCommitted)
        broker.pushErrors(.endTransaction, Array(repeating: .coordinatorLoading, count: 2000))

        let start = ContinuousClock.now
        let outcome = producer.execute(try transaction(numbered(1, topic: results, partition: 0)))
        guard case .unknown = outcome else {
            Issue.record("\(outcome) after \(ContinuousClock.now - start)")
            return
        }
        #expect(ContinuousClock.now - start < .seconds(12))
        end(producer)
    }

    @Test func brokersThatAreGoneEndATransactionInTime() throws {
        let producer = try producer(timeout: .seconds(2))
        #expect(producer.execute(try transaction(numbered(1, topic: results, partition: 0))).isCommitted)
        let transaction = try transaction(numbered(2, topic: results, partition: 0))
        try broker.setReachable(false)

        let start = ContinuousClock.now
        let outcome = producer.execute(transaction)
        #expect(!outcome.isCommitted)
        #expect(ContinuousClock.now - start < .seconds(12))
        end(producer)
    }

    @Test func initTransactionsEndsInTime() throws {
        try broker.setReachable(false)
        let producer = try TransactionalProducer(
            ClientProperties.transactionalProducer(broker.common, transactionalID: "w")
        )
        let error = #expect(throws: KafkaError.self) { try producer.initTransactions(timeout: .seconds(1)) }
        #expect(error?.isTransient == true)
        end(producer)
    }

    @Test func aTransactionLargerThanTheQueueWaitsForRoom() throws {
        let producer = try producer(["queue.buffering.max.messages": "50"])
        let outcome = producer.execute(try transaction(numbered(500, topic: results, partition: 0)))
        let isComplete = outcome == .committed(offsets: (0..<500).map { Int64($0) })
        #expect(isComplete)
        end(producer)
    }
}

extension TransactionOutcome {
    var aborted: (KafkaError, [RecordFault])? {
        guard case .aborted(let abortion) = self else { return nil }
        return (abortion.cause, abortion.faults)
    }

    var isCommitted: Bool {
        guard case .committed = self else { return false }
        return true
    }
}
