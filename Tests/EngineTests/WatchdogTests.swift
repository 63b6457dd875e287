import OTPContract
import OTPEngine
import Testing

@Suite("An engine that has work and gets nowhere is noticed")
struct WatchdogTests {
    @Test func silenceWithinTheBoundIsNone() {
        var watchdog = Watchdog(now: Instant(nanoseconds: 0))
        #expect(watchdog.stalled(at: Instant(nanoseconds: 0) + Watchdog.bound) == nil)
        #expect(watchdog.stalled(at: Instant(nanoseconds: 1) + Watchdog.bound) == Watchdog.bound + .nanoseconds(1))
        watchdog.progressed(at: Instant(nanoseconds: 1))
        #expect(watchdog.stalled(at: Instant(nanoseconds: 1) + Watchdog.bound) == nil)
    }

    @Test func workWithoutProgressIsAStall() {
        let worker = Transcript(owning: 0)
        worker.receive(0, "s", "A")
        worker.pass(.seconds(2))
        #expect(worker.status().stalledFor == nil)
        for _ in 0..<31 { worker.pass(.seconds(2)) }
        #expect(worker.status().stalledFor != nil)
        worker.intentWritten(0)
        #expect(worker.status().stalledFor == nil)
    }

    @Test func anIdleEngineIsNotStalled() {
        let worker = Transcript(owning: 0)
        for _ in 0..<40 { worker.pass(.seconds(2)) }
        #expect(worker.status().stalledFor == nil)
    }
}
