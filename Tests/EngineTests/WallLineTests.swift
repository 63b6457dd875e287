import OTPContract
import Testing

@testable import OTPEngine

/// The engine's wall clock never runs backwards where anybody would see it.
struct WallLineTests {
    private func line(_ readings: [(microseconds: Int64, wall: Int64)]) -> WallLine {
        var line = WallLine(at: Instant(nanoseconds: 0))
        for reading in readings {
            line.told(WallTime(milliseconds: reading.wall), at: Instant(nanoseconds: reading.microseconds * 1_000))
        }
        return line
    }

    private func milliseconds(_ line: WallLine, at microseconds: Int64) -> Int64 {
        line.time(at: Instant(nanoseconds: microseconds * 1_000)).milliseconds
    }

    /// Whatever the fractions that readings drop, a later moment has no earlier time, and none differs from the clock by more than the
    /// two fractions.
    @Test(arguments: 0..<50)
    func itNeverRunsBackwards(seed: Int) {
        var generator = SplitMix64(seed: UInt64(seed))
        let phase = Int64.random(in: 0..<1_000, using: &generator)
        var line = line([(0, 1_000_000)])
        var now: Int64 = 0
        var last: Int64 = 1_000_000
        for _ in 0..<2_000 {
            now += Int64.random(in: 1..<1_700, using: &generator)
            let clock = 1_000_000 + (now + phase) / 1_000
            if Bool.random(using: &generator) {
                line.told(WallTime(milliseconds: clock), at: Instant(nanoseconds: now * 1_000))
            }
            let shown = milliseconds(line, at: now)
            #expect(shown >= last && (clock - 2...clock).contains(shown))
            last = shown
        }
    }

    @Test func aClockThatIsSetBackALittleIsWaitedFor() {
        let line = line([(0, 5_000), (10_000, 4_600)])
        #expect(milliseconds(line, at: 10_000) == 5_010)
        #expect(milliseconds(line, at: 300_000) == 5_010)
        #expect(milliseconds(line, at: 500_000) == 5_090)
    }

    @Test func aClockThatIsSetFarIsFollowed() {
        #expect(milliseconds(line([(0, 5_000_000), (10_000, 1_000)]), at: 20_000) == 1_010)
        #expect(milliseconds(line([(0, 1_000), (10_000, 5_000_000)]), at: 20_000) == 5_000_010)
    }
}
