import OTPContract
import OTPEngine
import Testing

@Suite("One output that cannot be written costs one partition")
struct OutputTroubleTests {
    private let why = "results-0 has no leader"

    @Test func aPartitionWithoutALeaderKeepsOutOfEveryBatch() {
        let worker = Transcript(owning: 0, 1)
        #expect(worker.happens(.outputsLooked([0: why])) == ["pause 0"])
        #expect(worker.status().partitions[0].parkedFor == why)
        #expect(worker.receive(0, "s", "A") == [])
        worker.ask(0, "t", "A", in: 1, .code(1))
        #expect(
            worker.pass(.milliseconds(20)) == [
                "commit 1", "result 1/0 rejected/wrong_code code=1 http=200 calls=1", "1/state t A=wrong_code@0",
                "offset 1=1 ledger 0",
            ]
        )
        worker.committed()
        // The same word again is no news; another word is none either.
        #expect(worker.happens(.outputsLooked([0: "ledger-0 has no leader"])) == [])
        #expect(worker.status().partitions[0].parkedFor == "ledger-0 has no leader")
        #expect(worker.happens(.outputsLooked([:])) == ["unpause 0", "intent 0 s/A@0"])
    }

    @Test func aTransactionThatHangsOnItIsGivenUpAndTheRestGoesOnUnderAnotherID() {
        let worker = Transcript(owning: 0, 1)
        worker.ask(0, "s", "A", .code(1))
        worker.ask(0, "t", "A", in: 1, .code(1))
        #expect(worker.happens(.outputsLooked([0: why])) == ["pause 0", "cancel 1"])
        #expect(worker.happens(.outputsLooked([0: why])) == [])
        #expect(worker.aborted(.transient) == ["replace producer b after 50 ms"])
        #expect(worker.facts.contains(.producerSwitched(isAlternate: true)))
        #expect(
            worker.happens(.producerReady) == [
                "commit 2", "result 1/0 rejected/wrong_code code=1 http=200 calls=1", "1/state t A=wrong_code@0",
                "offset 1=1 ledger 0",
            ]
        )
        worker.committed()
        #expect(
            worker.happens(.outputsLooked([:])) == [
                "unpause 0", "commit 3", "result 0 rejected/wrong_code code=1 http=200 calls=1",
                "state s A=wrong_code@0", "offset 0=1 ledger 0",
            ]
        )
    }

    @Test func anIDThatIsLockedIsLeftForTheOther() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        #expect(worker.commitUnknown() == ["replace producer after 50 ms"])
        #expect(
            worker.happens(.producerFailed(isLocked: true, reason: "locked")) == ["replace producer b after 100 ms"]
        )
        // What was open under the first is decided, so it can be asked for.
        #expect(worker.happens(.producerReady) == ["ask 0 from 0 whether 1 finished 0"])
    }

    @Test func slotsOfIntentsThatCannotBeWrittenAreGivenToOthers() {
        let worker = Transcript(owning: 0, 1, 2) { $0.maximumInFlight = 2 }
        #expect(worker.receive(0, "s", "A") == ["intent 0 s/A@0"])
        // One partition never holds all of them.
        #expect(worker.receive(1, "t", "A") == [])
        #expect(worker.receive(0, "u", "A", in: 1) == ["intent 1/0 u/A@0"])
        #expect(worker.receive(0, "v", "A", in: 2) == [])
        #expect(worker.happens(.outputsLooked([0: why])) == ["pause 0", "intent 2/0 v/A@0"])
        // What comes of it later frees no slot twice.
        worker.happens(.intentFailed(worker.id(0), isPermanent: false, reason: "timed out"))
        #expect(worker.status().inFlight == 2)
        #expect(worker.happens(.outputsLooked([:])).contains("unpause 0"))
    }

    // MARK: Rights

    private func garbage() -> Transcript {
        let worker = Transcript(owning: 0)
        #expect(
            worker.receiveUnusable(0, .malformed) == [
                "commit 1", "result 0 invalid/malformed calls=0", "dead letter 0 malformed", "offset 0=1 ledger 0",
            ]
        )
        return worker
    }

    @Test func aRefusalOfTheWholeBatchDropsDeadLettersFirst() {
        let worker = garbage()
        #expect(worker.aborted(.denied, isProducerLost: true) == ["replace producer after 50 ms"])
        #expect(worker.facts.contains(.deadLettersDenied(reason: "refused")))
        #expect(worker.status().deadLettersDenied == "refused")
        #expect(
            worker.happens(.producerReady) == [
                "commit 2", "result 0 invalid/malformed calls=0", "offset 0=1 ledger 0",
            ]
        )
        #expect(worker.facts.contains(.deadLetterDropped(worker.id(0))))
        worker.committed()
        // No more is tried for a while, so that not every piece of garbage costs a producer.
        #expect(worker.receiveUnusable(1, .malformed).contains("dead letter 1 malformed") == false)
        worker.committed()
        worker.pass(.seconds(60))
        #expect(worker.receiveUnusable(2, .malformed).contains("dead letter 2 malformed"))
        #expect(worker.status().deadLettersDenied == nil)
    }

    @Test func thenRepliesThenThePartition() {
        let worker = Transcript(owning: 0)
        var record = worker.record(0, "s", "A")
        record.reply = ReplyAddress(in: [Header(name: "kafka_replyTopic", text: "replies")])
        worker.receive([record])
        worker.intentWritten(0)
        #expect(worker.answered(0, .code(1)).first == "commit 1")
        worker.aborted(.denied, isProducerLost: true)
        #expect(worker.facts.contains(.undeliverable(worker.id(0))))
        #expect(
            worker.happens(.producerReady).contains(
                "result 0 rejected/wrong_code undeliverable code=1 http=200 calls=1"
            )
        )
        #expect(worker.aborted(.denied, isProducerLost: true) == ["pause 0", "replace producer after 100 ms"])
        #expect(worker.facts.contains(.parked(0, reason: "refused")))
    }

    /// A broker that is dead is noticed by the others after some 10 s: until then only the transaction that hangs tells.
    @Test func aTransactionThatDoesNotEndIsNamed() {
        let worker = Transcript(owning: 0, 1)
        worker.ask(0, "s", "A", .code(1))
        #expect(worker.batch != nil)
        worker.pass(.seconds(6))
        #expect(worker.status().overdue == nil)
        worker.pass(.seconds(1))
        #expect(worker.status().overdue?.partitions == [0])
        worker.committed()
        #expect(worker.status().overdue == nil)
    }

    /// It ends for its time-out before that, and the next one hangs in its place.
    @Test func aTransactionOfAShortTimeOutIsNamedBeforeIt() {
        let worker = Transcript(owning: 0) { $0.transactionTimeout = .seconds(6) }
        worker.ask(0, "s", "A", .code(1))
        worker.pass(.milliseconds(4_100))
        #expect(worker.status().overdue == nil)
        worker.pass(.milliseconds(100))
        #expect(worker.status().overdue?.partitions == [0])
    }

    // MARK: Sizes

    @Test func neighboursThatAreTooLargeTogetherAreSentInSmallerCompany() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.ask(1, "t", "A", .code(1))
        worker.committed()
        worker.ask(2, "u", "A", .code(1))
        #expect(
            worker.aborted(.tooLarge, faults: [.result(0), .result(1)]) == [
                "replace producer of 32768 bytes after 50 ms"
            ]
        )
        #expect(worker.facts.contains(.batchBytesCut(to: 32_768)))
        #expect(worker.happens(.producerReady).first == "commit 3")
        // Alone it is what is too large.
        #expect(worker.aborted(.tooLarge, faults: [.result(0)]).contains { $0.hasPrefix("commit 4") })
        #expect(worker.facts.contains(.undeliverable(worker.id(1))))
    }

    /// Somebody lowers a topic's `max.message.bytes` while the worker runs.
    @Test func aLimitThatIsLoweredIsKeptBeforeAnythingIsRefused() {
        let worker = Transcript(owning: 0)
        #expect(worker.happens(.batchLimitRead(65_536)) == [])
        #expect(worker.happens(.batchLimitRead(16_000)) == ["replace producer of 16000 bytes after 0 ms"])
        #expect(worker.facts.contains(.batchBytesCut(to: 16_000)))
        // Raised again: nothing fails without it.
        #expect(worker.happens(.batchLimitRead(65_536)) == [])
        #expect(worker.happens(.producerReady) == [])
        // What is open is not given up for it.
        worker.ask(0, "s", "A", .code(1))
        #expect(worker.happens(.batchLimitRead(8_000)) == [])
        worker.committed()
        #expect(worker.happens(.batchLimitRead(8_000)) == ["replace producer of 8000 bytes after 0 ms"])
        #expect(worker.happens(.producerReady) == [])
        #expect(worker.happens(.batchLimitRead(1)) == ["replace producer of 1024 bytes after 0 ms"])
    }

    @Test func aProducerThatBreaksBeforeItsCommitIsReplacedAndTheOutcomesAreInMemory() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(0))
        #expect(worker.aborted(.fenced, isProducerLost: true) == ["replace producer after 50 ms"])
        #expect(worker.happens(.producerReady).first == "commit 2")
    }
}
