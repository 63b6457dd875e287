import OTPContract
import OTPEngine
import Testing

@Suite("When the next transaction begins")
struct CommitPaceTests {
    /// Commands that are under way, so that outcomes have company to wait for.
    private func busy() -> Transcript {
        let worker = Transcript(owning: 0)
        worker.receive((0..<20).map { worker.record($0, "s\($0)", "A") })
        for offset: Int64 in 0..<20 { worker.intentWritten(offset) }
        worker.pass(.milliseconds(500))
        return worker
    }

    /// How long the outcome of this record waits for its transaction, in milliseconds.
    private func wait(_ worker: Transcript, _ offset: Int64) -> Int {
        let isAtOnce = !worker.answered(offset, .code(1)).isEmpty
        return isAtOnce ? 0 : (1...1_000).first { _ in !worker.pass(.milliseconds(1)).isEmpty } ?? -1
    }

    /// As many transactions, one after the other, as there are durations; each with one outcome, which comes as soon as the last ended.
    private func waits(after durations: [Int], _ worker: Transcript) -> [Int] {
        worker.answered(0, .code(1))
        return durations.enumerated().map { index, duration in
            worker.pass(.milliseconds(duration))
            #expect(worker.committed().isEmpty)
            return wait(worker, Int64(index) + 1)
        }
    }

    @Test func theFirstAfterAQuietTimeGoesAtOnceAndTheNextAnIntervalLater() {
        let worker = busy()
        #expect(worker.answered(0, .code(1)).first == "commit 1")
        worker.pass(.milliseconds(5))
        worker.committed()
        #expect(worker.answered(1, .code(1)) == [])
        #expect(worker.pass(.milliseconds(14)) == [])
        #expect(worker.answered(2, .code(1)) == [])
        #expect(worker.pass(.milliseconds(1)).first == "commit 2")
        #expect(worker.batch?.results.count == 2)
        worker.committed()
        worker.pass(.milliseconds(20))
        #expect(worker.answered(3, .code(1)).first == "commit 3")
    }

    @Test func slowBrokersAreGivenAsMuchTimeAsTheyTook() {
        #expect(waits(after: [60, 60, 90, 90], busy()) == [0, 60, 60, 90])
    }

    @Test func oneThatWasSlowByItselfDelaysNobody() {
        #expect(waits(after: [5, 5, 3_000, 5, 5], busy()) == [15, 15, 5, 15, 15])
    }

    @Test func theRestHasABound() {
        #expect(waits(after: [1_000, 2_000, 3_000], busy()) == [0, 250, 250])
    }

    @Test func whoLeavesDoesNotWait() {
        let worker = busy()
        _ = waits(after: [200, 200], worker)
        worker.pass(.milliseconds(200))
        worker.committed()
        #expect(worker.answered(5, .code(1)) == [])
        #expect(worker.happens(.drainRequested).contains("commit 4"))
    }

    @Test func aFullBatchDoesNotWaitEither() {
        let worker = Transcript(owning: 0) { $0.maximumBatch = 2 }
        worker.receive((0..<6).map { worker.record($0, "s\($0)", "A") })
        for offset: Int64 in 0..<6 { worker.intentWritten(offset) }
        #expect(worker.answered(0, .code(1)) == [])
        #expect(worker.answered(1, .code(1)).first == "commit 1")
        worker.answered(2, .code(1))
        worker.answered(3, .code(1))
        #expect(worker.committed().first == "commit 2")
    }
}
