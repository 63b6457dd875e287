import Testing

@testable import OTPWorker

@Suite("Writes to the ledger take turns, partition by partition")
struct WriteTurnsTests {
    @Test func whatComesTogetherGoesTogether() {
        var turns = WriteTurns<String>()
        // Asked for once, however many come before it is asked.
        #expect(turns.add("a", to: 0) == true)
        #expect(turns.add("b", to: 1) == false)
        #expect(turns.add("c", to: 0) == false)
        #expect(turns.next() == ["a", "c", "b"])
        #expect(turns.next() == [])
    }

    @Test func whatComesMeanwhileGoesWithTheNextTurnInItsOrder() {
        var turns = WriteTurns<String>()
        #expect(turns.add("a", to: 0) == true)
        #expect(turns.add("b", to: 0) == false)
        #expect(turns.next() == ["a", "b"])
        #expect(turns.add("c", to: 0) == false)
        #expect(turns.add("d", to: 0) == false)
        #expect(turns.next() == [])
        // The first of two acknowledgements ends no turn.
        #expect(turns.ended(in: 0) == false)
        #expect(turns.ended(in: 0) == true)
        #expect(turns.next() == ["c", "d"])
    }

    @Test func aPartitionWaitsForNoOther() {
        var turns = WriteTurns<String>()
        #expect(turns.add("a", to: 0) == true)
        #expect(turns.next() == ["a"])
        #expect(turns.add("b", to: 1) == true)
        #expect(turns.next() == ["b"])
    }

    @Test func aQuietPartitionBeginsAtOnce() {
        var turns = WriteTurns<String>()
        #expect(turns.add("a", to: 0) == true)
        #expect(turns.next() == ["a"])
        #expect(turns.ended(in: 0) == false)
        #expect(turns.add("b", to: 0) == true)
        #expect(turns.next() == ["b"])
    }

    @Test func whatIsGivenUpIsToldAndNeverGoes() {
        var turns = WriteTurns<String>()
        #expect(turns.add("a", to: 0) == true)
        #expect(turns.next() == ["a"])
        #expect(turns.add("b", to: 0) == false)
        #expect(turns.givenUp(in: 0) == ["b"])
        #expect(turns.givenUp(in: 7) == [])
        #expect(turns.ended(in: 0) == false)
        #expect(turns.add("c", to: 0) == true)
        #expect(turns.next() == ["c"])
    }

    @Test func givenUpBeforeItsTurnNothingGoes() {
        var turns = WriteTurns<String>()
        #expect(turns.add("a", to: 0) == true)
        #expect(turns.givenUp(in: 0) == ["a"])
        #expect(turns.next() == [])
        #expect(turns.add("b", to: 0) == true)
        #expect(turns.next() == ["b"])
    }

    @Test func afterAnEndOfAllTheNextIsNotHeldUp() {
        var turns = WriteTurns<String>()
        #expect(turns.add("a", to: 0) == true)
        #expect(turns.next() == ["a"])
        #expect(turns.add("b", to: 0) == false)
        #expect(turns.removeAll() == ["b"])
        #expect(turns.add("c", to: 0) == true)
        #expect(turns.next() == ["c"])
        #expect(turns.ended(in: 7) == false)
    }
}
