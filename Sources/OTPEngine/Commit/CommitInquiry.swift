/// In which order it is asked what became of a transaction of which nobody knows how it ended, and when enough is known.
///
/// First the committed offsets, in one question: an offset that names the transaction proves it. None that does proves nothing, so then
/// the ledgers, one after the other until one can be read: any of them tells of the whole transaction.
package struct CommitInquiry: Sendable {
    package enum Step: Equatable, Sendable {
        /// The committed offsets of these partitions.
        case askOffsets([PartitionEpoch])
        /// One ledger, through a barrier that is written for it.
        case askLedger(CommitQuestion)
        /// Nothing more: what was found out.
        case tell([PartitionEpoch: Bool])
    }

    package let id: BatchID
    private var questions: ArraySlice<CommitQuestion>
    /// What to do now.
    package private(set) var step: Step

    package init(_ id: BatchID, _ questions: [CommitQuestion]) {
        self.id = id
        self.questions = questions[...]
        step = .askOffsets(questions.map(\.epoch))
    }

    /// `named`: a partition whose committed offset names the transaction.
    package func offsetsTold(_ named: PartitionEpoch?) -> Self { named.map { ending([$0: true]) } ?? withNextLedger() }

    /// Nobody answered: the engine asks again later.
    package func offsetsUnanswered() -> Self { ending([:]) }

    /// `isCommitted`: whether the ledger has word of the transaction; nil where its barrier could not be written, or it not be read.
    package func ledgerTold(_ isCommitted: Bool?) -> Self {
        guard case .askLedger(let question) = step else { preconditionFailure("a ledger's word in \(step)") }
        return isCommitted.map { ending([question.epoch: $0]) } ?? withNextLedger()
    }

    private func withNextLedger() -> Self {
        guard let question = questions.first else { return ending([:]) }
        var next = self
        next.questions = questions.dropFirst()
        next.step = .askLedger(question)
        return next
    }

    private func ending(_ found: [PartitionEpoch: Bool]) -> Self {
        var ended = self
        ended.step = .tell(found)
        return ended
    }
}
