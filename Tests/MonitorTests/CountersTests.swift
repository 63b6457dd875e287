import OTPMonitor
import Testing

/// The small machines of the live view: rates, latencies.
struct CountersTests {
    @Test func latenciesAreExactWhereItMattersAndNeverFarOff() {
        for time in Array(0..<64) + [64, 65, 99, 100, 127, 128, 1_000, 4_095, 5_000, 60_000, 1_000_000] as [Int64] {
            var histogram = LatencyHistogram()
            histogram.record(milliseconds: time)
            histogram.record(milliseconds: 1_000_000)
            let told = histogram.quantile(0.5) ?? -1
            #expect(told >= time && Double(told) <= Double(time) * (1 + 1 / 32.0), "\(time): \(told)")
            if time < 64 { #expect(told == time) }
        }
    }

    @Test func quantilesAreThoseOfTheSortedTimes() {
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(0.5) == nil)
        for time in (1...1_000).reversed() { histogram.record(milliseconds: Int64(time)) }
        let told = [0.001, 0.05, 0.5, 0.99, 1].map { histogram.quantile($0) ?? -1 }
        #expect(told[0] == 1 && told[1] == 50)
        #expect((500...516).contains(told[2]) && (990...1_000).contains(told[3]))
        #expect(told[4] == 1_000 && histogram.maximum == 1_000 && histogram.count == 1_000)
    }

    @Test func timesBeyondTheScaleAreKeptAsItsEnd() {
        var histogram = LatencyHistogram()
        histogram.record(milliseconds: -5)
        #expect(histogram.quantile(1) == 0)
        histogram.record(milliseconds: .max)
        #expect(histogram.maximum == .max && histogram.count == 2)
        #expect((histogram.quantile(1) ?? 0) > 1_000_000)
    }

    @Test func latenciesAreForgottenAfterAMinute() {
        var recent = RecentLatency()
        recent.record(milliseconds: 7, second: 5)
        recent.record(milliseconds: 9, second: 30)
        #expect(recent.lastMinute(at: 59).count == 2)
        #expect(recent.lastMinute(at: 60).count == 1)
        #expect(recent.lastMinute(at: 90).count == 0)
        // A slot that is used again begins empty.
        recent.record(milliseconds: 1, second: 65)
        #expect(recent.lastMinute(at: 65).count == 2 && recent.lastMinute(at: 65).maximum == 9)
    }

    @Test func ratesAreOverWholeSeconds() {
        var window = RateWindow()
        for second in 0..<10 { for _ in 0...second { window.add(second: second) } }
        #expect(window.total == 55)
        // The running second is not whole.
        #expect(window.count(last: 1, at: 9) == 9 && window.count(last: 60, at: 9) == 45)
        #expect(window.count(last: 1, at: 10) == 10 && window.rate(last: 5, at: 10) == 8)
        #expect(window.rate(last: 60, at: 10) == 5.5, "over the seconds that there were")
        #expect(window.rate(last: 10, at: 0) == 0)
    }

    @Test func ratesFallWhenNothingComes() {
        var window = RateWindow()
        for _ in 0..<100 { window.add(second: 3) }
        #expect(window.count(last: 10, at: 13) == 100 && window.count(last: 10, at: 14) == 0)
        #expect(window.count(last: 60, at: 500) == 0)
        // A counter that is used again begins at nothing.
        window.add(second: 3 + 64)
        #expect(window.count(last: 60, at: 68) == 1 && window.total == 101)
        window.add(second: 1_000)
        #expect(window.count(last: 60, at: 1_001) == 1)
    }
}
