import OTPEngine
import Testing

@Suite("What is asked about an unknown commit, and in which order")
struct CommitInquiryTests {
    private let id = BatchID(process: 1, counter: 7)
    private let questions = (0..<2).map { number in
        CommitQuestion(
            epoch: PartitionEpoch(partition: number, epoch: 1),
            from: 0,
            barrier: LedgerBarrier(transactionalID: "slot", process: 1),
            finished: [4]
        )
    }
    private var epochs: [PartitionEpoch] { questions.map(\.epoch) }
    private var afterOffsets: CommitInquiry { CommitInquiry(id, questions).offsetsTold(nil) }

    @Test func anOffsetThatNamesItIsProofAndNoLedgerIsAsked() {
        let inquiry = CommitInquiry(id, questions)
        #expect(inquiry.step == .askOffsets(epochs))
        #expect(inquiry.offsetsTold(epochs[1]).step == .tell([epochs[1]: true]))
    }

    @Test func offsetsThatNobodyToldAreNoProofOfAnything() {
        #expect(CommitInquiry(id, questions).offsetsUnanswered().step == .tell([:]))
    }

    @Test(arguments: [true, false])
    func theFirstLedgerThatCanBeReadTellsOfAll(isCommitted: Bool) {
        #expect(afterOffsets.step == .askLedger(questions[0]))
        #expect(afterOffsets.ledgerTold(isCommitted).step == .tell([epochs[0]: isCommitted]))
        let second = afterOffsets.ledgerTold(nil)
        #expect(second.step == .askLedger(questions[1]))
        #expect(second.ledgerTold(isCommitted).step == .tell([epochs[1]: isCommitted]))
    }

    @Test func whereNoLedgerCanBeReadNothingIsKnown() {
        #expect(afterOffsets.ledgerTold(nil).ledgerTold(nil).step == .tell([:]))
    }
}
