import OTPContract
import OTPEngine
import Testing

/// `completed_at` is in the order in which a session's commands come to their outcomes.
struct CompletionTimeTests {
    private func completions(_ worker: Transcript) -> [Int64] {
        worker.batch?.results.map(\.event.completedAt.milliseconds) ?? []
    }

    /// Each command's time used to be counted from its own reading of the clock, which drops a fraction of a millisecond.
    @Test func theFractionsThatReadingsDropDoNotTurnTheOrder() throws {
        let worker = Transcript(owning: 0)
        // The first is read at a whole millisecond, the second 0.9 ms later; the clock says the same to both.
        worker.sleep(.milliseconds(1_000))
        worker.receive(0, "s1", "A")
        worker.sleep(.microseconds(900))
        worker.receive(1, "s1", "A")
        worker.intentWritten(0)
        // Answered 10.0 ms after it was read; the second is answered alike in that moment, 9.1 ms after it was read itself.
        worker.sleep(.microseconds(9_100))
        worker.answered(0, .code(1))
        let times = completions(worker)
        try #require(times.count == 2)
        #expect(times == times.sorted(), "\(times)")
    }

    @Test func anotherOwnersClockThatIsAheadIsNotGoneBackBehind() throws {
        let worker = Transcript()
        worker.start()
        let ahead = WallTime(milliseconds: worker.wall.milliseconds + 7_000)
        let state = CodeState(
            fingerprint: Sample.fingerprint("A"),
            outcome: Outcome(.wrongCode),
            source: 0,
            time: ahead
        )
        worker.assign(0, ledger: [Sample.state("s1", state)])
        worker.receive(1, "s1", "A")
        worker.pass(.milliseconds(30))
        #expect(completions(worker) == [ahead.milliseconds])
    }
}
