import OTPEngine
import Testing

@Suite("Rate, concurrency, retries and latency: how much is asked")
struct LoadLimitTests {
    // MARK: Rate

    @Test func theRateIsKeptToTheCall() {
        var limiter = RateLimiter(limit: 10, partitions: nil, now: .seconds(0))
        var calls = 0
        var now = Instant.seconds(0)
        while now < .seconds(10) {
            now = max(now, limiter.nextCall)
            limiter.called(at: now)
            calls += 1
        }
        #expect(calls == 101)
    }

    @Test func aQuietHourBuysTwentyMillisecondsWorthAndNoMore() {
        for (limit, burst) in [(10.0, 1), (1_000.0, 20)] {
            var limiter = RateLimiter(limit: limit, partitions: nil, now: .seconds(0))
            var calls = 0
            while limiter.nextCall <= .seconds(3_600) {
                limiter.called(at: .seconds(3_600))
                calls += 1
            }
            #expect(calls == burst)
        }
    }

    @Test func theShareFollowsTheOwnedPartitions() {
        var limiter = RateLimiter(limit: 100, partitions: 10, now: .seconds(0))
        limiter.owned(3, at: .seconds(0))
        #expect(limiter.rate == 30)
        limiter.called(at: .seconds(0))
        #expect(limiter.nextCall > .seconds(0.03) && limiter.nextCall < .seconds(0.034))
        limiter.owned(10, at: .seconds(0))
        #expect(limiter.rate == 100)
        #expect(limiter.nextCall <= .seconds(0.01))
        limiter.owned(12, at: .seconds(0))
        #expect(limiter.rate == 100)
    }

    @Test func theShareFollowsTheTopicsPartitions() {
        var limiter = RateLimiter(limit: 100, partitions: 4, now: .seconds(0))
        limiter.owned(2, at: .seconds(0))
        limiter.counted(8, at: .seconds(0))
        #expect(limiter.rate == 25)
        var alone = RateLimiter(limit: 100, partitions: nil, now: .seconds(0))
        alone.counted(8, at: .seconds(0))
        #expect(alone.rate == 100)
    }

    // MARK: Concurrency

    private func session(_ number: UInt64) -> SessionDigest { SessionDigest(high: 0, low: number) }

    @Test func itIsCutOncePerRoundTripAndGrowsByOne() {
        var concurrency = ConcurrencyLimit(cap: 100)
        #expect(concurrency.overloaded(by: session(0), began: .seconds(0), at: .seconds(1)) == false)
        #expect(concurrency.overloaded(by: session(1), began: .seconds(0), at: .seconds(1)) == true)
        #expect(concurrency.limit == 70)
        // Asked before the cut: it says nothing of it.
        #expect(concurrency.overloaded(by: session(2), began: .seconds(0.9), at: .seconds(1.1)) == false)
        #expect(concurrency.overloaded(by: session(3), began: .seconds(1), at: .seconds(2)) == true)
        #expect(concurrency.limit == 49)
        for _ in 0..<50 { concurrency.succeeded(inFlight: 49, at: .seconds(2)) }
        #expect(concurrency.limit == 50)
    }

    @Test func oneSessionOrAFewInAHundredCutNothing() {
        var concurrency = ConcurrencyLimit(cap: 100)
        for second in 0..<20 {
            let now = Instant.seconds(Double(second))
            #expect(concurrency.overloaded(by: session(1), began: now, at: now) == false)
        }
        var others = ConcurrencyLimit(cap: 100)
        for call in 0..<2_000 {
            let now = Instant.seconds(Double(call) / 100)
            if call > 100, call.isMultiple(of: 25) {
                #expect(others.overloaded(by: session(UInt64(call)), began: now, at: now) == false)
            } else {
                others.succeeded(inFlight: 1, at: now)
            }
        }
    }

    @Test func aLimitThatIsNotUsedDoesNotGrow() {
        var concurrency = ConcurrencyLimit(cap: 100)
        _ = concurrency.overloaded(by: session(1), began: .seconds(0), at: .seconds(1))
        _ = concurrency.overloaded(by: session(2), began: .seconds(0), at: .seconds(1))
        for _ in 0..<1_000 { concurrency.succeeded(inFlight: 10, at: .seconds(1)) }
        #expect(concurrency.limit == 70)
        for _ in 0..<10_000 { concurrency.succeeded(inFlight: 100, at: .seconds(1)) }
        #expect(concurrency.limit == 100)
    }

    @Test func oneCallIsAlwaysAllowed() {
        var concurrency = ConcurrencyLimit(cap: 4)
        for second in 0..<50 {
            let began = Instant.seconds(Double(second))
            _ = concurrency.overloaded(by: session(UInt64(second)), began: began, at: .seconds(Double(second) + 0.5))
        }
        #expect(concurrency.limit == 1)
    }

    // MARK: Retries

    @Test func retriesAreAShareOfTheCalls() {
        var budget = RetryBudget(share: 0.25, floor: 2, now: .seconds(0))
        #expect(budget.retried(at: .seconds(0)) == true)
        #expect(budget.retried(at: .seconds(0)) == true)
        #expect(budget.retried(at: .seconds(0)) == false)
        for _ in 0..<40 { budget.called() }
        let retries = (0..<40).count { _ in budget.retried(at: .seconds(0)) }
        #expect(retries == 10)
    }

    @Test func aQuietWorkerMayRetryUpToTheFloor() {
        var budget = RetryBudget(share: 0.2, floor: 5, now: .seconds(0))
        for _ in 0..<5 { #expect(budget.retried(at: .seconds(0)) == true) }
        #expect(budget.retried(at: .seconds(1)) == false)
        #expect(budget.retried(at: .seconds(4)) == true)
        let later = (0..<50).count { _ in budget.retried(at: .seconds(3_600)) }
        #expect(later == 5)
    }

    @Test func aGoodHourDoesNotPayForAStorm() {
        var budget = RetryBudget(share: 0.2, floor: 5, now: .seconds(0))
        for _ in 0..<100_000 { budget.called() }
        let retries = (0..<1_000).count { _ in budget.retried(at: .seconds(0)) }
        #expect(retries == 50)
    }

    // MARK: Latency

    @Test func theEstimateIsOnTheSafeSideAndFollows() {
        var latency = LatencyEstimate(longest: .seconds(5))
        #expect(latency.needed(at: .seconds(1)) == .zero)
        for _ in 0..<100 { latency.answered(after: .milliseconds(100), at: .seconds(1)) }
        #expect(latency.needed(at: .seconds(1)) >= .milliseconds(100))
        #expect(latency.needed(at: .seconds(1)) < .milliseconds(110))
        latency.timedOut(after: .milliseconds(100), at: .seconds(1))
        #expect(latency.needed(at: .seconds(1)) > .milliseconds(200))
        for _ in 0..<100 { latency.timedOut(after: .seconds(4), at: .seconds(1)) }
        #expect(latency.needed(at: .seconds(1)) == .seconds(5))
    }

    @Test func aBadMomentIsNotBelievedForEver() {
        var latency = LatencyEstimate(longest: .seconds(5))
        for _ in 0..<100 { latency.answered(after: .seconds(9), at: .seconds(1)) }
        #expect(latency.needed(at: .seconds(1.9)) == .seconds(5))
        #expect(latency.needed(at: .seconds(4)) == .seconds(5) / 8)
        #expect(latency.needed(at: .seconds(4_000)) < .milliseconds(1))
    }
}
