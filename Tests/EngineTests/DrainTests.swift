import OTPEngine
import Testing

@Suite("The way out, step by step")
struct DrainTests {
    @Test func itEndsWhenNothingIsLeft() {
        var drain = Drain()
        #expect(drain.isRunning)
        #expect(drain.progressed(isIdle: true, at: .seconds(1)) == false)
        #expect(drain.requested(at: .seconds(1), timeout: .seconds(20)) == true)
        #expect(drain.requested(at: .seconds(2), timeout: .seconds(20)) == false)
        #expect(drain.deadline == .seconds(21))
        #expect(drain.progressed(isIdle: false, at: .seconds(20)) == false)
        #expect(drain.progressed(isIdle: true, at: .seconds(20)) == true)
        #expect(drain.state == .stopped)
        #expect(drain.progressed(isIdle: true, at: .seconds(21)) == false)
        #expect(drain.requested(at: .seconds(22), timeout: .seconds(20)) == false)
        #expect(drain.deadline == nil)
    }

    @Test func itEndsAtTheDeadline() {
        var drain = Drain()
        #expect(drain.requested(at: .seconds(1), timeout: .seconds(20)) == true)
        #expect(drain.progressed(isIdle: false, at: .seconds(20.9)) == false)
        #expect(drain.progressed(isIdle: false, at: .seconds(21)) == true)
        #expect(!drain.isRunning)
    }
}
