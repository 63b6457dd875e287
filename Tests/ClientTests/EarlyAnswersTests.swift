import OTPContract
import Testing

@testable import OTPVerifyClient

/// What is kept of results whose command has no coordinates yet.
@Suite struct EarlyAnswersTests {
    private func filled(_ offsets: Range<Int64>, count: Int = .max / 4, bytes: Int = .max) -> EarlyAnswers {
        var early = EarlyAnswers(maximumCount: count, maximumBytes: bytes)
        for offset in offsets { early.keep(Sample.answer("a", at: offset)) }
        return early
    }

    @Test func anAnswerIsRemovedOnceByItsCoordinates() {
        var early = filled(0..<3)
        #expect(early.remove(Sample.coordinates(1)) == Sample.answer("a", at: 1))
        #expect(early.remove(Sample.coordinates(1)) == nil)
        #expect(early.remove(Sample.coordinates(9)) == nil)
        #expect(early.count == 2)
    }

    @Test func theFirstOfOnePlaceStays() {
        var early = EarlyAnswers(maximumCount: 2, maximumBytes: .max)
        early.keep(Sample.answer("first", at: 1))
        early.keep(Sample.answer("second", at: 1))
        #expect(early.count == 1)
        #expect(early.remove(Sample.coordinates(1))?.event.commandID == "first")
    }

    @Test func theOldestMakeRoomByCount() {
        var early = filled(0..<5, count: 3)
        #expect(early.count == 3)
        #expect(early.remove(Sample.coordinates(1)) == nil)
        #expect(early.remove(Sample.coordinates(2)) != nil)
    }

    @Test func theOldestMakeRoomByBytes() {
        let one = Sample.answer("a", at: 0).bytes
        var early = filled(0..<5, bytes: 2 * one)
        #expect(early.count == 2)
        #expect(early.remove(Sample.coordinates(2)) == nil)
        #expect(early.remove(Sample.coordinates(3)) != nil && early.remove(Sample.coordinates(4)) != nil)
        // What was taken takes no room.
        early.keep(Sample.answer("a", at: 5))
        early.keep(Sample.answer("a", at: 6))
        #expect(early.count == 2)
    }

    @Test func whatIsClearedIsGone() {
        var early = filled(0..<3, count: 3)
        early.removeAll()
        #expect(early.count == 0)
        #expect(early.remove(Sample.coordinates(0)) == nil)
        early.keep(Sample.answer("a", at: 0))
        #expect(early.count == 1)
    }
}
