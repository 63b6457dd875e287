import OTPContract
import OTPKafka
import Testing

/// What readers, groups and successors see of transactions, against a broker that speaks the protocol over the wire.
@Suite(.enabled(if: WireBroker.isAvailable, WireBroker.missing), .serialized)
struct WireTests {
    let common: ClientProperties.Common
    let commands = unique("commands")
    let results = unique("results")
    let ledger = unique("ledger")

    init() throws {
        common = try WireBroker.common()
        let admin = try Admin(common)
        let topics = [commands, results, ledger].map { Admin.NewTopic($0, partitions: 1, replication: 1) }
        #expect(try admin.createTopics(topics, timeout: .seconds(20)).isEmpty)
        #expect(admin.close(timeout: .seconds(10)))
    }

    private var command: TopicPartition { TopicPartition(commands, 0) }
    private var ledgerPartition: TopicPartition { TopicPartition(ledger, 0) }

    private func member(_ group: String) throws -> GroupConsumer {
        let consumer = try GroupConsumer.member(of: group, common, instanceID: "slot-0", topics: [commands])
        try consumer.join(1)
        return consumer
    }

    private func producer(_ id: String) throws -> TransactionalProducer {
        let producer = try TransactionalProducer(ClientProperties.transactionalProducer(common, transactionalID: id))
        try producer.initTransactions(timeout: .seconds(30))
        return producer
    }

    private func read(
        _ partition: TopicPartition,
        from start: Int64 = 0
    ) throws -> (records: [ConsumedRecord], position: Int64) {
        let reader = try RangeReader(common)
        let end = try reader.highWatermark(partition, timeout: .seconds(20)).high
        var records: [ConsumedRecord] = []
        let position = try reader.read(partition, from: start, to: end, timeout: .seconds(20)) { records += $0 }
        #expect(reader.close(timeout: .seconds(10)))
        #expect(position >= end)
        return (records, position)
    }

    @Test func aLedgerIsReadThroughItsBarrier() throws {
        let reports = Reports()
        let writer = try IdempotentProducer(ClientProperties.idempotentProducer(common), onReports: reports.add)
        for number in 0..<3 {
            _ = try writer.write(
                OutgoingRecord(topic: ledger, partition: 0, key: bytes("\(number)")),
                timeout: .seconds(20)
            )
        }
        let barrier = try #require(
            try writer.write(OutgoingRecord(topic: ledger, partition: 0, key: bytes("b")), timeout: .seconds(20))
        )
        #expect(barrier == 3)
        _ = try writer.write(OutgoingRecord(topic: ledger, partition: 0, key: bytes("later")), timeout: .seconds(20))
        let reader = try LedgerReader(common)
        for (start, first) in [(Int64?.none, 0), (2, 2)] {
            var offsets: [Int64] = []
            let position = try reader.read(ledgerPartition, from: start, through: barrier, timeout: .seconds(20)) {
                offsets += $0.map(\.offset)
            }
            #expect(position > barrier)
            #expect(offsets.prefix { $0 <= barrier } == ArraySlice(Int64(first)...barrier))
        }
        // Whatever comes, never less.
        let error = #expect(throws: KafkaError.self) {
            try reader.read(ledgerPartition, from: 0, through: 99, timeout: .seconds(2)) { _ in }
        }
        #expect(error?.code == .timedOut)
        // Another log than the one that the offset is of.
        let jump = #expect(throws: KafkaError.self) {
            try reader.read(ledgerPartition, from: 50, through: 60, timeout: .seconds(20)) { _ in }
        }
        #expect(jump?.code == .offsetOutOfRange)
        #expect(jump?.isTransient == true)
        #expect(reader.close(timeout: .seconds(10)))
        #expect(writer.close(timeout: .seconds(5)))
        #expect(reports.all.isEmpty)
    }

    @Test func aTransactionThatIsLeftOpenBeforeTheBarrierIsTold() async throws {
        let id = unique("worker")
        let left = try OpenTransaction(common, id: id, record: OutgoingRecord(topic: ledger, partition: 0))
        let writer = try IdempotentProducer(ClientProperties.idempotentProducer(common), onReports: { _ in })
        let barrier = try #require(
            try writer.write(OutgoingRecord(topic: ledger, partition: 0, key: bytes("b")), timeout: .seconds(20))
        )
        let reader = try LedgerReader(common)
        var stalls: [LedgerReader.StableEnd] = []
        var keys: [[UInt8]?] = []
        try reader.read(
            ledgerPartition,
            from: nil,
            through: barrier,
            patience: .milliseconds(300),
            timeout: .seconds(60),
            onBatch: { keys += $0.map(\.key) },
            onStall: { stall in
                stalls.append(stall)
                // Its successor decides what it left.
                do { _ = try producer(id).close(timeout: .seconds(5)) } catch { Issue.record(error) }
            }
        )
        #expect(stalls.map(\.position) == [0])
        #expect(stalls.allSatisfy { $0.stoodFor >= .milliseconds(300) })
        #expect(keys == [bytes("b")])
        #expect(reader.close(timeout: .seconds(10)))
        #expect(writer.close(timeout: .seconds(5)))
        left.end()
    }

    @Test func recordsOffsetAndMetadataBecomeVisibleTogether() throws {
        let group = unique("group")
        try write(numbered(3, topic: commands, partition: 0), to: common)
        let consumer = try member(group)
        #expect(try consumer.committed([command], timeout: .seconds(20)) == [CommittedOffset(command, offset: nil)])
        consumer.resume(command, at: 0)
        let events = try consumer.poll("commands") { $0.hasEnd(of: command, at: 3) }
        #expect(events.records.map(\.offset) == [0, 1, 2])

        let producer = try producer(unique("worker"))
        let metadata = String(repeating: "äA", count: 1000)
        let outcome = producer.execute(
            Transaction(
                records: [
                    OutgoingRecord(
                        topic: results,
                        partition: 0,
                        key: bytes("k"),
                        value: bytes("r"),
                        headers: [Header(name: "h", value: nil), Header(name: "h", value: [1])]
                    ),
                    OutgoingRecord(topic: ledger, partition: 0, key: bytes("s"), value: nil),
                ],
                offsets: [OffsetCommit(command, offset: 3, metadata: metadata)],
                groupMetadata: try consumer.groupMetadata()
            )
        )
        #expect(outcome == .committed(offsets: [0, 0]))

        #expect(
            try consumer.committed([command], timeout: .seconds(20))
                == [CommittedOffset(command, offset: 3, metadata: metadata)]
        )
        let result = try #require(try read(TopicPartition(results, 0)).records.first)
        #expect(result.key == bytes("k") && result.value == bytes("r"))
        #expect(result.headers == [Header(name: "h", value: nil), Header(name: "h", value: [1])])
        let state = try #require(try read(ledgerPartition).records.first)
        #expect(state.value == nil)
        #expect(producer.close(timeout: .seconds(10)))
        try consumer.leave()
    }

    @Test func anAbortedBatchIsSeenByNobodyAndTheReaderPassesIt() throws {
        let consumer = try member(unique("group"))
        let producer = try producer(unique("worker"))
        func execute(_ records: [OutgoingRecord], _ offset: Int64) throws -> TransactionOutcome {
            producer.execute(
                Transaction(
                    records: records,
                    offsets: [OffsetCommit(command, offset: offset, metadata: "m\(offset)")],
                    groupMetadata: try consumer.groupMetadata()
                )
            )
        }
        #expect(try execute(numbered(2, topic: ledger, partition: 0), 1).isCommitted)
        // The third is too large for the client; what was sent before it is aborted with it.
        var faulty = numbered(2, topic: ledger, partition: 0)
        faulty.append(OutgoingRecord(topic: ledger, partition: 0, value: Array(repeating: 0, count: 2_000_000)))
        #expect(try execute(faulty, 2).aborted?.1.map(\.index) == [2])

        #expect(
            try consumer.committed([command], timeout: .seconds(20))
                == [CommittedOffset(command, offset: 1, metadata: "m1")]
        )
        let (records, position) = try read(ledgerPartition)
        #expect(records.map(\.offset) == [0, 1])
        // Markers, and perhaps aborted records, lie between the last record and the end.
        #expect(position > 2)
        #expect(producer.close(timeout: .seconds(10)))
        try consumer.leave()
    }

    @Test func readingFromBehindTheLastRecordComesToTheEndToo() throws {
        let consumer = try member(unique("group"))
        let producer = try producer(unique("worker"))
        let outcome = producer.execute(
            Transaction(
                records: numbered(2, topic: ledger, partition: 0),
                offsets: [OffsetCommit(command, offset: 0)],
                groupMetadata: try consumer.groupMetadata()
            )
        )
        #expect(outcome == .committed(offsets: [0, 1]))

        // Only the marker is left.
        let (records, position) = try read(ledgerPartition, from: 2)
        #expect(records.isEmpty)
        #expect(position == 3)
        #expect(try read(ledgerPartition, from: 3).records.isEmpty)
        #expect(producer.close(timeout: .seconds(10)))
        try consumer.leave()
    }

    @Test func theHighWatermarkCountsWhatAnOpenTransactionWrote() throws {
        try write(numbered(1, topic: ledger, partition: 0), to: common)
        let open = try OpenTransaction(common, id: unique("dead"), record: OutgoingRecord(topic: ledger, partition: 0))
        let reader = try RangeReader(common)
        #expect(try reader.highWatermark(ledgerPartition, timeout: .seconds(20)) == Watermarks(low: 0, high: 2))

        // Nobody decides it, so reading to it does not end.
        var seen: [Int64] = []
        let error = #expect(throws: KafkaError.self) {
            try reader.read(ledgerPartition, from: 0, to: 2, timeout: .seconds(1)) { seen += $0.map(\.offset) }
        }
        #expect(error?.code == .timedOut)
        #expect(seen == [0])

        // A successor decides it, and the reader comes to the end.
        let successor = try producer(open.id)
        var progress: [RangeReader.Progress] = []
        let position = try reader.read(ledgerPartition, from: 0, to: 2, timeout: .seconds(20)) { _ in
        } onProgress: {
            progress.append($0)
        }
        #expect(position >= 2)
        #expect(progress.last?.position == position)
        #expect(progress.map(\.position) == progress.map(\.position).sorted())
        open.end()
        #expect(successor.close(timeout: .seconds(10)))
        #expect(reader.close(timeout: .seconds(10)))
    }

    @Test func aSuccessorFencesItsPredecessor() throws {
        let consumer = try member(unique("group"))
        let id = unique("worker")
        let predecessor = try producer(id)
        let transaction = Transaction(
            records: numbered(1, topic: results, partition: 0),
            offsets: [OffsetCommit(command, offset: 0)],
            groupMetadata: try consumer.groupMetadata()
        )
        #expect(predecessor.execute(transaction).isCommitted)
        let successor = try producer(id)

        // Most brokers say so before the commit.
        let outcome = predecessor.execute(transaction)
        switch outcome {
        case .fenced: break
        case .aborted(let abortion): #expect(abortion.producer == .fenced)
        case .committed, .unknown: Issue.record("the predecessor was not fenced: \(outcome)")
        }
        #expect(successor.execute(transaction).isCommitted)
        #expect(try read(TopicPartition(results, 0)).records.count == 2)
        #expect(predecessor.close(timeout: .seconds(10)))
        #expect(successor.close(timeout: .seconds(10)))
        try consumer.leave()
    }

    @Test func anAssignedPartitionStandsStillAndIsMovedWithoutACommittedOffset() throws {
        try write(numbered(20, topic: commands, partition: 0), to: common)
        let consumer = try member(unique("group"))
        #expect(consumer.poll(during: .milliseconds(500)).records.isEmpty)
        consumer.resume(command, at: 12)
        let events = try consumer.poll("end") { $0.hasEnd(of: command, at: 20) }
        #expect(events.records.map(\.offset) == Array(12..<20))
        #expect(events.allSatisfy { $0.partitionError == nil })
        #expect(try consumer.watermarks(command, timeout: .seconds(20)) == Watermarks(low: 0, high: 20))
        try consumer.leave()
    }

    @Test func aMemberThatComesBackIsGivenItsPartitionAgain() throws {
        let group = unique("group")
        let first = try member(group)
        try first.leave()
        let second = try member(group)
        #expect(second.assigned == [command])
        try second.leave()
    }

    @Test(.enabled(if: WireBroker.isCluster, WireBroker.notACluster))
    func offsetsOfAnOldGenerationAreRefused() throws {
        let group = unique("group")
        let consumer = try GroupConsumer.member(of: group, common, topics: [commands])
        try consumer.join(1)
        let old = try consumer.groupMetadata()
        try consumer.leave()
        let next = try GroupConsumer.member(of: group, common, topics: [commands])
        try next.join(1)

        let producer = try producer(unique("worker"))
        let outcome = producer.execute(
            Transaction(
                records: numbered(1, topic: results, partition: 0),
                offsets: [OffsetCommit(command, offset: 1)],
                groupMetadata: old
            )
        )
        #expect(outcome.aborted?.0.isFencing == true)
        #expect(try next.committed([command], timeout: .seconds(20)).first?.offset == nil)
        #expect(producer.close(timeout: .seconds(10)))
        try next.leave()
    }
}
