import Synchronization
import Testing

@testable import OTPVerifyClient

/// The clock of a client, and what its end waits at.
@Suite(.timeLimit(.minutes(1))) struct AlarmTests {
    @Test func itCallsNotBeforeItsMoment() async {
        let alarm = Alarm()
        let moment = ContinuousClock.now + .milliseconds(20)
        let called: ContinuousClock.Instant = await withCheckedContinuation { done in
            alarm.set(moment) { done.resume(returning: .now) }
        }
        #expect(called >= moment)
    }

    @Test func theEarliestMomentCounts() async {
        let alarm = Alarm()
        let first = await withCheckedContinuation { done in
            alarm.set(.now + .seconds(3_000)) { done.resume(returning: "late") }
            alarm.set(.now + .milliseconds(1)) { done.resume(returning: "soon") }
            alarm.set(.now + .seconds(3_000)) { done.resume(returning: "later") }
        }
        #expect(first == "soon")
    }

    @Test func itCanBeSetAgainOnceItHasCalled() async {
        let alarm = Alarm()
        for _ in 0..<3 {
            await withCheckedContinuation { done in alarm.set(.now) { done.resume() } }
        }
        let later = ContinuousClock.now + .milliseconds(5)
        let called: ContinuousClock.Instant = await withCheckedContinuation { done in
            alarm.set(later) { done.resume(returning: .now) }
        }
        #expect(called >= later)
    }

    @Test func aLatchOpensForAllAndStaysOpen() async {
        let latch = Latch()
        async let first: Void = latch.wait()
        async let second: Void = latch.wait()
        latch.open()
        _ = await (first, second)
        await latch.wait()
    }

    @Test func aCancelledTaskDoesNotWaitAtALatch() async {
        let latch = Latch()
        let waiting = Task { await latch.wait() }
        waiting.cancel()
        await waiting.value
    }
}
