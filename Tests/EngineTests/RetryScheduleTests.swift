import OTPEngine
import Testing

@Suite("When a command may be asked about again")
struct RetryScheduleTests {
    private let schedule = RetrySchedule(
        maximumAttempts: 4,
        base: .milliseconds(200),
        cap: .seconds(2),
        ambiguousRetries: 1
    )

    private func next(
        _ schedule: RetrySchedule? = nil,
        attempts: Int,
        ambiguous: Int = 0,
        retryAfter: Duration? = nil,
        end: Instant = .seconds(100),
        seed: UInt64 = 0
    ) -> RetrySchedule.Next {
        var random = SplitMix64(seed: seed)
        return (schedule ?? self.schedule).next(
            attempts: attempts,
            ambiguous: ambiguous,
            retryAfter: retryAfter,
            now: .seconds(10),
            end: end,
            using: &random
        )
    }

    private func waits(attempts: Int, _ schedule: RetrySchedule? = nil) -> [Duration] {
        (0..<500 as Range<UInt64>).compactMap { seed in
            guard case .wait(let until) = next(schedule, attempts: attempts, seed: seed) else { return nil }
            return until - .seconds(10)
        }
    }

    @Test func theJitterIsFullAndItsUpperEndDoublesUpToTheCap() throws {
        let many = RetrySchedule(maximumAttempts: 90, base: .milliseconds(200), cap: .seconds(2), ambiguousRetries: 1)
        for (attempts, end) in [(1, 200), (2, 400), (3, 800), (4, 1_600), (5, 2_000), (64, 2_000), (80, 2_000)] {
            let waits = waits(attempts: attempts, many)
            let end = Duration.milliseconds(end)
            #expect(waits.count == 500)
            #expect(try #require(waits.max()) <= end)
            #expect(try #require(waits.max()) > end * 0.9)
            #expect(try #require(waits.min()) < end * 0.1)
        }
    }

    @Test func attemptsAreBounded() {
        #expect(next(attempts: 3) != .giveUp)
        #expect(next(attempts: 4) == .giveUp)
        #expect(next(attempts: 5) == .giveUp)
    }

    @Test func anAmbiguousAnswerIsAskedAgainOnce() {
        #expect(next(attempts: 1, ambiguous: 1) != .giveUp)
        #expect(next(attempts: 2, ambiguous: 2) == .giveUp)
        #expect(next(attempts: 3, ambiguous: 1) != .giveUp)
    }

    @Test func retryAfterIsALowerEnd() {
        #expect(next(attempts: 1, retryAfter: .seconds(3)) == .wait(until: .seconds(13)))
        guard case .wait(let until) = next(attempts: 1, retryAfter: .zero) else {
            Issue.record("gave up")
            return
        }
        #expect(until <= .seconds(10.2))
    }

    @Test func nothingBeginsAtTheEndOrLater() {
        #expect(next(attempts: 1, retryAfter: .seconds(3), end: .seconds(13)) == .giveUp)
        #expect(next(attempts: 1, retryAfter: .seconds(3), end: .seconds(13.1)) == .wait(until: .seconds(13)))
        #expect(next(attempts: 1, end: .seconds(10)) == .giveUp)
        #expect(next(attempts: 1, end: .seconds(9)) == .giveUp)
        #expect(next(attempts: 1, retryAfter: .seconds(Int64.max), end: .distantFuture) == .giveUp)
    }

    @Test func oneSeedOneSchedule() {
        #expect((0..<50).map { next(attempts: 2, seed: $0) } == (0..<50).map { next(attempts: 2, seed: $0) })
    }
}
