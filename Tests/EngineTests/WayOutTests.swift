import OTPContract
import OTPEngine
import Testing

@Suite("A worker is asked to stop")
struct WayOutTests {
    @Test func anIdleOneStopsAtOnce() {
        let worker = Transcript(owning: 0)
        #expect(worker.happens(.drainRequested) == ["pause 0", "stop"])
        #expect(worker.happens(.drainRequested) == [])
        #expect(worker.happens(.revoked([0])) == ["release 0"])
    }

    @Test func callsInFlightAreWaitedForAndCommitted() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        worker.receive(1, "s", "B")
        #expect(worker.happens(.drainRequested) == ["pause 0"])
        #expect(worker.receive(2, "t", "A") == [])
        #expect(!worker.permits(0))
        #expect(
            worker.answered(0, .code(1)) == [
                "commit 1", "result 0 rejected/wrong_code code=1 http=200 calls=1", "state s A=wrong_code@0",
                "offset 0=1 ledger 0",
            ]
        )
        #expect(worker.committed() == ["stop"])
        #expect(worker.facts.contains(.stopped(unfinished: 0)))
    }

    @Test func theEndOfTheLogDoesNotFinishWhatWasIgnored() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        worker.happens(.drainRequested)
        worker.receive(1, "t", "A")
        worker.happens(.reachedEnd(worker.epoch(0), offset: 2))
        #expect(worker.answered(0, .code(1)).last == "offset 0=1 ledger 0")
        #expect(worker.committed() == ["stop"])
    }

    @Test func sleepersAreCancelledAndVoided() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .notSent)
        worker.ask(1, "t", "A", .cut)
        #expect(worker.happens(.drainRequested) == ["pause 0", "commit 1", "void s/A", "offset 0=0 ledger 0"])
        #expect(worker.committed() == ["stop"])
    }

    @Test func aRequestNotYetWrittenIsWithheldAndVoided() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        worker.happens(.drainRequested)
        #expect(worker.answered(0, .withheld) == ["commit 1", "void s/A", "offset 0=0 ledger 0"])
        #expect(worker.committed() == ["stop"])
    }

    @Test func theDeadlineEndsEverything() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        worker.happens(.drainRequested)
        #expect(worker.pass(.milliseconds(19_999)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["stop"])
        #expect(worker.facts.contains(.stopped(unfinished: 1)))
    }

    @Test func aPartitionAssignedMeanwhileBeginsPausedAndStopsNobody() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.happens(.drainRequested)
        #expect(worker.assign(1) == ["resume 1 at 0", "pause 1"])
        #expect(worker.receive(0, "t", "A", in: 1) == [])
        worker.intentWritten(0)
        #expect(worker.committed() == ["stop"])
    }

    @Test func withoutAProducerItStillStops() {
        let worker = Transcript()
        worker.happens(.started)
        #expect(worker.happens(.drainRequested) == ["stop"])
        #expect(worker.happens(.producerReady) == [])
    }
}
