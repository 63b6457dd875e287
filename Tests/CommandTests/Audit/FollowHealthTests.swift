import Testing
import otp_worker

struct FollowHealthTests {
    private let start = ContinuousClock.now

    @Test func itIsWellOnlyWhileRoundsEnd() {
        var health = FollowHealth(at: start)
        #expect(
            health.verdict(at: start + .seconds(3)) == (false, "not judged once, after 3 s: the topics are being read")
        )
        health.roundEnded(at: start + .seconds(4))
        #expect(health.verdict(at: start + .seconds(9)) == (true, "judged 5 s ago"))
        #expect(health.verdict(at: start + .seconds(63)) == (true, "judged 59 s ago"))
        let stuck = health.verdict(at: start + .seconds(64))
        #expect(stuck == (false, "not judged for 60 s: the topics are being read"))
    }

    @Test func aRoundThatFailsIsToldAtOnce() {
        var health = FollowHealth(at: start)
        health.roundFailed("no broker")
        #expect(health.verdict(at: start + .seconds(3)) == (false, "not judged once, after 3 s: no broker"))
        health.roundEnded(at: start + .seconds(4))
        health.roundFailed("no leader")
        #expect(health.verdict(at: start + .seconds(6)) == (false, "not judged for 2 s: no leader"))
        health.roundEnded(at: start + .seconds(7))
        #expect(health.verdict(at: start + .seconds(7)).isOK)
    }
}
