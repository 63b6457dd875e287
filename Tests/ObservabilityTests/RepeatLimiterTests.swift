import Logging
import Testing

@testable import OTPObservability

@Suite struct RepeatLimiterTests {
    private func key(_ message: String) -> RepeatLimiter.Key {
        RepeatLimiter.Key(component: "c", level: .info, message: message)
    }

    @Test func anIntervalStartsWithItsFirstLine() {
        var limiter = RepeatLimiter(limit: 1, interval: .seconds(1))
        let admitted = [500, 1499, 1500].map { limiter.admits(key("a"), at: $0) }
        #expect(admitted == [true, false, true])
        let summaries = limiter.allSummaries()
        #expect(summaries == [.init(key: key("a"), suppressed: 1)])
    }

    @Test func aSummaryIsDueOnceTheIntervalIsOver() {
        var limiter = RepeatLimiter(limit: 1, interval: .seconds(1))
        for _ in 0..<3 { _ = limiter.admits(key("a"), at: 0) }
        let summaries = [0, 999, 1000, 1001, 5000].map { limiter.dueSummaries(at: $0).map(\.suppressed) }
        #expect(summaries == [[], [], [2], [], []])
    }

    @Test func aClockThatIsSetBackBlocksNothing() {
        var limiter = RepeatLimiter(limit: 1, interval: .seconds(1))
        let before = [limiter.admits(key("a"), at: 1_000_000), limiter.admits(key("a"), at: 1_000_000)]
        #expect(before == [true, false])
        let summaries = [limiter.dueSummaries(at: 1_000_000), limiter.dueSummaries(at: 5)]
        #expect(summaries == [[], [.init(key: key("a"), suppressed: 1)]])
        let after = limiter.admits(key("a"), at: 5)
        #expect(after)
    }

    @Test func memoryIsBoundedWhateverTheMessages() {
        var limiter = RepeatLimiter(limit: 2, interval: .seconds(1))
        let admitted = (0..<(RepeatLimiter.maxKeys + 100)).filter { limiter.admits(key("m\($0)"), at: 0) }.count
        // The table is full, and all others share one allowance.
        #expect(admitted == RepeatLimiter.maxKeys + 2)
        let suppressed = limiter.allSummaries().map(\.suppressed)
        #expect(suppressed == [98])
    }
}
