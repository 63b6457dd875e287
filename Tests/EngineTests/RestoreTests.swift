import OTPContract
import OTPEngine
import Testing

@Suite("A partition is taken over")
struct RestoreTests {
    private func metadata(
        cluster: String = Transcript.cluster,
        committedOffset: Int64 = 50,
        ledgerOffset: Int64 = 70
    ) -> OffsetMetadata {
        OffsetMetadata(
            clusterID: cluster,
            committedOffset: committedOffset,
            batch: BatchID(process: 1, counter: 1),
            ledgerOffset: ledgerOffset,
            finished: [51]
        )
    }

    /// What the engine asks for once it knows where the partition stands, its barrier lying at 100.
    @discardableResult
    private func reads(_ positions: Positions, in worker: Transcript = Transcript()) -> [String] {
        worker.happens(.assigned([0]))
        worker.happens(.positionsFetched(worker.epoch(0), positions))
        return worker.happens(.barrierWritten(worker.epoch(0), ledgerOffset: 100))
    }

    @Test func theMetadataSaysWhereToBegin() {
        let positions = Positions(committed: 50, metadata: metadata().encoded, earliest: 0, end: 0)
        #expect(reads(positions) == ["read ledger 0 70...100"])
    }

    @Test func metadataThatDoesNotFitItsOffsetIsNone() {
        let moved = Positions(committed: 49, metadata: metadata().encoded, earliest: 0, end: 0)
        #expect(reads(moved) == ["read ledger 0 start...100"])
        let mirrored = Positions(committed: 50, metadata: metadata(cluster: "other").encoded, earliest: 0, end: 0)
        let worker = Transcript()
        #expect(reads(mirrored, in: worker) == ["read ledger 0 start...100"])
        worker.happens(.restored(worker.epoch(0), .init(ledger: Transcript.read([])), at: worker.wall))
        worker.ledgerEnd[0] = 100
        // Nor does its bitmap count.
        worker.start()
        #expect(worker.receive(51, "s", "A") == ["intent 51 s/A@51"])
        let foreign = Positions(committed: 50, metadata: "somebody's", earliest: 0, end: 0)
        #expect(reads(foreign) == ["read ledger 0 start...100"])
    }

    /// An intent is not written again when another owner asks under it, so its time may be a deadline older than its last call.
    @Test func whatIsReadReachesBackBeyondTheRetentionByTheLongestDeadline() {
        let worker = Transcript {
            $0.retention = .seconds(20)
            $0.maximumAge = .seconds(15)
        }
        let positions = Positions(committed: 50, metadata: metadata().encoded, earliest: 0, end: 0)
        #expect(reads(positions, in: worker) == ["read ledger 0 70...100 of 35000 ms"])
    }

    @Test func aGroupThatNeverCommittedBeginsAtTheEarliest() {
        let worker = Transcript()
        #expect(
            reads(Positions(committed: nil, metadata: nil, earliest: 33, end: 33), in: worker) == [
                "read ledger 0 start...100"
            ]
        )
        #expect(
            worker.happens(.restored(worker.epoch(0), .init(ledger: Transcript.read([])), at: worker.wall)) == [
                "resume 0 at 33"
            ]
        )
        #expect(worker.pass(.seconds(3)) == [])
    }

    @Test func commandsThatRetentionDeletedAreCountedAndPassedOver() {
        let worker = Transcript()
        reads(Positions(committed: 20, metadata: nil, earliest: 33, end: 33), in: worker)
        #expect(
            worker.happens(.restored(worker.epoch(0), .init(ledger: Transcript.read([])), at: worker.wall)) == [
                "resume 0 at 33"
            ]
        )
        #expect(worker.facts.contains(.commandsMissed(0, count: 13)))
        #expect(worker.happens(.started) == ["replace producer after 0 ms"])
        #expect(worker.happens(.producerReady) == ["subscribe"])
        #expect(worker.pass(.seconds(3)) == ["commit 1", "offset 0=33 ledger 100"])
    }

    @Test func aRecreatedLedgerIsRefused() {
        let worker = Transcript()
        let positions = Positions(committed: 50, metadata: metadata(ledgerOffset: 101).encoded, earliest: 0, end: 0)
        #expect(reads(positions, in: worker) == [])
        #expect(worker.facts.contains(.ledgerRecreated(0, recorded: 101, end: 100, accepted: false)))
        #expect(worker.status().partitions.first?.phase == "restoring")
        #expect(worker.pass(.milliseconds(50)) == ["fetch positions 0"])
    }

    @Test func orAcceptedIfTheOperatorSaysSo() {
        let worker = Transcript { $0.acceptLedgerLoss = true }
        let positions = Positions(committed: 50, metadata: metadata(ledgerOffset: 101).encoded, earliest: 0, end: 0)
        #expect(reads(positions, in: worker) == ["read ledger 0 start...100"])
        #expect(worker.facts.contains(.ledgerRecreated(0, recorded: 101, end: 100, accepted: true)))
    }

    @Test func aFailureIsTriedAgainFromTheStartWithGrowingWaits() {
        let worker = Transcript(owning: 1)
        reads(Positions(committed: 50, metadata: nil, earliest: 0, end: 0), in: worker)
        let epoch = worker.epoch(0)
        #expect(worker.happens(.restoreFailed(epoch, reason: "slow")) == [])
        #expect(worker.happens(.restored(epoch, .init(ledger: Transcript.read([])), at: worker.wall)) == [])
        #expect(worker.pass(.milliseconds(49)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["fetch positions 0"])
        #expect(worker.happens(.restoreFailed(epoch, reason: "slow")) == [])
        #expect(worker.pass(.milliseconds(99)) == [])
        #expect(worker.pass(.milliseconds(1)) == ["fetch positions 0"])
        // The other partition goes on being served.
        #expect(worker.receive(0, "s", "A", in: 1) == ["intent 1/0 s/A@0"])
        #expect(
            worker.happens(.positionsFetched(epoch, Positions(committed: 50, metadata: nil, earliest: 0, end: 0))) == [
                "barrier 0"
            ]
        )
    }

    @Test func aSessionIsForgottenAfterTheRetention() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(1))
        worker.committed()
        worker.pass(.seconds(1_795))
        #expect(worker.status().partitions.first?.sessions == 1)
        worker.pass(.seconds(10))
        #expect(worker.status().partitions.first?.sessions == 0)
        #expect(worker.receive(1, "s", "A") == ["intent 1 s/A@1"])
    }

    // MARK: What a crash left

    private func takeover(
        _ ledger: LedgerRecord...,
        change: (inout EngineConfiguration) -> Void = { _ in }
    ) -> Transcript {
        let worker = Transcript(change)
        worker.start()
        worker.assign(0, ledger: ledger)
        return worker
    }

    @Test func anOpenIntentIsAskedAgainAndFlagged() {
        let worker = takeover(Sample.intent("s", "A", source: 0))
        #expect(worker.receive(0, "s", "A") == ["call 0"])
        #expect(
            worker.answered(0, .code(1)) == [
                "commit 1", "result 0 rejected/wrong_code in_doubt code=1 http=200 calls=1", "state s A=wrong_code@0!",
                "offset 0=1 ledger 0",
            ]
        )
        worker.committed()
        #expect(worker.receive(1, "t", "A") == ["intent 1 t/A@1"])
        worker.intentWritten(1)
        #expect(worker.answered(1, .code(1)).last == "offset 0=2 ledger 1")
    }

    @Test func thatItHadSucceededAlreadyWasThen() {
        let worker = takeover(Sample.intent("s", "A", source: 0))
        worker.receive(0, "s", "A")
        #expect(
            worker.answered(0, .code(100)).dropFirst().first
                == "result 0 verified/already_verified code=100 http=200 calls=1"
        )
    }

    @Test func butNotWhileAnotherCodeIsInDoubt() {
        let worker = takeover(Sample.intent("s", "A", source: 0), Sample.intent("s", "B", source: 1))
        worker.receive(0, "s", "A")
        #expect(
            worker.answered(0, .code(100)).contains(
                "result 0 rejected/session_used in_doubt code=100 http=200 calls=1"
            )
        )
        let foreign = takeover(
            Sample.intent("s", "A", source: 0),
            Sample.intent("s", "B", source: 1, keyID: 2)
        )
        foreign.receive(0, "s", "A")
        #expect(
            foreign.answered(0, .code(100)).contains(
                "result 0 rejected/session_used in_doubt code=100 http=200 calls=1"
            )
        )
    }

    @Test func anOpenIntentPastItsDeadlineIsOutcomeUnknown() {
        let worker = takeover(Sample.intent("s", "A", source: 0))
        #expect(
            worker.receive(0, "s", "A", age: .seconds(200)) == [
                "commit 1", "result 0 failed/outcome_unknown retryable in_doubt calls=0",
                "state s A=outcome_unknown@0!",
                "offset 0=1 ledger 0",
            ]
        )
    }

    @Test func aCallAgainThatNeverLeavesIsOutcomeUnknown() {
        let worker = takeover(Sample.intent("s", "A", source: 0)) { $0.retry.maximumAttempts = 1 }
        worker.receive(0, "s", "A")
        #expect(
            worker.answered(0, .notSent) == [
                "commit 1", "result 0 failed/outcome_unknown retryable in_doubt calls=1",
                "state s A=outcome_unknown@0!",
                "offset 0=1 ledger 0",
            ]
        )
    }

    @Test func aDoubtOutlivesTheIntentItStoodFor() {
        let closed = Sample.state("s", closed: true, Sample.concluded("B", Outcome(.ok), source: 7))
        let worker = takeover(closed, Sample.intent("s", "A", source: 0))
        #expect(
            worker.receive(0, "s", "A") == [
                "commit 1", "result 0 rejected/session_used in_doubt calls=0", "void s/A", "state s closed B=ok@7 A=?!",
                "offset 0=1 ledger 0",
            ]
        )
    }

    @Test func anIntentOfARecordStillToComeIsKept() {
        let worker = takeover(Sample.intent("s", "A", source: 3))
        #expect(worker.receive(0, "t", "A", age: .seconds(200)).last == "offset 0=1 ledger 0")
        worker.committed()
        #expect(worker.receive(1, "s", "B") == ["intent 1 s/B@1"])
        worker.intentWritten(1)
        #expect(worker.answered(1, .code(1)).contains("state s A=?! B=wrong_code@1"))
        worker.committed()
        #expect(worker.receive(3, "s", "A") == ["call 3"])
    }

    @Test func entriesUnderAnotherKeyAreDoubtNotAnswers() {
        let worker = takeover(Sample.state("s", Sample.concluded("A", Outcome(.wrongCode), source: 0, keyID: 2)))
        #expect(worker.receive(1, "s", "A") == ["intent 1 s/A@1"])
        worker.intentWritten(1)
        #expect(
            worker.answered(1, .code(17)) == [
                "commit 1", "result 1 rejected/session_used in_doubt code=17 http=200 calls=1",
                "state s A#2=wrong_code@0 A=session_used@1", "offset 0=2 ledger 0",
            ]
        )
    }

    @Test func aConcludedCodeIsReplayedByTheNextOwner() {
        let outcome = Outcome(.sessionUsed, inDoubt: true, code: 100, message: "eski", httpStatus: 200)
        let worker = takeover(Sample.state("s", Sample.concluded("A", outcome, source: 0)))
        #expect(
            worker.receive(1, "s", "A") == [
                "commit 1", "result 1 rejected/session_used in_doubt replayed code=100 http=200 calls=0",
                "offset 0=2 ledger 0",
            ]
        )
        #expect(worker.batch?.results.first?.event.message == "eski")
    }
}
