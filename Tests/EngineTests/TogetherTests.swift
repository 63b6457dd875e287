import OTPContract
import OTPEngine
import Testing

@Suite("Answers that one turn of the loop reads")
struct TogetherTests {
    /// Two slots, three sessions: two are asked about, the third waits for a slot.
    private func asked() -> Transcript {
        let worker = Transcript(owning: 0) { $0.maximumInFlight = 2 }
        worker.receive([worker.record(0, "s0", "A"), worker.record(1, "s1", "A"), worker.record(2, "s2", "A")])
        worker.intentWritten(0)
        worker.intentWritten(1)
        return worker
    }

    @Test func eachFreesItsSlotAndBothAreInOneBatch() {
        let worker = asked()
        let lines = worker.happens([.answered(worker.id(0), .code(0)), .answered(worker.id(1), .code(0))])
        #expect(lines == ["intent 2 s2/A@2"])
        worker.intentWritten(2)
        #expect(
            worker.answered(2, .code(0)) == [
                "commit 1",
                "result 0 verified/ok code=0 http=200 calls=1",
                "result 1 verified/ok code=0 http=200 calls=1",
                "result 2 verified/ok code=0 http=200 calls=1",
                "state s0 closed A=ok@0",
                "state s1 closed A=ok@1",
                "state s2 closed A=ok@2",
                "offset 0=3 ledger 0",
            ]
        )
    }

    @Test func theSecondCountsOfAPartitionThatIsGoneSinceTheFirst() {
        let worker = asked()
        let answers = [Event.answered(worker.id(0), .code(0)), .lost([0]), .answered(worker.id(1), .code(0))]
        #expect(worker.happens(answers) == ["release 0"])
        #expect(worker.status().commandsInMemory == 0)
        // Both slots are free again: another partition's commands are asked about.
        worker.assign(1)
        #expect(
            worker.receive([worker.record(0, "s3", "A", in: 1), worker.record(1, "s4", "A", in: 1)])
                == ["intent 1/0 s3/A@0", "intent 1/1 s4/A@1"]
        )
    }
}
