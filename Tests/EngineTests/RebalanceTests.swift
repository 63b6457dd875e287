import OTPContract
import OTPEngine
import Testing

@Suite("Partitions come and go")
struct RebalanceTests {
    private let wrong0 = "result 0 rejected/wrong_code code=1 http=200 calls=1"

    @Test func anIdlePartitionIsReleasedAtOnce() {
        let worker = Transcript(owning: 0)
        #expect(worker.happens(.revoked([0])) == ["pause 0", "release 0"])
        #expect(worker.receive(0, "s", "A") == [])
        #expect(worker.pass(.seconds(10)) == [])
    }

    @Test func aRevokedPartitionCommitsWhatFinishesThenGoes() {
        let worker = Transcript(owning: 0, 1)
        worker.receive(0, "s", "A")
        worker.receive(1, "s", "B")
        worker.receive(0, "t", "A", in: 1)
        worker.intentWritten(0)
        #expect(worker.happens(.revoked([0])) == ["pause 0"])
        // The other partition goes on.
        #expect(worker.intentWritten(0, in: 1) == ["call 1/0"])
        // No waiting for company now; the next command of the session does not begin.
        #expect(worker.answered(0, .code(1)) == ["commit 1", wrong0, "state s A=wrong_code@0", "offset 0=1 ledger 0"])
        #expect(worker.committed() == ["release 0"])
        #expect(worker.answered(0, in: 1, .code(1)).first == "commit 2")
        #expect(worker.status().commandsInMemory == 1)
    }

    /// The group waits for one answer to all that it asked for.
    @Test func aSecondRevocationIsAnsweredTogetherWithTheFirst() {
        let worker = Transcript(owning: 0, 1)
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        #expect(worker.happens(.revoked([0])) == ["pause 0"])
        #expect(worker.happens(.revoked([1])) == ["pause 1"])
        #expect(worker.answered(0, .code(1)).first == "commit 1")
        #expect(worker.committed() == ["release 0,1"])
    }

    @Test func anAbortedLastBatchIsFormedAgainWithinTheTime() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        worker.happens(.revoked([0]))
        worker.answered(0, .code(1))
        #expect(worker.aborted(.transient) == [])
        #expect(worker.pass(.milliseconds(50)).first == "commit 2")
        #expect(worker.committed() == ["release 0"])
    }

    @Test func aCallThatTakesTooLongIsLeftBehind() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        worker.happens(.revoked([0]))
        #expect(worker.pass(.milliseconds(999)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["release 0"])
        #expect(worker.facts.contains(.released([0], unfinished: 1)))
        #expect(worker.status().inFlight == 1)
        #expect(worker.answered(0, .code(0)) == [])
        #expect(worker.status().inFlight == 0 && worker.status().commandsInMemory == 0)
    }

    /// A worker that is merely slow leaves nothing in doubt that it is about to finish.
    @Test func theTimeBeginsAgainWithWhateverFinishes() {
        let worker = Transcript(owning: 0)
        for (offset, session) in ["s", "t", "u"].enumerated() {
            worker.receive(Int64(offset), session, "A")
            worker.intentWritten(Int64(offset))
        }
        worker.happens(.revoked([0]))
        #expect(worker.pass(.milliseconds(900)) == [])
        #expect(worker.answered(0, .code(1)).first == "commit 1")
        #expect(worker.pass(.milliseconds(900)) == [])
        #expect(worker.committed() == [])
        #expect(worker.pass(.milliseconds(900)) == [])
        // After three seconds it goes, though another answer has just come.
        #expect(worker.answered(1, .code(1)).first == "commit 2")
        #expect(worker.pass(.milliseconds(299)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["release 0"])
        // The call, and the result whose transaction has not ended.
        #expect(worker.facts.contains(.released([0], unfinished: 2)))
    }

    /// Given back before it ends it would be refused, and everything in it asked about again.
    @Test func aTransactionThatTakesLongIsWaitedFor() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.happens(.revoked([0]))
        #expect(worker.pass(.milliseconds(2_900)) == [])
        #expect(worker.committed() == ["release 0"])
        #expect(worker.facts.contains(.released([0], unfinished: 0)))
    }

    @Test func aTransactionThatDoesNotEndIsLeftBehindAfterThreeSeconds() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.happens(.revoked([0]))
        #expect(worker.pass(.milliseconds(2_999)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["release 0"])
        #expect(worker.facts.contains(.released([0], unfinished: 1)))
    }

    /// Nearly every rebalance begins so: the transaction under way carries the generation before it.
    @Test func aRefusedTransactionIsGivenTheTimeForAnother() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.happens(.revoked([0]))
        worker.pass(.milliseconds(1_500))
        #expect(worker.aborted(.stale) == [])
        #expect(worker.pass(.milliseconds(50)).first == "commit 2")
        worker.pass(.milliseconds(900))
        #expect(worker.committed() == ["release 0"])
        #expect(worker.facts.contains(.released([0], unfinished: 0)))
    }

    /// That nobody knew how it ended takes time as well: what it held is published by the next.
    @Test func aTransactionThatDidNotCountIsGivenTheTimeForAnother() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.happens(.revoked([0]))
        worker.commitUnknown()
        worker.pass(.milliseconds(1_500))
        worker.happens(.producerReady)
        let batch = worker.happens(.commitResolved(BatchID(process: 7, counter: 1), [worker.epoch(0): false]))
        #expect(batch.first == "commit 2")
        worker.pass(.milliseconds(900))
        #expect(worker.committed() == ["release 0"])
        #expect(worker.facts.contains(.released([0], unfinished: 0)))
    }

    @Test func anIntentThatIsWrittenLateIsStillVoided() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.happens(.revoked([0]))
        worker.pass(.milliseconds(900))
        #expect(worker.intentWritten(0) == ["commit 1", "void s/A", "offset 0=0 ledger 0"])
        #expect(worker.pass(.milliseconds(900)) == [])
        #expect(worker.committed() == ["release 0"])
        #expect(worker.facts.contains(.released([0], unfinished: 0)))
    }

    @Test func whatFinishesElsewhereGivesNoMoreTime() {
        let worker = Transcript(owning: 0, 1)
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        worker.receive(0, "t", "A", in: 1)
        worker.intentWritten(0, in: 1)
        worker.happens(.revoked([0]))
        worker.pass(.milliseconds(900))
        worker.answered(0, in: 1, .code(1))
        worker.committed()
        #expect(worker.pass(.milliseconds(100)) == ["release 0"])
    }

    @Test func aSleeperThatNothingIsInDoubtAboutIsVoided() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .status(429))
        #expect(worker.happens(.revoked([0])) == ["pause 0", "commit 1", "void s/A", "offset 0=0 ledger 0"])
        #expect(worker.aborted(.transient) == [])
        #expect(worker.pass(.milliseconds(50)) == ["commit 2", "void s/A", "offset 0=0 ledger 0"])
        #expect(worker.committed() == ["release 0"])
    }

    @Test func aSleeperInDoubtIsLeftToTheNextOwner() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .cut)
        #expect(worker.happens(.revoked([0])) == ["pause 0", "release 0"])
        let next = Transcript()
        next.start()
        next.assign(0, ledger: [Sample.intent("s", "A", source: 0)])
        #expect(next.receive(0, "s", "A") == ["call 0"])
    }

    @Test func anIntentUnderWayIsVoidedWhenItArrives() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        #expect(worker.happens(.revoked([0])) == ["pause 0"])
        #expect(worker.intentWritten(0) == ["commit 1", "void s/A", "offset 0=0 ledger 0"])
        #expect(worker.committed() == ["release 0"])
    }

    @Test func aVoidedIntentLeavesTheDoubtOfAnEarlierRecordOfTheSameCode() {
        let worker = Transcript(owning: 0) {
            $0.maximumBatch = 1
            $0.retry.ambiguousRetries = 0
        }
        for offset: Int64 in 0...1 { worker.receiveUnusable(offset, .malformed) }
        worker.ask(2, "s", "A", .cut)
        worker.receive(3, "s", "A")
        worker.intentWritten(3)
        worker.happens(.revoked([0]))
        worker.answered(3, .withheld)
        // The tombstone is of record 2's intent too, and what came of that goes along: a state speaks of the whole session.
        #expect(
            worker.committed() == [
                "commit 2", "result 1 invalid/malformed calls=0",
                "result 2 failed/outcome_unknown retryable in_doubt calls=1", "dead letter 1 malformed", "void s/A",
                "state s A=outcome_unknown@2!", "offset 0=3 ledger 1",
            ]
        )
    }

    @Test func anAnswerToBeRetriedIsNotRetriedAfterARevocation() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        worker.happens(.revoked([0]))
        #expect(worker.answered(0, .status(429)) == ["commit 1", "void s/A", "offset 0=0 ledger 0"])
        #expect(worker.committed() == ["release 0"])
        let cut = Transcript(owning: 0)
        cut.receive(0, "s", "A")
        cut.intentWritten(0)
        cut.happens(.revoked([0]))
        #expect(cut.answered(0, .cut) == ["release 0"])
    }

    @Test func lostPartitionsAreDroppedAtOnce() {
        let worker = Transcript(owning: 0, 1)
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        worker.receive(1, "t", "A")
        worker.ask(2, "u", "A", .status(429))
        #expect(worker.happens(.lost([0])) == ["release 0"])
        #expect(worker.status().partitions.map(\.number) == [1])
        // Late news is discarded, and the slots come back.
        #expect(worker.answered(0, .code(0)) == [])
        #expect(worker.intentWritten(1) == [])
        #expect(worker.status().inFlight == 0 && worker.status().commandsInMemory == 0)
        #expect(worker.pass(.seconds(10)) == [])
    }

    @Test func aPartitionLostWhileItsBatchIsOpenIsForgottenAllTheSame() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        #expect(worker.happens(.lost([0])) == ["release 0"])
        worker.assign(0)
        #expect(worker.aborted(.unknownMember) == [])
        // The proof of the lease, and nothing of the older epoch.
        #expect(worker.pass(.milliseconds(50)) == ["commit 2", "offset 0=0 ledger 1"])
    }

    @Test func aParkedPartitionIsReleasedWithoutCommitting() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.aborted(.outputs, faults: [.ledger(0)])
        #expect(worker.happens(.revoked([0])) == ["release 0"])
        #expect(worker.facts.contains(.released([0], unfinished: 1)))
    }

    @Test func lostDuringARevocationEndsIt() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.happens(.revoked([0]))
        #expect(worker.happens(.lost([0])) == ["release 0"])
        #expect(worker.pass(.seconds(3)) == [])
    }

    @Test func aPartitionRevokedWhileItIsRestoredNeverBegins() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.happens(.assigned([1]))
        let epoch = worker.epoch(1)
        #expect(worker.happens(.revoked([0, 1])) == ["pause 0"])
        #expect(
            worker.happens(.positionsFetched(epoch, Positions(committed: 0, metadata: nil, earliest: 0, end: 0))) == []
        )
        #expect(worker.happens(.restored(epoch, .init(ledger: Transcript.read([])), at: worker.wall)) == [])
        worker.intentWritten(0)
        #expect(worker.committed() == ["release 0,1"])
    }

    @Test func aFailedConsumerLosesEverythingAndComesBackWithAProducer() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        #expect(
            worker.happens(.consumerFailed(isDisplaced: false, reason: "fatal")) == [
                "recreate consumer after 50 ms", "replace producer after 50 ms",
            ]
        )
        #expect(worker.status().consumerFailure == "fatal" && worker.status().partitions.isEmpty)
        #expect(worker.happens(.consumerRecreated) == [])
        #expect(worker.happens(.producerReady) == ["subscribe"])
        #expect(
            worker.happens(.consumerFailed(isDisplaced: false, reason: "fatal")).first
                == "recreate consumer after 100 ms"
        )
        #expect(worker.happens(.producerReady) == [])
        #expect(worker.happens(.consumerRecreated) == ["subscribe"])
        #expect(worker.status().consumerFailure == "fatal")
        _ = worker.happens(.assigned([]))
        #expect(worker.status().consumerFailure == nil)
    }

    /// Two processes with one instance id: the one that was displaced lets the other work, longer each time, whatever it got done.
    @Test func aDisplacedConsumerDoesNotTakeItsPlaceBackAtOnce() {
        let worker = Transcript(owning: 0)
        let displaced = Event.consumerFailed(isDisplaced: true, reason: "fenced")
        worker.receive(0, "s", "A")
        #expect(worker.happens(displaced) == ["recreate consumer after 6000 ms", "replace producer after 6000 ms"])
        _ = worker.happens(.consumerRecreated)
        #expect(worker.happens(.producerReady) == ["subscribe"])
        #expect(
            worker.happens(displaced) == ["recreate consumer after 12000 ms", "replace producer after 12000 ms"]
        )
        for _ in 0..<5 { _ = worker.happens(displaced) }
        #expect(worker.happens(displaced) == ["recreate consumer after 60000 ms"])
        #expect(
            worker.happens(.consumerFailed(isDisplaced: false, reason: "fatal")) == ["recreate consumer after 50 ms"]
        )
    }

    /// Within a session time-out the two would take turns.
    @Test func aDisplacedConsumerNeverWaitsForLessThanASessionTimeout() {
        let worker = Transcript(owning: 0) { $0.sessionTimeout = .seconds(120) }
        for _ in 0..<3 {
            let effects = worker.happens(.consumerFailed(isDisplaced: true, reason: "fenced"))
            #expect(effects.first == "recreate consumer after 120000 ms")
        }
    }

    /// A transaction that was aborted after its partitions were lost leaves nothing to commit, and nothing to wait for: the
    /// transcript sees to it that no moment that is over is waited for.
    @Test func anAbortThatLeavesNothingToCommitIsNotWaitedForForever() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        _ = worker.happens(.lost([0]))
        #expect(worker.aborted(.transient) == [])
        #expect(worker.pass(.seconds(20)) == [])
    }
}
