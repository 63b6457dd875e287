import OTPEngine
import Testing

@Suite("The halt, transition by transition")
struct HaltTests {
    private let cause = Halt.Cause(httpStatus: 401, code: nil)

    private func id(_ offset: Int64) -> RecordID {
        RecordID(epoch: PartitionEpoch(partition: 0, epoch: 1), offset: offset)
    }

    @Test func itProbesAtASlowingPaceAndEndsByItself() {
        var halt = Halt(pace: .seconds(5), longest: .seconds(30))
        #expect(halt.gate(at: .seconds(1)) == .open)
        #expect(halt.refused(id(1), cause, at: .seconds(1)) == true)
        for (now, next) in [(1, 6), (6, 16), (16, 36), (36, 66), (66, 96)] as [(Double, Double)] {
            #expect(halt.gate(at: .seconds(now)) == .probe)
            halt.probed(with: id(2))
            #expect(halt.gate(at: .seconds(now)) == .closed(until: nil))
            #expect(halt.refused(id(2), cause, at: .seconds(now)) == false)
            #expect(halt.gate(at: .seconds(now)) == .closed(until: .seconds(next)))
        }
        halt.probed(with: id(3))
        #expect(halt.answered(id(3), at: .seconds(96)) == .seconds(95))
        #expect(halt.gate(at: .seconds(96)) == .open)
        #expect(halt.refused(id(4), cause, at: .seconds(100)) == true)
        #expect(halt.gate(at: .seconds(100)) == .probe)
    }

    @Test func whatWasAskedBeforeDecidesNothing() {
        var halt = Halt(pace: .seconds(5), longest: .seconds(30))
        #expect(halt.refused(id(1), cause, at: .seconds(1)) == true)
        #expect(halt.refused(id(2), cause, at: .seconds(3)) == false)
        #expect(halt.answered(id(3), at: .seconds(3)) == nil)
        #expect(halt.isHalted)
        #expect(halt.gate(at: .seconds(3)) == .probe)
    }

    @Test func aWitnessThatIsRefusedAgainDelaysNobodyElse() {
        var halt = Halt(pace: .seconds(5), longest: .seconds(30))
        _ = halt.refused(id(1), cause, at: .seconds(0))
        #expect(halt.nextProbe == .seconds(0))
        #expect(halt.nextRepeat == .seconds(5))
        halt.probed(with: id(1))
        _ = halt.refused(id(1), cause, isWitness: true, at: .seconds(6))
        #expect(halt.nextProbe == .seconds(0))
        #expect(halt.nextRepeat == .seconds(11))
        halt.probed(with: id(2))
        _ = halt.refused(id(2), cause, at: .seconds(7))
        #expect(halt.nextProbe == .seconds(12))
        #expect(halt.nextRepeat == .seconds(12))
    }

    @Test func anAttemptWithoutAnAnswerSaysNothingOfTheKey() {
        var halt = Halt(pace: .seconds(5), longest: .seconds(30))
        _ = halt.refused(id(1), cause, at: .seconds(0))
        halt.probed(with: id(2))
        halt.unanswered(id(2), at: .seconds(6))
        #expect(halt.isHalted)
        #expect(halt.gate(at: .seconds(6)) == .closed(until: .seconds(11)))
    }

    @Test func aProbeThatIsNotAskedMakesRoomForAnother() {
        var halt = Halt(pace: .seconds(5), longest: .seconds(30))
        _ = halt.refused(id(1), cause, at: .seconds(0))
        halt.probed(with: id(2))
        halt.released(id(9))
        #expect(halt.isProbe(id(2)))
        halt.released(id(2))
        #expect(halt.gate(at: .seconds(6)) == .probe)
    }

    @Test func aNewKeyIsTriedAtOnceAndTheWaitsBeginAgain() {
        var halt = Halt(pace: .seconds(5), longest: .seconds(30))
        halt.keyReplaced(at: .seconds(0))
        #expect(!halt.isHalted)
        _ = halt.refused(id(1), cause, at: .seconds(1))
        halt.probed(with: id(2))
        _ = halt.refused(id(2), cause, at: .seconds(6))
        halt.keyReplaced(at: .seconds(8))
        #expect(halt.gate(at: .seconds(8)) == .probe)
        halt.probed(with: id(3))
        halt.keyReplaced(at: .seconds(8))
        #expect(halt.gate(at: .seconds(8)) == .closed(until: nil))
        _ = halt.refused(id(3), cause, at: .seconds(9))
        #expect(halt.gate(at: .seconds(9)) == .closed(until: .seconds(14)))
    }

    @Test func theCauseIsSaid() {
        #expect(
            Halt.Cause(httpStatus: 403, code: 7).description
                == "the upstream refuses the account or the key: HTTP 403, code 7"
        )
    }
}
