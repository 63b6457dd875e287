import OTPEngine
import Testing

@Suite("The lease")
struct MembershipTests {
    private func membership() -> Membership { Membership(sessionTimeout: .seconds(10), now: .seconds(0)) }

    @Test func aLoopThatTurnsKeepsTheLease() {
        var membership = membership()
        #expect(membership.heartbeat == .milliseconds(1_250))
        for turn in 1...100 { #expect(membership.turned(at: .seconds(Double(turn) * 5)) == false) }
        #expect(membership.isLeaseValid)
    }

    @Test func aSleepBeyondHalfTheSessionTimeOutLosesTheLease() {
        var membership = membership()
        #expect(membership.turned(at: .seconds(5)) == false)
        #expect(membership.turned(at: .seconds(10.001)) == true)
        #expect(membership.cause == .slept)
        // News once; the second sleep is counted all the same.
        #expect(membership.turned(at: .seconds(20)) == false)
        #expect(membership.leaseLosses == 2)
    }

    @Test func aSilentCoordinatorLosesTheLease() {
        var membership = membership()
        membership.coordinatorHeard(at: .seconds(1), now: .seconds(4))
        #expect(membership.turned(at: .seconds(5)) == false)
        #expect(membership.turned(at: .seconds(8.5)) == false)
        #expect(membership.turned(at: .seconds(8.6)) == true)
        #expect(membership.cause == .coordinatorSilent)
        // News once, and counted once: it is one silence.
        #expect(membership.turned(at: .seconds(9)) == false)
        #expect(membership.leaseLosses == 1)
    }

    @Test func nothingProvesAnythingWhileTheCoordinatorIsSilent() {
        var membership = membership()
        membership.coordinatorHeard(at: .seconds(0), now: .seconds(1))
        #expect(membership.turned(at: .seconds(4)) == false)
        #expect(membership.turned(at: .seconds(8)) == true)
        let within = membership.leaseLosses
        #expect(!membership.canProve(at: .seconds(8)))
        #expect(membership.proven(by: within, at: .seconds(9)) == false)
        // Old news ends no silence.
        membership.coordinatorHeard(at: .seconds(0.5), now: .seconds(9))
        #expect(!membership.canProve(at: .seconds(9)))
        membership.coordinatorHeard(at: .seconds(9.5), now: .seconds(10))
        #expect(membership.canProve(at: .seconds(10)))
        #expect(membership.proven(by: within, at: .seconds(10)) == false)
        #expect(membership.proven(by: membership.leaseLosses, at: .seconds(10)) == true)
    }

    @Test func anotherConsumerHasAnotherCoordinatorToHear() {
        var membership = membership()
        membership.coordinatorHeard(at: .seconds(0), now: .seconds(0))
        membership.consumerReplaced()
        #expect(membership.canProve(at: .seconds(60)))
    }

    @Test func aFencedOneLosesTheLease() {
        var membership = membership()
        #expect(membership.fenced() == true)
        #expect(membership.cause == .fenced)
    }

    @Test func onlyABatchFormedAfterTheLatestReasonProvesAnything() {
        var membership = membership()
        let before = membership.leaseLosses
        #expect(membership.proven(by: before, at: .seconds(0)) == false)
        #expect(membership.fenced() == true)
        #expect(membership.proven(by: before, at: .seconds(0)) == false)
        let between = membership.leaseLosses
        #expect(membership.turned(at: .seconds(6)) == false)
        #expect(membership.proven(by: between, at: .seconds(6)) == false)
        #expect(!membership.isLeaseValid)
        #expect(membership.proven(by: membership.leaseLosses, at: .seconds(6)) == true)
        #expect(membership.isLeaseValid)
        #expect(membership.proven(by: membership.leaseLosses, at: .seconds(6)) == false)
    }

    @Test func aClockThatStandsStillIsNoSleep() {
        var membership = membership()
        #expect(membership.turned(at: .seconds(4)) == false)
        #expect(membership.turned(at: .seconds(4)) == false)
        #expect(membership.turned(at: .seconds(3)) == false)
        #expect(membership.lastTurn == .seconds(4))
    }
}
