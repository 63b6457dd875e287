import OTPContract
import OTPEngine
import Testing

@Suite("A worker that may have lost its partitions asks nobody")
struct LeaseTests {
    @Test func aSleepIsNoticedBeforeAByteIsWritten() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        #expect(worker.intentWritten(0) == ["call 0"])
        #expect(worker.permits(0))
        worker.sleep(.seconds(5.1))
        #expect(!worker.permits(0))
        // The first thing it does is to form what proves that it is still the owner.
        #expect(worker.answered(0, .withheld) == ["commit 1", "offset 0=0 ledger 0"])
        #expect(worker.facts.contains(.leaseLost(.slept)))
        #expect(worker.receive(1, "t", "A") == [])
        #expect(worker.committed() == ["call 0", "intent 1 t/A@1"])
        #expect(worker.facts.contains(.leaseRegained))
        #expect(worker.permits(0))
        // A request that was withheld is no attempt.
        worker.answered(0, .code(1))
        #expect(worker.pass(.milliseconds(20)).contains("result 0 rejected/wrong_code code=1 http=200 calls=1"))
    }

    @Test func aBatchFormedBeforeTheLeaseWasLostProvesNothing() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.receive(1, "t", "A")
        worker.intentWritten(1)
        worker.sleep(.seconds(6))
        #expect(worker.committed() == ["commit 2", "offset 0=1 ledger 1"])
        #expect(!worker.facts.contains(.leaseRegained) && !worker.permits(1))
        #expect(worker.committed() == [])
        #expect(worker.facts.contains(.leaseRegained) && worker.permits(1))
    }

    /// Nearly every rebalance refuses the transaction under way: nobody's answer waits for more than the next one.
    @Test func aStaleBatchIsFormedAgainAndTheLeaseIsKept() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.receive(1, "t", "A")
        #expect(worker.aborted(.stale) == [])
        #expect(worker.facts.allSatisfy { $0 != .leaseLost(.fenced) } && worker.status().isLeaseValid)
        #expect(worker.intentWritten(1) == ["call 1"])
        #expect(worker.permits(1))
        #expect(
            worker.pass(.milliseconds(50)) == [
                "commit 2", "result 0 rejected/wrong_code code=1 http=200 calls=1", "state s A=wrong_code@0",
                "offset 0=1 ledger 0",
            ]
        )
    }

    @Test func aRefusedGenerationProvesNothingEither() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.sleep(.seconds(6))
        #expect(worker.aborted(.stale) == [])
        #expect(!worker.status().isLeaseValid)
        worker.pass(.milliseconds(50))
        worker.committed()
        #expect(worker.status().isLeaseValid)
    }

    @Test func aBatchOfAnUnknownMemberIsFormedAgainAndItsCommitIsTheProof() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        #expect(worker.aborted(.unknownMember) == [])
        #expect(worker.facts.contains(.leaseLost(.fenced)) && !worker.status().isLeaseValid)
        #expect(worker.receive(1, "t", "A") == [])
        #expect(
            worker.pass(.milliseconds(50)) == [
                "commit 2", "result 0 rejected/wrong_code code=1 http=200 calls=1", "state s A=wrong_code@0",
                "offset 0=1 ledger 0",
            ]
        )
        #expect(worker.committed() == ["intent 1 t/A@1"])
        #expect(worker.status().isLeaseValid)
    }

    @Test func aSilentCoordinatorEndsTheLeaseUntilItIsHeardAndAcceptsACommit() {
        let worker = Transcript(owning: 0)
        worker.heard(ago: .seconds(2))
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        worker.sleep(.seconds(2.4))
        #expect(worker.permits(0))
        worker.sleep(.seconds(0.2))
        #expect(!worker.permits(0))
        #expect(worker.facts.isEmpty && !worker.status().isLeaseValid)
        // What would be committed now proves nothing: the coordinator may be about to give the partition away.
        #expect(worker.answered(0, .withheld) == [])
        #expect(worker.heard(ago: .seconds(7.6)) == [])
        #expect(worker.heard(ago: .seconds(0.1)) == ["commit 1", "offset 0=0 ledger 0"])
        #expect(worker.committed() == ["call 0"])
        #expect(worker.permits(0))
    }

    /// A member too many, in a group that took its time to form: it has nothing to commit as a proof, and would never be ready.
    @Test func aMemberWithoutPartitionsHasAValidLeaseAgainOnceTheCoordinatorIsHeard() {
        let worker = Transcript(owning: 0)
        worker.happens(.lost([0]))
        worker.heard(ago: .seconds(7))
        worker.pass(.seconds(1))
        #expect(!worker.status().isLeaseValid)
        worker.heard(ago: .seconds(7.6))
        #expect(!worker.status().isLeaseValid)
        worker.heard(ago: .seconds(0.1))
        #expect(worker.status().isLeaseValid && worker.facts.contains(.leaseRegained))
    }

    @Test func aBatchOfTheSilenceIsNoProofAfterIt() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.heard(ago: .seconds(7.6))
        #expect(worker.heard(ago: .seconds(0.1)) == [])
        #expect(worker.committed() == ["commit 2", "offset 0=1 ledger 1"])
        #expect(!worker.status().isLeaseValid)
        worker.committed()
        #expect(worker.status().isLeaseValid)
    }

    /// Found by simulation: 4.9 s of silence, then a sleep of 4.9 s, and the partition was another's.
    @Test func aSilenceAndASleepAddUp() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        worker.heard(ago: .seconds(4.9))
        worker.sleep(.seconds(4.9))
        #expect(!worker.permits(0))
    }

    @Test func withoutAPartitionTheProofWaitsForOne() {
        let worker = Transcript()
        worker.start()
        worker.sleep(.seconds(6))
        #expect(worker.pass(.seconds(3)) == [])
        #expect(!worker.status().isLeaseValid)
        #expect(worker.assign(0) == ["resume 0 at 0", "commit 1", "offset 0=0 ledger 0"])
        worker.committed()
        #expect(worker.status().isLeaseValid)
    }

    @Test func aCommandIsStillAnsweredByItsDeadline() {
        let worker = Transcript(owning: 0)
        worker.sleep(.seconds(6))
        worker.receive(0, "s", "A", expiresIn: .seconds(2))
        #expect(worker.pass(.seconds(3)) == [])
        #expect(
            worker.committed() == [
                "commit 2", "result 0 expired/deadline_passed calls=0", "offset 0=1 ledger 0",
            ]
        )
    }

    @Test func anIntentAcknowledgedTooLateIsWrittenAgain() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.pass(.milliseconds(1_501))
        #expect(worker.intentWritten(0) == ["intent 0 s/A@0"])
        worker.pass(.milliseconds(1_500))
        #expect(worker.intentWritten(0) == ["call 0"])
        #expect(worker.answered(0, .code(1)).last == "offset 0=1 ledger 1")
    }

    @Test func whatIsWrittenTooLateForEverEndsWithTheTotalTimeout() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        for _ in 1...4 {
            worker.pass(.seconds(3))
            #expect(worker.intentWritten(0) == ["intent 0 s/A@0"])
        }
        worker.pass(.seconds(3))
        #expect(
            worker.intentWritten(0) == [
                "commit 1", "result 0 failed/upstream_unavailable retryable calls=0", "void s/A", "offset 0=1 ledger 4",
            ]
        )
    }

    @Test func anIntentThatFailsIsTriedAgainAndVoidedInTheEnd() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A", expiresIn: .milliseconds(80))
        #expect(worker.happens(.intentFailed(worker.id(0), isPermanent: false, reason: "no")) == [])
        #expect(worker.pass(.milliseconds(50)) == ["intent 0 s/A@0"])
        #expect(worker.happens(.intentFailed(worker.id(0), isPermanent: false, reason: "no")) == [])
        #expect(
            worker.pass(.milliseconds(50)) == [
                "commit 1", "result 0 expired/deadline_passed calls=0", "void s/A", "offset 0=1 ledger 0",
            ]
        )
    }
}
