import Contract
import Engine
import Testing

@Suite("A commit whose answer was lost")
struct UnknownCommitTests {
    private func worker() -> Transcript {
        let worker = Transcript(owning: 0)
        #expect(worker.ask(0, "s", "A", .code(0)).first == "commit 1")
        #expect(worker.commitUnknown() == ["replace producer after 50 ms"])
        return worker
    }

    private func metadata(_ worker: Transcript, counter: UInt64) -> OffsetMetadata {
        OffsetMetadata(
            clusterID: Transcript.cluster,
            watermark: 1,
            batch: BatchID(process: 7, counter: counter),
            ledgerOffset: 0,
            finished: []
        )
    }

    private func resolved(_ worker: Transcript, _ found: [PartitionEpoch: OffsetMetadata?]?) -> [String] {
        worker.happens(.commitResolved(BatchID(process: 7, counter: 1), found))
    }

    @Test func itCounted() {
        let worker = worker()
        #expect(worker.receive(1, "t", "A") == ["intent 1 t/A@1"])
        #expect(worker.happens(.producerReady) == ["trace 1 in 0"])
        #expect(resolved(worker, [worker.place(0): metadata(worker, counter: 1)]) == [])
        #expect(worker.facts.contains(.commitResolved(counted: true)))
        // Nobody said where its state lies: not before what was acknowledged when it was formed.
        worker.intentWritten(1)
        #expect(worker.answered(1, .code(1)).last == "offset 0=2 ledger 0")
    }

    /// A coordinator that has been deposed and does not know it answers what was true once.
    @Test func wordOfAnEarlierCommitThanTheLastIsNoEvidence() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.committed()
        worker.ask(1, "t", "A", .code(1))
        worker.pass(.milliseconds(20))
        worker.commitUnknown()
        worker.happens(.producerReady)
        let id = BatchID(process: 7, counter: 2)
        for stale in [nil, metadata(worker, counter: 9)] {
            #expect(worker.happens(.commitResolved(id, [worker.place(0): stale])) == [])
            #expect(worker.pass(.milliseconds(200)) == ["trace 2 in 0"])
        }
        // That of the last commit is.
        #expect(
            worker.happens(.commitResolved(id, [worker.place(0): metadata(worker, counter: 1)])).first == "commit 3"
        )
    }

    @Test func itDidNot() {
        let worker = worker()
        worker.happens(.producerReady)
        #expect(
            resolved(worker, [worker.place(0): nil]) == [
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
        #expect(worker.happens(.producerReady) == ["trace 1 in "])
        #expect(resolved(worker, [:]) == [])
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
        let old = worker.place(0)
        worker.happens(.lost([0]))
        worker.assign(0)
        #expect(worker.happens(.producerReady) == ["trace 1 in 1"])
        #expect(
            resolved(worker, [worker.place(1): metadata(worker, counter: 1), old: metadata(worker, counter: 8)]) == []
        )
        #expect(worker.facts.contains(.commitResolved(counted: true)))
        #expect(worker.status().commandsInMemory == 0)
    }

    @Test func whatCannotBeLearntIsAskedAgain() {
        let worker = worker()
        worker.happens(.producerReady)
        #expect(resolved(worker, nil) == [])
        #expect(worker.pass(.milliseconds(49)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["trace 1 in 0"])
        #expect(resolved(worker, nil) == [])
        #expect(worker.pass(.milliseconds(100)) == ["trace 1 in 0"])
        #expect(resolved(worker, [worker.place(0): metadata(worker, counter: 1)]) == [])
        #expect(worker.facts.contains(.commitResolved(counted: true)))
    }

    @Test func aProducerThatFailsIsReplacedWithGrowingWaits() {
        let worker = worker()
        #expect(worker.happens(.producerFailed(isLocked: false, reason: "no")) == ["replace producer after 100 ms"])
        #expect(worker.happens(.producerFailed(isLocked: false, reason: "no")) == ["replace producer after 200 ms"])
        #expect(worker.status().producerFailure == "no" && !worker.status().hasProducer)
        #expect(worker.happens(.producerReady) == ["trace 1 in 0"])
        #expect(worker.status().producerFailure == nil)
    }

    @Test func newsOfItThatComesLateIsNoNews() {
        let worker = worker()
        #expect(worker.happens(.committed(BatchID(process: 7, counter: 1), ledgerOffsets: [])) == [])
        worker.happens(.producerReady)
        #expect(worker.happens(.committed(BatchID(process: 7, counter: 1), ledgerOffsets: [])) == [])
        #expect(resolved(worker, [worker.place(0): metadata(worker, counter: 1)]) == [])
        #expect(resolved(worker, [worker.place(0): metadata(worker, counter: 2)]) == [])
    }

    @Test func aFencedProducerIsAReasonForDistrust() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(0))
        #expect(worker.commitUnknown(isFenced: true) == ["replace producer after 50 ms"])
        #expect(worker.facts.contains(.distrusted(.fenced)))
        worker.happens(.producerReady)
        // What counted was formed before the distrust, so it proves nothing.
        #expect(
            resolved(worker, [worker.place(0): metadata(worker, counter: 1)]) == ["commit 2", "offset 0=1 ledger 0"]
        )
        #expect(worker.committed() == [])
        #expect(worker.facts.contains(.trusted))
    }
}
