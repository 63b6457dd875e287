import OTPContract
import OTPEngine
import Testing

@Suite("A takeover ends at its own barrier, and believes no stale answer")
struct TakeoverTests {
    private let metadata = OffsetMetadata(
        clusterID: Transcript.cluster,
        committedOffset: 50,
        batch: BatchID(process: 1, counter: 1),
        ledgerOffset: 70,
        finished: [51]
    )

    /// Up to the reading of the ledger.
    private func reads(_ worker: Transcript, barrier: Int64 = 100) {
        let positions = Positions(committed: 50, metadata: metadata.encoded, earliest: 0, end: 60)
        worker.happens(.assigned([0]))
        worker.happens(.positionsFetched(worker.epoch(0), positions))
        worker.happens(.barrierWritten(worker.epoch(0), ledgerOffset: barrier))
    }

    @Test func theBarrierNamesItsWriter() {
        let worker = Transcript()
        worker.happens(.assigned([0]))
        worker.happens(.positionsFetched(worker.epoch(0), Positions(committed: 0, metadata: nil, earliest: 0, end: 0)))
        let barriers = worker.effects.compactMap { effect -> LedgerBarrier? in
            if case .writeBarrier(_, let barrier) = effect { barrier } else { nil }
        }
        #expect(barriers == [LedgerBarrier(transactionalID: "slot", process: 7)])
        #expect(LedgerBarrier(key: barriers[0].key, value: barriers[0].value) == barriers[0])
        #expect(LedgerRecord(key: barriers[0].key, value: barriers[0].value) == nil)
    }

    @Test func aBarrierThatCannotBeWrittenIsTriedAgainFromTheStart() {
        let worker = Transcript()
        worker.happens(.assigned([0]))
        let epoch = worker.epoch(0)
        worker.happens(.positionsFetched(epoch, Positions(committed: 0, metadata: nil, earliest: 0, end: 0)))
        #expect(worker.happens(.barrierFailed(epoch, reason: "no leader")) == [])
        #expect(worker.facts.contains(.restoreFailed(0, reason: "no leader")))
        #expect(worker.pass(.milliseconds(50)) == ["fetch positions 0"])
    }

    @Test func anOffsetOlderThanTheLedgerIsFetchedAgain() {
        let worker = Transcript()
        reads(worker)
        let epoch = worker.epoch(0)
        let stale = LedgerRestore.Result(ledger: Transcript.read([]), finishedBeyond: 55)
        #expect(worker.happens(.restored(epoch, stale, at: worker.wall)) == [])
        #expect(worker.facts.contains(.stalePosition(0, committed: 50, finished: 55)))
        #expect(worker.status().partitions[0].phase == "restoring")
        #expect(worker.pass(.milliseconds(50)) == ["fetch positions 0"])
    }

    @Test func theOperatorMayTakeItForAnotherTopicsLedger() {
        let worker = Transcript { $0.acceptLedgerLoss = true }
        reads(worker)
        let result = LedgerRestore.Result(ledger: Transcript.read([]), finishedBeyond: 55)
        for _ in 1..<Limits.staleOffsets {
            #expect(worker.happens(.restored(worker.epoch(0), result, at: worker.wall)) == [])
            worker.pass(.seconds(5))
            let positions = Positions(committed: 50, metadata: metadata.encoded, earliest: 0, end: 60)
            worker.happens(.positionsFetched(worker.epoch(0), positions))
            worker.happens(.barrierWritten(worker.epoch(0), ledgerOffset: 100))
        }
        #expect(worker.happens(.restored(worker.epoch(0), result, at: worker.wall)) == ["resume 0 at 50"])
    }

    // MARK: A predecessor's transaction

    private let dead = LedgerBarrier(transactionalID: "other", process: 3)

    @Test func aPredecessorsOpenTransactionIsDecidedInItsPlace() {
        let worker = Transcript()
        worker.start()
        reads(worker)
        #expect(worker.happens(.restoreHeldUp(worker.epoch(0), by: dead)) == ["fence other, other-b"])
        #expect(worker.facts.contains(.predecessorFenced(0, transactionalID: "other")))
        // Once is enough: a worker that recovers from it must not be fenced in turns.
        #expect(worker.happens(.restoreHeldUp(worker.epoch(0), by: dead)) == [])
        #expect(worker.happens(.restoreHeldUp(worker.epoch(0), by: nil)) == [])
    }

    @Test func neverTheIdThatItUsesItself() {
        let worker = Transcript()
        worker.start()
        reads(worker)
        let earlier = LedgerBarrier(transactionalID: "slot", process: 3)
        #expect(worker.happens(.restoreHeldUp(worker.epoch(0), by: earlier)) == ["fence slot-b"])
    }

    @Test func aPartitionThatIsRestoredFencesNobody() {
        let worker = Transcript(owning: 0)
        #expect(worker.happens(.restoreHeldUp(worker.epoch(0), by: dead)) == [])
    }

    // MARK: A group without an offset

    @Test func anIdlePartitionsFirstOffsetIsCommittedOnce() {
        let worker = Transcript()
        worker.start()
        worker.assign(0, committed: nil)
        #expect(worker.pass(.milliseconds(900)) == [])
        #expect(worker.pass(.milliseconds(100)) == ["commit 1", "offset 0=0 ledger 0"])
        worker.committed()
        #expect(worker.pass(.seconds(5)) == [])
    }
}
