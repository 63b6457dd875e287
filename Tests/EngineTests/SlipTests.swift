import OTPContract
import OTPEngine
import Testing

@Suite("What was typed can be no code: rejected in its turn, asked about and remembered by nobody")
struct SlipTests {
    @Test func itIsWrongWithoutACallAndLeavesNoTrace() {
        let worker = Transcript(owning: 0)
        #expect(
            worker.receive(0, "s", "A-1") == [
                "commit 1", "result 0 rejected/wrong_code calls=0", "offset 0=1 ledger 0",
            ]
        )
        #expect(worker.batch?.deadLetters == [])
        #expect(worker.batch?.results.first?.event.maskedPhone == "532*****42")
        worker.committed()
        #expect(worker.status().partitions.first?.sessions == 0)
        // Said again, the answer is the same, and no replay.
        #expect(worker.receive(1, "s", "A-1").contains("result 1 rejected/wrong_code calls=0"))
    }

    @Test func itWaitsForItsTurnInTheSession() {
        let worker = Transcript(owning: 0)
        #expect(worker.receive(0, "s", "A") == ["intent 0 s/A@0"])
        #expect(worker.receive(1, "s", "A-1") == [])
        #expect(worker.receive(2, "s", "B") == [])
        worker.intentWritten(0)
        #expect(worker.answered(0, .code(1)) == ["intent 2 s/B@2"])
        let lines = worker.pass(.milliseconds(20))
        #expect(
            lines.filter { $0.hasPrefix("result") }.map { String($0.prefix(30)) } == [
                "result 0 rejected/wrong_code c", "result 1 rejected/wrong_code c",
            ]
        )
    }

    /// Guesses are counted by what was asked about.
    @Test func itIsNoneOfTheCodesOfItsSession() {
        let worker = Transcript(owning: 0) { $0.maximumCodes = 1 }
        for offset in 0..<5 {
            worker.receive(Int64(offset), "s", "A-\(offset)")
            worker.committed()
        }
        #expect(worker.ask(5, "s", "A", .code(0)).contains("result 5 verified/ok code=0 http=200 calls=1"))
    }

    /// Whatever happens to its session, the answer stays what it was: a record that is read twice has one meaning.
    @Test func itIsTheSameAfterTheDeadlineAndInAClosedSession() {
        let worker = Transcript(owning: 0)
        worker.ask(0, "s", "A", .code(0))
        worker.committed()
        #expect(worker.receive(1, "s", "A-1").contains("result 1 rejected/wrong_code calls=0"))
        worker.committed()
        #expect(worker.receive(2, "t", "A-1", age: .seconds(600)).contains("result 2 rejected/wrong_code calls=0"))
        worker.committed()
        // The session's own doubt is told with it, as with any of its results.
        worker.ask(3, "u", "A", .cut)
        worker.pass(.seconds(1))
        worker.answered(3, .cut)
        worker.committed()
        #expect(worker.receive(4, "u", "A-1").contains("result 4 rejected/wrong_code in_doubt calls=0"))
    }

    @Test func aHaltedWorkerAnswersItToo() {
        let worker = Transcript(owning: 0) { $0.maximumInFlight = 1 }
        worker.receive(0, "s", "A")
        #expect(worker.pass(.milliseconds(20)) == [])
        #expect(worker.receive(1, "t", "A-1").contains("result 1 rejected/wrong_code calls=0"))
    }
}
