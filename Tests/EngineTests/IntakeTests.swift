import OTPContract
import OTPEngine
import Testing

@Suite("What comes in, and when no more may")
struct IntakeTests {
    @Test(arguments: [InvalidReason.malformed, .field(.code), .keyMissing, .tooLarge])
    func anUnusableRecordCostsAResultAndADeadLetter(reason: InvalidReason) {
        let worker = Transcript(owning: 0)
        #expect(
            worker.receiveUnusable(0, reason) == [
                "commit 1", "result 0 invalid/\(reason.rawValue) calls=0", "dead letter 0 \(reason.rawValue)",
                "offset 0=1 ledger 0",
            ]
        )
        #expect(worker.batch?.deadLetters.first?.letter.consumerGroup == "group")
        #expect(worker.batch?.results.first?.event.sessionID == nil)
        #expect(worker.batch?.results.first?.event.message == "is \(reason.rawValue)", "it says what to fix")
        #expect(!worker.facts.contains(.deadLettersWritten(1)))
        worker.committed()
        #expect(worker.facts.contains(.deadLettersWritten(1)))
        #expect(worker.receive(1, "s", "A") == ["intent 1 s/A@1"])
    }

    @Test func aRecordReadTooLateIsNotAsked() {
        let worker = Transcript(owning: 0)
        #expect(
            worker.receive(0, "s", "A", age: .seconds(121)) == [
                "commit 1", "result 0 expired/deadline_passed calls=0", "offset 0=1 ledger 0",
            ]
        )
        worker.committed()
        #expect(
            worker.receive(1, "s", "A", expiresIn: .zero) == [
                "commit 2", "result 1 expired/deadline_passed calls=0", "offset 0=2 ledger 0",
            ]
        )
        worker.committed()
        // A producer's clock that runs ahead lengthens no life.
        worker.receive(2, "s", "A", age: .seconds(-500), expiresIn: .seconds(1_000))
        #expect(worker.pass(.seconds(121)) == [])
        #expect(
            worker.intentWritten(2) == [
                "commit 3", "result 2 expired/deadline_passed calls=0", "void s/A", "offset 0=3 ledger 4",
            ]
        )
    }

    @Test func aSessionHasSixtyFourWaitingCommandsAtTheMost() {
        let worker = Transcript(owning: 0)
        #expect(worker.receive(0, "s", "A") == ["intent 0 s/A@0"])
        #expect(worker.intentWritten(0) == ["call 0"])
        for offset in 1...64 { #expect(worker.receive(Int64(offset), "s", "A") == []) }
        #expect(worker.receive(65, "s", "A") == [])
        // It never voids the intent of the call that is under way.
        #expect(
            worker.pass(.milliseconds(20)) == [
                "commit 1", "result 65 failed/session_busy retryable calls=0", "offset 0=0 ledger 0 finished 65",
            ]
        )
        worker.committed()
        let lines = worker.answered(0, .code(0))
        #expect(lines.count { $0.contains("verified/ok replayed") } == 64)
        #expect(lines.suffix(2) == ["state s closed A=ok@0", "offset 0=66 ledger 0"])
    }

    @Test func admissionPausesEveryPartitionAndResumesAtTheLowMark() {
        let worker = Transcript(owning: 0, 1) { $0.admission = Admission(high: 3, low: 1) }
        worker.receive(0, "s", "A")
        worker.receive(1, "t", "A")
        #expect(worker.receive(0, "u", "A", in: 1) == ["pause 0", "pause 1", "intent 1/0 u/A@0"])
        #expect(worker.facts.contains(.intakeClosed) && worker.status().isIntakeClosed)
        for offset: Int64 in 0...1 {
            worker.intentWritten(offset)
            worker.answered(offset, .code(1))
        }
        worker.pass(.milliseconds(20))
        #expect(worker.committed() == ["unpause 0", "unpause 1"])
        #expect(worker.facts.contains(.intakeOpened))
    }

    @Test func whatIsLostTogetherIsNotResumedOneByOne() {
        let worker = Transcript(owning: 0, 1) { $0.admission = Admission(high: 3, low: 1) }
        worker.receive(0, "s", "A")
        worker.receive(1, "t", "A")
        worker.receive(0, "u", "A", in: 1)
        #expect(worker.happens(.lost([0, 1])) == ["release 0,1"])
        #expect(!worker.status().isIntakeClosed)
    }

    @Test func aPartitionAssignedWhileIntakeIsClosedBeginsPaused() {
        let worker = Transcript(owning: 0) { $0.admission = Admission(high: 1, low: 0) }
        worker.receive(0, "s", "A")
        #expect(worker.assign(1) == ["resume 1 at 0", "pause 1"])
    }

    @Test func theWindowPausesHoldsAndGoesOn() {
        let worker = Transcript(owning: 0)
        let beyond = Limits.window
        worker.receive(0, "s", "A")
        worker.intentWritten(0)
        #expect(worker.receive(Limits.windowHigh - 1, "t", "A").contains("pause 0"))
        #expect(worker.receive(beyond, "u", "A") == [])
        #expect(worker.receive(beyond + 1, "u", "B") == [])
        // Pausing delivers again.
        #expect(worker.receive(beyond, "u", "A") == [])
        #expect(worker.happens(.reachedEnd(worker.epoch(0), offset: beyond + 2)) == [])
        worker.answered(0, .code(1))
        #expect(worker.pass(.milliseconds(20)).last == "offset 0=\(Limits.windowHigh - 1) ledger 0")
        #expect(worker.committed() == ["unpause 0", "intent \(beyond) u/A@\(beyond)"])
        #expect(worker.status().partitions.first?.next == beyond + 2)
        #expect(worker.status().commandsInMemory == 3)
    }

    @Test func skippedOffsetsAreCommittedWhenIdleAndOnlyOnce() {
        let worker = Transcript(owning: 0)
        #expect(worker.happens(.reachedEnd(worker.epoch(0), offset: 7)) == [])
        #expect(worker.pass(.milliseconds(900)) == [])
        #expect(worker.pass(.milliseconds(200)) == ["commit 1", "offset 0=7 ledger 0"])
        worker.committed()
        #expect(worker.pass(.seconds(10)) == [])
    }

    /// Behind it the partition's window fills up; it is no newcomer when it comes back from a pause.
    @Test func theHeadOfAPartitionGoesFirstInIt() {
        let worker = Transcript(owning: 0) {
            $0.maximumInFlight = 1
            $0.retry.base = .milliseconds(1)
            $0.retry.cap = .milliseconds(1)
        }
        worker.receive(0, "x", "A")
        for offset: Int64 in 1...5 { worker.receive(offset, "s\(offset)", "A") }
        worker.intentWritten(0)
        #expect(worker.answered(0, .status(429)) == ["intent 1 s1/A@1"])
        worker.intentWritten(1)
        worker.pass(.milliseconds(2))
        #expect(worker.answered(1, .code(1)) == ["call 0"])
    }

    @Test func anOffsetThatIsNotThereStopsTheReadingOfItsPartitionOnly() {
        let worker = Transcript(owning: 0, 1)
        worker.receive(0, "s", "A")
        #expect(worker.happens(.partitionUnreadable(worker.epoch(0), reason: "gone")) == ["pause 0"])
        #expect(worker.receive(0, "t", "A", in: 1) == ["intent 1/0 t/A@0"])
        #expect(worker.status().partitions.first?.parkedFor == "gone")
        // What was read before is handled all the same.
        #expect(worker.intentWritten(0) == ["call 0"])
        #expect(worker.pass(.seconds(5)) == ["resume 0 at 1"])
    }

    @Test func aRecordOfAnOlderEpochIsIgnored() {
        let worker = Transcript(owning: 0)
        let old = worker.record(0, "s", "A")
        worker.happens(.lost([0]))
        worker.assign(0)
        #expect(worker.receive([old]) == [])
        #expect(worker.facts.contains(.ignored(count: 1)))
    }
}
