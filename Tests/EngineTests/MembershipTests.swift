import Engine
import Testing

@Suite("The lease")
struct MembershipTests {
    private func membership() -> Membership { Membership(sessionTimeout: .seconds(10), now: .seconds(0)) }

    @Test func aLoopThatTurnsIsTrusted() {
        var membership = membership()
        #expect(membership.heartbeat == .milliseconds(1_250))
        for turn in 1...100 { #expect(membership.turned(at: .seconds(Double(turn) * 5)) == false) }
        #expect(membership.isTrusted)
    }

    @Test func aSleepBeyondHalfTheSessionTimeOutIsDistrusted() {
        var membership = membership()
        #expect(membership.turned(at: .seconds(5)) == false)
        #expect(membership.turned(at: .seconds(10.001)) == true)
        #expect(membership.cause == .slept)
        // News once; the second sleep is counted all the same.
        #expect(membership.turned(at: .seconds(20)) == false)
        #expect(membership.distrusts == 2)
    }

    @Test func aSilentCoordinatorIsDistrusted() {
        var membership = membership()
        #expect(membership.coordinatorSilent(for: .seconds(5)) == false)
        #expect(membership.isTrusted)
        #expect(membership.coordinatorSilent(for: .seconds(6)) == true)
        #expect(membership.cause == .coordinatorSilent)
    }

    @Test func aFencedOneIsDistrusted() {
        var membership = membership()
        #expect(membership.fenced() == true)
        #expect(membership.cause == .fenced)
    }

    @Test func onlyABatchFormedAfterTheLatestReasonProvesAnything() {
        var membership = membership()
        let before = membership.distrusts
        #expect(membership.proven(by: before) == false)
        #expect(membership.fenced() == true)
        #expect(membership.proven(by: before) == false)
        let between = membership.distrusts
        #expect(membership.coordinatorSilent(for: .seconds(6)) == false)
        #expect(membership.proven(by: between) == false)
        #expect(!membership.isTrusted)
        #expect(membership.proven(by: membership.distrusts) == true)
        #expect(membership.isTrusted)
        #expect(membership.proven(by: membership.distrusts) == false)
    }

    @Test func aClockThatStandsStillIsNoSleep() {
        var membership = membership()
        #expect(membership.turned(at: .seconds(4)) == false)
        #expect(membership.turned(at: .seconds(4)) == false)
        #expect(membership.turned(at: .seconds(3)) == false)
        #expect(membership.lastTurn == .seconds(4))
    }
}
