import NIOCore
import Testing

@testable import CheckOTP

/// The pool as a transcript: what happened, and what it answers.
struct PoolTests {
    private typealias Pool = ConnectionPool<Int>
    private typealias TimeAction = Pool.TimeAction

    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private func at(_ seconds: Int64) -> NIODeadline { start + .seconds(seconds) }
    private func makePool(maximum: Int = 2) -> Pool {
        Pool(maximum: maximum, connectTimeout: .seconds(3), idleTimeout: .seconds(30))
    }

    @Test func theConnectionUsedLastIsUsedFirst() {
        var pool = makePool()
        #expect(pool.warmUpRequested(5, at: at(0)) == [0, 1])
        #expect(pool.opened(0, retireAt: at(300), at: at(0)) == .park(until: at(30)))
        #expect(pool.opened(1, retireAt: at(300), at: at(1)) == .park(until: at(31)))
        #expect(pool.called(7, deadline: at(9), at: at(2)) == .send(on: 1))
        #expect(pool.released(1, at: at(3)) == .park(until: at(33)))
        #expect(pool.called(8, deadline: at(9), at: at(4)) == .send(on: 1))
        #expect(pool.called(9, deadline: at(9), at: at(4)) == .send(on: 0))
        #expect(pool.inUse == 2)
    }

    @Test func aFreedConnectionTakesTheLongestWaitingCall() {
        var pool = makePool(maximum: 1)
        #expect(pool.called(1, deadline: at(9), at: at(0)) == .waitAndOpen(0))
        #expect(pool.called(2, deadline: at(9), at: at(0)) == .wait)
        #expect(pool.called(3, deadline: at(9), at: at(0)) == .wait)
        #expect(pool.opened(0, retireAt: at(300), at: at(1)) == .send(1, on: 0))
        #expect(pool.released(0, at: at(2)) == .send(2, on: 0))
        #expect(pool.released(0, at: at(3)) == .send(3, on: 0))
        #expect(pool.released(0, at: at(4)) == .park(until: at(34)))
    }

    @Test func aConnectionBeingMadeServesTheNextCallInsteadOfAnother() {
        var pool = makePool()
        #expect(pool.warmUpRequested(1, at: at(0)) == [0])
        #expect(pool.called(1, deadline: at(9), at: at(0)) == .wait)
        #expect(pool.called(2, deadline: at(9), at: at(0)) == .waitAndOpen(1))
    }

    @Test func aCallWhoseConnectionSpoiledTakesAnotherOrIsFirstInLine() {
        var pool = makePool()
        #expect(pool.warmUpRequested(2, at: at(0)) == [0, 1])
        #expect(pool.opened(0, retireAt: at(300), at: at(0)) == .park(until: at(30)))
        #expect(pool.opened(1, retireAt: at(300), at: at(0)) == .park(until: at(30)))
        #expect(pool.called(1, deadline: at(9), at: at(1)) == .send(on: 1))
        #expect(pool.spoiled(1, for: 1, at: at(1)) == .send(on: 0))
        #expect(pool.called(2, deadline: at(9), at: at(1)) == .waitAndOpen(1))
        #expect(pool.spoiled(0, for: 1, at: at(1)) == .waitAndOpen(0))
        #expect(pool.opened(0, retireAt: at(300), at: at(2)) == .send(1, on: 0))
        #expect(pool.opened(1, retireAt: at(300), at: at(2)) == .send(2, on: 1))
        #expect((pool.inUse, pool.open) == (2, 2))
        _ = pool.closeRequested()
        #expect(pool.spoiled(0, for: 1, at: at(3)) == .refuse)
    }

    @Test func aFailureToConnectIsHeardByTheCallThatReliedOnIt() {
        var pool = makePool()
        #expect(pool.called(1, deadline: at(9), at: at(0)) == .waitAndOpen(0))
        #expect(pool.called(2, deadline: at(9), at: at(0)) == .waitAndOpen(1))
        #expect(pool.called(3, deadline: at(9), at: at(0)) == .wait)
        #expect(pool.opened(0, retireAt: at(300), at: at(1)) == .send(1, on: 0))
        #expect(pool.openFailed(1, at: at(1)) == .init(fail: 2, open: 1))
        #expect(pool.released(0, at: at(2)) == .send(3, on: 0))
        #expect(pool.openFailed(1, at: at(2)) == .init())
        #expect(pool.open == 1)
    }

    @Test func aClosedConnectionIsReplacedOnlyForThoseWhoWait() {
        var pool = makePool(maximum: 1)
        #expect(pool.called(1, deadline: at(9), at: at(0)) == .waitAndOpen(0))
        #expect(pool.opened(0, retireAt: at(300), at: at(0)) == .send(1, on: 0))
        #expect(pool.called(2, deadline: at(9), at: at(0)) == .wait)
        #expect(pool.closed(0, at: at(1)) == 0)
        #expect(pool.opened(0, retireAt: at(300), at: at(2)) == .send(2, on: 0))
        #expect(pool.released(0, at: at(3)) == .park(until: at(33)))
        #expect(pool.closed(0, at: at(4)) == nil)
        #expect(pool.open == 0)
    }

    @Test func anOldConnectionIsRetiredWhenItIsFreed() {
        var pool = makePool(maximum: 1)
        #expect(pool.called(1, deadline: at(9), at: at(0)) == .waitAndOpen(0))
        #expect(pool.opened(0, retireAt: at(5), at: at(0)) == .send(1, on: 0))
        #expect(pool.called(2, deadline: at(9), at: at(0)) == .wait)
        #expect(pool.released(0, at: at(5)) == .close(thenOpen: 0))
        #expect(pool.opened(0, retireAt: at(20), at: at(6)) == .send(2, on: 0))
        #expect(pool.released(0, at: at(7)) == .park(until: at(20)))
    }

    @Test func aConnectionIsNotUsedLongerThanTheUpstreamKeepsIt() {
        var pool = makePool(maximum: 1)
        #expect(pool.called(1, deadline: at(9), at: at(0)) == .waitAndOpen(0))
        #expect(pool.opened(0, retireAt: at(300), at: at(0)) == .send(1, on: 0))
        #expect(pool.released(0, reusableUntil: at(5), at: at(1)) == .park(until: at(5)))
        #expect(pool.called(2, deadline: at(9), at: at(4)) == .send(on: 0))
        #expect(pool.called(3, deadline: at(9), at: at(4)) == .wait)
        // The upstream's time has run since its last answer: nobody is sent into the close.
        #expect(pool.released(0, reusableUntil: at(5), at: at(5)) == .close(thenOpen: 0))
    }

    @Test func oneTimerServesEveryDeadline() {
        var pool = makePool(maximum: 3)
        #expect(pool.warmUpRequested(1, at: at(0)) == [0])
        #expect(pool.opened(0, retireAt: at(300), at: at(0)) == .park(until: at(30)))
        #expect(pool.timeReached(at(1)) == TimeAction(next: at(30)))
        #expect(pool.called(1, deadline: at(10), at: at(1)) == .send(on: 0))
        #expect(pool.called(2, deadline: at(6), at: at(1)) == .waitAndOpen(1))
        #expect(pool.called(3, deadline: at(2), at: at(1)) == .waitAndOpen(2))
        #expect(pool.timeReached(at(2)) == TimeAction(expiredWaiting: [3], next: at(4)))
        #expect(pool.timeReached(at(4)) == TimeAction(expiredConnecting: [1, 2], next: at(6)))
        #expect(pool.openFailed(1, at: at(4)) == .init())
        #expect(pool.openFailed(2, at: at(4)) == .init(fail: 2))
        #expect(pool.timeReached(at(10)) == TimeAction(expiredAttempts: [0]))
        #expect(pool.closed(0, at: at(10)) == nil)
        #expect(pool.timeReached(at(40)) == TimeAction())
    }

    @Test func anIdleConnectionIsForgottenAfterItsTimeout() {
        var pool = makePool()
        #expect(pool.warmUpRequested(2, at: at(0)) == [0, 1])
        #expect(pool.opened(0, retireAt: at(10), at: at(0)) == .park(until: at(10)))
        #expect(pool.opened(1, retireAt: at(300), at: at(0)) == .park(until: at(30)))
        #expect(pool.timeReached(at(10)) == TimeAction(closeIdle: [0], next: at(30)))
        #expect(pool.called(1, deadline: at(20), at: at(11)) == .send(on: 1))
        #expect(pool.called(2, deadline: at(20), at: at(11)) == .waitAndOpen(0))
    }

    @Test func aClosedPoolTakesNoCall() {
        var pool = makePool()
        #expect(pool.called(1, deadline: at(9), at: at(0)) == .waitAndOpen(0))
        #expect(pool.opened(0, retireAt: at(300), at: at(0)) == .send(1, on: 0))
        #expect(pool.called(2, deadline: at(9), at: at(0)) == .waitAndOpen(1))
        #expect(pool.closeRequested() == .init(fail: [2], close: [0, 1]))
        #expect(pool.called(3, deadline: at(9), at: at(0)) == .refuse)
        #expect(pool.warmUpRequested(2, at: at(0)) == [])
        #expect(pool.closed(0, at: at(1)) == nil)
        #expect(pool.openFailed(1, at: at(1)) == .init())
    }
}
