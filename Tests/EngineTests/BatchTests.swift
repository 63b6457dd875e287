import OTPContract
import OTPEngine
import Testing

@Suite("A transaction that is refused, whole or in part")
struct BatchTests {
    private let wrong0 = "result 0 rejected/wrong_code code=1 http=200 calls=1"

    @Test func anAbortRepeatsTheOutcomesAndNoCall() {
        let worker = Transcript(owning: 0)
        let outputs = ["result 0 verified/ok code=0 http=200 calls=1", "state s closed A=ok@0", "offset 0=1 ledger 0"]
        #expect(worker.ask(0, "s", "A", .code(0)) == ["commit 1"] + outputs)
        #expect(worker.aborted(.transient) == [])
        #expect(worker.pass(.milliseconds(49)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["commit 2"] + outputs)
        // Once is chance; twice may be an id that is locked, and only a new producer learns that.
        #expect(worker.aborted(.transient) == ["replace producer after 50 ms"])
        #expect(worker.pass(.milliseconds(200)) == [])
        #expect(worker.happens(.producerReady) == ["commit 3"] + outputs)
        worker.committed()
        #expect(worker.pass(.seconds(3)) == [])
    }

    /// Under a quota a transaction that was too large for its time-out would be too large each time.
    @Test func anAbortThatCameLateIsFollowedByHalfAsMuch() {
        let worker = Transcript(owning: 0) { $0.maximumBatch = 4 }
        worker.receive((0..<4).map { worker.record($0, "s\($0)", "A") })
        for offset: Int64 in 0..<4 { worker.intentWritten(offset) }
        for offset: Int64 in 0..<4 { worker.answered(offset, .code(1)) }
        func size() -> Int? { worker.batch?.results.count }
        #expect(size() == 4)
        worker.pass(.milliseconds(900))
        worker.aborted(.transient)
        worker.pass(.milliseconds(50))
        #expect(size() == 4, "it was merely unlucky")
        for expected in [2, 1, 1] {
            worker.pass(.seconds(10))
            worker.aborted(.transient)
            worker.pass(.seconds(1))
            worker.happens(.producerReady)
            #expect(size() == expected)
        }
        // What comes through doubles again.
        worker.committed()
        #expect(size() == 2)
    }

    @Test func whatConcludesMeanwhileFollowsInOrder() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        #expect(worker.ask(1, "t", "A", .code(1)) == [])
        #expect(worker.aborted(.transient) == [])
        #expect(
            worker.pass(.milliseconds(50)) == [
                "commit 2", wrong0, "result 1 rejected/wrong_code code=1 http=200 calls=1", "state s A=wrong_code@0",
                "state t A=wrong_code@1", "offset 0=2 ledger 0",
            ]
        )
    }

    @Test func aBatchCountsOnlyWhatItHolds() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.ask(1, "t", "A", .code(1))
        // Batch 1 is open with record 0 alone, though 1 has its outcome in memory.
        #expect(worker.batch?.offsets.first?.offset == 1)
        #expect(
            worker.committed() == [
                "commit 2", "result 1 rejected/wrong_code code=1 http=200 calls=1", "state t A=wrong_code@1",
                "offset 0=2 ledger 1",
            ]
        )
    }

    @Test func aFullBatchGoesAtOnceAndLeavesTheRest() {
        let worker = Transcript(owning: 0) { $0.maximumBatch = 2 }
        worker.receive([worker.record(0, "s", "A"), worker.record(1, "t", "A"), worker.record(2, "u", "A")])
        for offset: Int64 in 0...2 { worker.intentWritten(offset) }
        #expect(worker.answered(1, .code(1)) == [])
        let first = worker.answered(2, .code(1))
        #expect(first.first == "commit 1" && first.last == "offset 0=0 ledger 0 finished 1,2")
        worker.answered(0, .code(1))
        #expect(worker.committed() == ["commit 2", wrong0, "state s A=wrong_code@0", "offset 0=3 ledger 0"])
    }

    @Test func anIntentNotAcknowledgedHoldsTheLedgersFloor() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.committed()
        // Acknowledged so far: 1. This one may lie anywhere behind, though all that is known moves on.
        worker.receive(1, "t", "A")
        worker.ask(2, "s", "B", .code(1))
        worker.pass(.milliseconds(20))
        worker.committed()
        worker.ask(3, "s", "C", .code(1))
        #expect(worker.ledgerEnd[0] == 7)
        #expect(worker.pass(.milliseconds(20)).last == "offset 0=1 ledger 1 finished 2,3")
        worker.committed()
        worker.happens(.intentWritten(worker.id(1), ledgerOffset: 2))
        worker.answered(1, .code(1))
        #expect(worker.batch?.offsets.first?.offset == 4)
        worker.committed()
        worker.ask(4, "t", "B", .code(1))
        #expect(worker.batch.map(Line.lines(of:))?.last == "offset 0=5 ledger 7")
    }

    @Test func anOutcomeThatWasAbortedCountsForNothingUntilItIsInABatchAgain() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.receive(1, "t", "A")
        worker.intentWritten(0)
        worker.intentWritten(1)
        worker.answered(1, .code(1))
        #expect(worker.answered(0, .code(1)).last == "offset 0=2 ledger 0")
        // Nobody is named, so the next one holds half as much.
        worker.aborted(.outputs)
        #expect(
            worker.pass(.milliseconds(50)) == [
                "commit 2", "result 1 rejected/wrong_code code=1 http=200 calls=1", "state t A=wrong_code@1",
                "offset 0=0 ledger 0 finished 1",
            ]
        )
    }

    @Test func aRefusedResultGoesToTheDefaultTopicWithoutWhatMayBeAtFault() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A", headers: [Header(name: "correlation_id", text: "x")])
        worker.intentWritten(0)
        worker.answered(0, .code(1, message: "hayır"))
        #expect(worker.batch?.results.first?.event.echo.count == 1)
        #expect(
            worker.aborted(.outputs, faults: [.result(0)]) == [
                "commit 2", "result 0 rejected/wrong_code undeliverable code=1 http=200 calls=1",
                "state s A=wrong_code@0", "offset 0=1 ledger 0",
            ]
        )
        #expect(worker.facts.contains(.undeliverable(worker.id(0))))
        #expect(worker.batch?.results.first?.event.echo == [])
        #expect(worker.batch?.results.first?.event.message == nil)
        // The default topic refuses it as well.
        #expect(worker.aborted(.outputs, faults: [.result(0)]) == ["pause 0"])
        #expect(worker.facts.contains(.parked(0, reason: "refused")))
    }

    @Test func aReplyThatIsRefusedIsAskedForNowhereElse() {
        let worker = Transcript(owning: 0)
        var record = worker.record(0, "s", "A")
        record.reply = ReplyAddress(topic: "replies", partition: 1)
        worker.receive([record])
        worker.intentWritten(0)
        worker.answered(0, .code(1))
        #expect(worker.batch?.results.first?.reply == record.reply)
        worker.aborted(.outputs, faults: [.result(0)])
        #expect(worker.batch?.results.first?.reply == nil)
        #expect(worker.batch?.results.first?.event.undeliverable == true)
    }

    @Test func onlyTheResultThatIsNamedIsChanged() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.receive(1, "t", "A")
        worker.intentWritten(0)
        worker.intentWritten(1)
        worker.answered(0, .code(1))
        worker.answered(1, .code(1))
        #expect(
            worker.aborted(.outputs, faults: [.result(1)]) == [
                "commit 2", wrong0, "result 1 rejected/wrong_code undeliverable code=1 http=200 calls=1",
                "state s A=wrong_code@0", "state t A=wrong_code@1", "offset 0=2 ledger 0",
            ]
        )
    }

    @Test func aRefusedLedgerParksItsPartitionAndTheRestGoesOn() {
        let worker = Transcript(owning: 0, 1)
        #expect(worker.ask(0, "s", "A", .code(1)).first == "commit 1")
        #expect(worker.aborted(.outputs, faults: [.ledger(0)]) == ["pause 0"])
        #expect(worker.status().partitions.map(\.phase) == ["parked", "active"])
        #expect(
            worker.ask(0, "t", "A", in: 1, .code(1)) == [
                "commit 2", "result 1/0 rejected/wrong_code code=1 http=200 calls=1", "1/state t A=wrong_code@0",
                "offset 1=1 ledger 0",
            ]
        )
        worker.committed()
        #expect(worker.pass(.milliseconds(4_900)) == [])
        #expect(
            worker.pass(.milliseconds(100)) == [
                "unpause 0", "commit 3", wrong0, "state s A=wrong_code@0", "offset 0=1 ledger 0",
            ]
        )
        // Refused again, it waits twice as long.
        #expect(worker.aborted(.outputs, faults: [.ledger(0)]) == ["pause 0"])
        #expect(worker.pass(.milliseconds(9_900)) == [])
        #expect(worker.pass(.milliseconds(100)).first == "unpause 0")
        worker.committed()
        #expect(worker.receive(1, "s", "B") == ["intent 1 s/B@1"])
    }

    @Test func aParkedPartitionsCommandsWaitAndGoOn() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.receive(1, "t", "A")
        #expect(worker.happens(.intentFailed(worker.id(0), isPermanent: true, reason: "no")) == ["pause 0"])
        #expect(worker.intentWritten(1) == [])
        #expect(worker.pass(.milliseconds(4_900)) == [])
        let lines = worker.pass(.milliseconds(100))
        #expect(lines.first == "unpause 0" && Set(lines.dropFirst()) == ["intent 0 s/A@0", "call 1"])
    }

    @Test func aRefusedDeadLetterIsDropped() {
        let worker = Transcript(owning: 0)
        worker.receiveUnusable(0, .malformed)
        #expect(
            worker.aborted(.outputs, faults: [.deadLetter(0)]) == [
                "commit 2", "result 0 invalid/malformed calls=0", "offset 0=1 ledger 0",
            ]
        )
        #expect(worker.facts.contains(.deadLetterDropped(worker.id(0))))
    }

    @Test func whereNobodyIsNamedTheBatchIsHalvedUntilOneStandsAlone() {
        let worker = Transcript(owning: 0)
        let guilty: Int64 = 2
        for offset: Int64 in 0..<4 { worker.receive(offset, "s\(offset)", "A") }
        for offset: Int64 in 0..<4 { worker.intentWritten(offset) }
        for offset: Int64 in 0..<4 { worker.answered(offset, .code(1)) }
        worker.pass(.milliseconds(20))
        var published: [Int64] = []
        var batches = 0
        while let batch = worker.batch {
            batches += 1
            let results = batch.results
            if results.contains(where: { $0.record.offset == guilty && !$0.event.undeliverable }) {
                worker.aborted(.outputs)
            } else {
                published += results.map(\.record.offset)
                worker.committed()
            }
            if worker.batch == nil { worker.pass(.seconds(5)) }
        }
        #expect(published == [0, 1, 2, 3])
        #expect(batches < 12)
        #expect(worker.status().commandsInMemory == 0)
    }
}
