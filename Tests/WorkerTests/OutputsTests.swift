import OTPContract
import OTPEngine
import OTPKafka
import OTPWorker
import Testing

@Suite("A batch as records, and the end of its transaction as the engine takes it")
struct OutputsTests {
    private let id = BatchID(process: 1, counter: 2)
    private let epoch = PartitionEpoch(partition: 3, epoch: 1)

    private func outputs(mirrored: Int = 4, reply: ReplyAddress? = nil) throws -> Outputs {
        let session = try #require(SessionID("s"))
        let record = RecordID(epoch: epoch, offset: 42)
        let source = Coordinates(topic: "commands", partition: 3, offset: 42)
        var batch = Batch(id: id)
        let event = ResultEvent(
            commandID: "c",
            sessionID: session,
            status: .verified,
            reason: .ok,
            receivedAt: WallTime(milliseconds: 1),
            completedAt: WallTime(milliseconds: 2),
            source: source,
            worker: "w"
        )
        batch.results = [.init(record: record, event: event, reply: reply)]
        let void = LedgerRecord(session: session, content: .void(Fingerprint(keyID: 1, high: 2, low: 3)))
        batch.ledger = [.init(partition: 3, record: void)]
        let letter = DeadLetter(
            source: source,
            timestamp: WallTime(milliseconds: 1),
            key: nil,
            consumerGroup: "g",
            reason: .malformed,
            headers: []
        )
        batch.deadLetters = [.init(record: record, letter: letter)]
        let topics = WorkerConfiguration.Topics()
        let routes = ReplyRoutes(
            standard: topics.results,
            partitions: 4,
            mirrored: mirrored,
            allowed: ["replies"],
            found: ["replies": 2]
        )
        return Outputs(batch, topics, routes)
    }

    private func told(_ outcome: TransactionOutcome, reply: ReplyAddress? = nil) throws -> String {
        switch try outputs(reply: reply).event(for: outcome, of: id) {
        case .committed(_, let offsets): "committed \(offsets)"
        case .commitAborted(_, let cause, let faults, _, _): "aborted \(cause.rawValue) \(faults)"
        case .commitUnknown(_, let isFenced, _): "unknown fenced=\(isFenced)"
        default: "something else"
        }
    }

    @Test func eachOutputGoesWhereItBelongs() throws {
        let records = try outputs().records
        #expect(
            records.map(\.topic) == ["otp.verify.results", "otp.verify.ledger", "otp.verify.dead-letters"]
        )
        #expect(records.map(\.partition) == [3, 3, nil])
        #expect(records[1].value == nil)
        #expect(records[2].value == nil)
        // Partition 3 is the fourth.
        #expect(try outputs(mirrored: 3).records[0].partition == nil)
    }

    @Test func theLedgersOffsetsAreThoseOfItsOwnRecords() throws {
        #expect(try told(.committed(offsets: [7, 8, 9])) == "committed [Optional(8)]")
        #expect(try told(.committed(offsets: [7, nil, 9])) == "committed [nil]")
    }

    @Test func aRecordAtFaultIsNamed() throws {
        let tooLarge = KafkaError("produce", .messageTooLarge)
        let faults = [RecordFault(index: 0, error: tooLarge), RecordFault(index: 2, error: tooLarge)]
        #expect(
            try told(.aborted(Abortion(tooLarge, faults: faults)))
                == "aborted too_large [OTPEngine.OutputReference.result(0), OTPEngine.OutputReference.deadLetter(0)]"
        )
        #expect(try told(.aborted(Abortion(tooLarge))) == "aborted outputs []")
    }

    /// A record that only timed out is not at fault: another try may well succeed.
    @Test func aBrokerThatIsAwayIsNobodysFault() throws {
        let timedOut = KafkaError("produce", .messageTimedOut)
        #expect(
            try told(.aborted(Abortion(timedOut, faults: [RecordFault(index: 0, error: timedOut)])))
                == "aborted transient []"
        )
    }

    @Test func aReplyGoesWhereItIsAskedFor() throws {
        let asked = try outputs(reply: ReplyAddress(topic: "replies", partition: 1))
        #expect(asked.records[0].topic == "replies")
        #expect(asked.records[0].partition == 1)
        #expect(asked.replyCounts == [.routed: 1])
        #expect(!asked.records[0].headers.contains { $0.name == "otp_reply_undeliverable" })
    }

    @Test func aReplyWithoutAPlaceGoesToTheDefaultTopicAndSaysSo() throws {
        let astray = try outputs(reply: ReplyAddress(topic: "replies", partition: 2))
        #expect(astray.records[0].topic == "otp.verify.results")
        #expect(astray.records[0].partition == 3)
        #expect(astray.replyCounts == [.unavailable: 1])
        #expect(astray.records[0].headers.contains(Header(name: "otp_reply_undeliverable", text: "true")))
        let refused = try outputs(reply: ReplyAddress(topic: "elsewhere"))
        #expect(refused.records[0].topic == "otp.verify.results")
        #expect(refused.replyCounts == [.notAllowed: 1])
    }

    /// It has another way to go: it must not be tried for ever where it cannot be written.
    @Test func aReplyIsTheFirstUnderSuspicion() throws {
        let reply = ReplyAddress(topic: "replies")
        let blamed = "aborted outputs [OTPEngine.OutputReference.result(0)]"
        let timedOut = KafkaError("produce", .messageTimedOut)
        let late = TransactionOutcome.aborted(Abortion(timedOut, faults: [RecordFault(index: 0, error: timedOut)]))
        #expect(try told(late, reply: reply) == blamed)
        #expect(try told(.aborted(Abortion(KafkaError("produce", .timedOut))), reply: reply) == blamed)
        // Refused as a whole, for want of a right to one topic: the engine knows what can be done without.
        let denied = KafkaError("send offsets", .topicAuthorizationFailed)
        #expect(try told(.aborted(Abortion(denied)), reply: reply) == "aborted denied []")
        #expect(
            try told(.aborted(Abortion(KafkaError("commit", .timedOut))), reply: reply).contains("transient")
        )
        let stale = KafkaError("send offsets", .illegalGeneration)
        #expect(try told(.aborted(Abortion(stale)), reply: reply) == "aborted stale []")
    }

    /// The one says that this is a member still, the others that it is none.
    @Test(arguments: [
        (KafkaError.Code.illegalGeneration, AbortCause.stale), (.unknownMemberID, .unknownMember),
        (.fencedInstanceID, .unknownMember), (.invalidProducerEpoch, .fenced),
    ])
    func aRefusedGenerationIsNoRefusedMember(code: KafkaError.Code, cause: AbortCause) throws {
        #expect(try told(.aborted(Abortion(KafkaError("send offsets", code)))) == "aborted \(cause.rawValue) []")
    }

    @Test func whatNobodyKnowsIsUnknown() throws {
        #expect(try told(.unknown(KafkaError("commit", .timedOut))) == "unknown fenced=false")
        #expect(try told(.fenced(KafkaError("commit", .producerFenced))) == "unknown fenced=true")
    }
}
