import Testing

@testable import OTPEngine

@Suite("At most one transaction at a time, and none forgotten")
struct SettlementTests {
    private func open(_ counter: UInt64) -> Settlement.Open {
        Settlement.Open(
            id: id(counter),
            formed: .seconds(0),
            leaseLosses: 0,
            results: [],
            ledger: [],
            deadLetters: [],
            shares: [:]
        )
    }

    private func id(_ counter: UInt64) -> BatchID { BatchID(process: 7, counter: counter) }

    private func ready() -> Settlement {
        var settlement = Settlement()
        #expect(settlement.producerReady() == nil)
        return settlement
    }

    @Test func committed() {
        var settlement = Settlement()
        #expect(!settlement.canForm(at: .seconds(1)) && !settlement.hasProducer && settlement.isIdle)
        #expect(settlement.producerReady() == nil)
        #expect(settlement.canForm(at: .seconds(1)) && settlement.hasProducer)
        settlement.formed(open(1))
        #expect(!settlement.canForm(at: .seconds(1)) && !settlement.isIdle)
        #expect(settlement.committed(id(2)) == nil)
        #expect(settlement.committed(id(1)) == open(1))
        #expect(settlement.committed(id(1)) == nil)
        #expect(settlement.canForm(at: .seconds(1)))
    }

    @Test func aborted() {
        var settlement = ready()
        settlement.formed(open(1))
        #expect(settlement.aborted(id(2), until: nil) == nil)
        #expect(settlement.aborted(id(1), until: .seconds(2)) == open(1))
        #expect(settlement.isIdle && settlement.nextWake == .seconds(2))
        #expect(!settlement.canForm(at: .seconds(1.9)))
        #expect(settlement.canForm(at: .seconds(2)))
        settlement.formed(open(2))
        #expect(settlement.aborted(id(2), until: nil) == open(2))
        #expect(settlement.canForm(at: .seconds(0)))
    }

    @Test func unknownThenResolved() {
        var settlement = ready()
        settlement.formed(open(1))
        #expect(settlement.becameUnknown(id(2)) == nil)
        #expect(settlement.becameUnknown(id(1)) == open(1))
        #expect(settlement.becameUnknown(id(1)) == nil)
        #expect(!settlement.hasProducer && !settlement.isIdle)
        // Too late: a new producer has made the broker decide.
        #expect(settlement.committed(id(1)) == nil)
        #expect(settlement.inResolution(id(1)) == nil)
        #expect(settlement.producerReady() == open(1))
        #expect(!settlement.canForm(at: .seconds(1)) && settlement.hasProducer)
        #expect(settlement.inResolution(id(2)) == nil)
        #expect(settlement.inResolution(id(1)) == open(1))
        settlement.resolved(id(2))
        #expect(!settlement.canForm(at: .seconds(1)))
        settlement.resolved(id(1))
        #expect(settlement.canForm(at: .seconds(1)))
    }

    @Test func askedAgainUntilItIsKnown() {
        var settlement = ready()
        settlement.formed(open(1))
        #expect(settlement.becameUnknown(id(1)) == open(1))
        #expect(settlement.producerReady() == open(1))
        settlement.unresolved(id(2), retryAt: .seconds(1))
        #expect(settlement.nextWake == nil)
        settlement.unresolved(id(1), retryAt: .seconds(3))
        #expect(settlement.nextWake == .seconds(3))
        #expect(settlement.timeReached(.seconds(2)) == nil)
        #expect(settlement.timeReached(.seconds(3)) == open(1))
        #expect(settlement.timeReached(.seconds(3)) == nil)
        #expect(settlement.inResolution(id(1)) == open(1))
    }

    @Test func aProducerIsGivenUpOnlyWhileNothingIsOpen() {
        var settlement = ready()
        #expect(settlement.producerAbandoned() == true)
        #expect(settlement.producerAbandoned() == false)
        #expect(settlement.producerReady() == nil)
        settlement.formed(open(1))
        #expect(settlement.producerAbandoned() == false)
        #expect(settlement.aborted(id(1), until: .seconds(1)) == open(1))
        #expect(settlement.producerAbandoned() == true)
        #expect(!settlement.canForm(at: .seconds(2)))
    }
}
