import OTPContract
import OTPEngine
import Testing

@Suite("A commit whose answer was lost")
struct UnknownCommitTests {
    private func worker() -> Transcript {
        let worker = Transcript(owning: 0)
        #expect(worker.ask(0, "s", "A", .code(0)).first == "commit 1")
        #expect(worker.commitUnknown() == ["replace producer after 50 ms"])
        return worker
    }

    @discardableResult
    private func resolved(_ worker: Transcript, _ found: [PartitionEpoch: Bool], counter: UInt64 = 1) -> [String] {
        worker.happens(.commitResolved(BatchID(process: 7, counter: counter), found))
    }

    @Test func itCounted() {
        let worker = worker()
        #expect(worker.receive(1, "t", "A") == ["intent 1 t/A@1"])
        #expect(worker.happens(.producerReady) == ["ask 0 from 0 whether 1 finished 0"])
        #expect(resolved(worker, [worker.epoch(0): true]) == [])
        #expect(worker.facts.contains(.commitResolved(counted: true)))
        // Nobody said where its state lies: not before what was acknowledged when it was formed.
        worker.intentWritten(1)
        #expect(worker.answered(1, .code(1)).last == "offset 0=2 ledger 0")
    }

    @Test func itDidNot() {
        let worker = worker()
        worker.happens(.producerReady)
        #expect(
            resolved(worker, [worker.epoch(0): false]) == [
                "commit 2", "result 0 verified/ok code=0 http=200 calls=1", "state s closed A=ok@0",
                "offset 0=1 ledger 0",
            ]
        )
        #expect(worker.facts.contains(.commitResolved(counted: false)))
    }

    @Test func itsPartitionsAreGone() {
        let worker = worker()
        worker.happens(.lost([0]))
        worker.assign(0)
        // Nobody is asked: the next owners see what it left.
        #expect(worker.happens(.producerReady) == [])
        #expect(worker.facts.contains(.commitResolved(counted: nil)))
        #expect(worker.pass(.seconds(3)) == [])
    }

    @Test func onePartitionOwnedThroughoutIsEvidenceForAll() {
        let worker = Transcript(owning: 0, 1)
        worker.receive(0, "s", "A")
        worker.receive(0, "t", "A", in: 1)
        worker.intentWritten(0)
        worker.intentWritten(0, in: 1)
        worker.answered(0, .code(1))
        worker.answered(0, in: 1, .code(1))
        worker.commitUnknown()
        let old = worker.epoch(0)
        worker.happens(.lost([0]))
        worker.assign(0)
        #expect(worker.happens(.producerReady) == ["ask 1 from 0 whether 1 finished 0"])
        #expect(resolved(worker, [worker.epoch(1): true, old: false]) == [])
        #expect(worker.facts.contains(.commitResolved(counted: true)))
        #expect(worker.status().commandsInMemory == 0)
    }

    @Test func whatCannotBeLearntIsAskedAgain() {
        let worker = worker()
        worker.happens(.producerReady)
        #expect(resolved(worker, [:]) == [])
        #expect(worker.pass(.milliseconds(49)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["ask 0 from 0 whether 1 finished 0"])
        #expect(resolved(worker, [:]) == [])
        #expect(worker.pass(.milliseconds(100)) == ["ask 0 from 0 whether 1 finished 0"])
        #expect(resolved(worker, [worker.epoch(0): true]) == [])
        #expect(worker.facts.contains(.commitResolved(counted: true)))
    }

    @Test func aProducerThatFailsIsReplacedWithGrowingWaits() {
        let worker = worker()
        #expect(worker.happens(.producerFailed(isLocked: false, reason: "no")) == ["replace producer after 100 ms"])
        #expect(worker.happens(.producerFailed(isLocked: false, reason: "no")) == ["replace producer after 200 ms"])
        #expect(worker.status().producerFailure == "no" && !worker.status().hasProducer)
        #expect(worker.happens(.producerReady) == ["ask 0 from 0 whether 1 finished 0"])
        #expect(worker.status().producerFailure == nil)
    }

    @Test func newsOfItThatComesLateIsNoNews() {
        let worker = worker()
        #expect(worker.happens(.committed(BatchID(process: 7, counter: 1), ledgerOffsets: [])) == [])
        worker.happens(.producerReady)
        #expect(worker.happens(.committed(BatchID(process: 7, counter: 1), ledgerOffsets: [])) == [])
        #expect(resolved(worker, [worker.epoch(0): true]) == [])
        #expect(resolved(worker, [worker.epoch(0): true]) == [])
    }

    @Test func aFencedProducerLosesTheLease() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(0))
        #expect(worker.commitUnknown(isFenced: true) == ["replace producer after 50 ms"])
        #expect(worker.facts.contains(.leaseLost(.fenced)))
        worker.happens(.producerReady)
        // What counted was formed before the lease was lost, so it proves nothing.
        #expect(
            resolved(worker, [worker.epoch(0): true]) == ["commit 2", "offset 0=1 ledger 0"]
        )
        #expect(worker.committed() == [])
        #expect(worker.facts.contains(.leaseRegained))
    }

    /// A partition that has changed hands since tells nothing, for its next owner may have finished the same records.
    @Test func wordOfAPartitionThatWasLostIsNoEvidence() {
        let worker = worker()
        worker.happens(.producerReady)
        let old = worker.epoch(0)
        worker.happens(.lost([0]))
        worker.assign(0)
        #expect(resolved(worker, [old: true]) == [])
        #expect(worker.facts.contains(.commitResolved(counted: nil)))
    }

    /// An offset that moved alone can be committed twice, so nobody need be asked.
    @Test func aCommitThatFinishedNothingIsMadeAgain() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.committed()
        worker.happens(.reachedEnd(worker.epoch(0), offset: 5))
        #expect(worker.pass(Limits.idleCommit) == ["commit 2", "offset 0=5 ledger 1"])
        worker.commitUnknown()
        #expect(worker.happens(.producerReady).first == "commit 3")
    }

    /// What the ledger says of the transaction, and of others.
    @Test(arguments: [
        (LedgerRecord.Content.state([code(source: 7, hasOutcome: true)], isClosed: false), true),
        (.state([code(source: 7, hasOutcome: false)], isClosed: false), false),
        (.state([code(source: 6, hasOutcome: true)], isClosed: false), false),
        (.intent(question, source: 7, time: WallTime(milliseconds: 0)), false),
    ])
    func whatAnswersTheQuestion(_ content: LedgerRecord.Content, _ expected: Bool) {
        let record = LedgerRecord(session: Sample.session("s"), content: content)
        #expect(Self.asked.isAnswered(byKey: record.key, value: record.value) == expected)
    }

    @Test func aBarrierAnswersForItsOwnProcessOnly() {
        for (process, finished, expected) in [(7, 7, true), (8, 7, false), (7, 6, false)] as [(UInt64, Int64, Bool)] {
            let barrier = LedgerBarrier(transactionalID: "w", process: process, finished: finished)
            #expect(Self.asked.isAnswered(byKey: barrier.key, value: barrier.value) == expected)
        }
        let ours = Self.asked.barrier
        #expect(!Self.asked.isAnswered(byKey: ours.key, value: ours.value))
        #expect(!Self.asked.isAnswered(byKey: nil, value: nil))
    }

    /// Made again, a ledger begins at zero: the transaction may lie in it before everything that was known of the old one.
    @Test func aLedgerThatMayHaveBeenMadeAgainIsReadWhole() {
        var asked = Self.asked
        asked.from = Limits.smallLedger + 4
        #expect(asked.start(readingThrough: asked.from) == asked.from)
        #expect(asked.start(readingThrough: asked.from - 1) == nil)
        asked.from = Limits.smallLedger
        #expect(asked.start(readingThrough: asked.from + 1) == nil)
    }

    /// Found by simulation: the offsets of a ledger that was made again count from zero, and where a transaction in it can have begun
    /// was still told by the old one's.
    @Test func anIntentThatLiesBeforeWhatWasAcknowledgedBeginsAnotherLedger() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.intentWritten(0, at: 50_000)
        worker.answered(0, .code(1))
        worker.committed()
        worker.receive(1, "t", "A")
        worker.intentWritten(1, at: 7)
        worker.answered(1, .code(1))
        worker.commitUnknown()
        #expect(worker.happens(.producerReady) == ["ask 0 from 7 whether 2 finished 1"])
    }

    private static let asked = CommitQuestion(
        epoch: PartitionEpoch(partition: 0, epoch: 1),
        from: 4,
        barrier: LedgerBarrier(transactionalID: "w", process: 7),
        finished: [7]
    )
    private static let question = Fingerprint(keyID: 1, high: 2, low: 3)

    private static func code(source: Int64, hasOutcome: Bool) -> CodeState {
        CodeState(
            fingerprint: question,
            outcome: hasOutcome ? Outcome(.wrongCode) : nil,
            source: source,
            isDoubtful: !hasOutcome,
            time: WallTime(milliseconds: 0)
        )
    }
}
