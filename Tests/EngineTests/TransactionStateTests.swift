import Testing

@testable import OTPEngine

@Suite("At most one transaction at a time, and none forgotten")
struct TransactionStateTests {
    private func open(_ counter: UInt64) -> TransactionState.Open {
        TransactionState.Open(
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

    private func ready() -> TransactionState {
        var transaction = TransactionState()
        #expect(transaction.producerReady() == nil)
        return transaction
    }

    @Test func committed() {
        var transaction = TransactionState()
        #expect(!transaction.canForm(at: .seconds(1)) && !transaction.hasProducer && transaction.isIdle)
        #expect(transaction.producerReady() == nil)
        #expect(transaction.canForm(at: .seconds(1)) && transaction.hasProducer)
        transaction.formed(open(1))
        #expect(!transaction.canForm(at: .seconds(1)) && !transaction.isIdle)
        #expect(transaction.committed(id(2)) == nil)
        #expect(transaction.committed(id(1)) == open(1))
        #expect(transaction.committed(id(1)) == nil)
        #expect(transaction.canForm(at: .seconds(1)))
    }

    @Test func aborted() {
        var transaction = ready()
        transaction.formed(open(1))
        #expect(transaction.aborted(id(2), until: nil) == nil)
        #expect(transaction.aborted(id(1), until: .seconds(2)) == open(1))
        #expect(transaction.isIdle && transaction.nextWake == .seconds(2))
        #expect(!transaction.canForm(at: .seconds(1.9)))
        #expect(transaction.canForm(at: .seconds(2)))
        transaction.formed(open(2))
        #expect(transaction.aborted(id(2), until: nil) == open(2))
        #expect(transaction.canForm(at: .seconds(0)))
    }

    @Test func unknownThenResolved() {
        var transaction = ready()
        transaction.formed(open(1))
        #expect(transaction.becameUnknown(id(2)) == nil)
        #expect(transaction.becameUnknown(id(1)) == open(1))
        #expect(transaction.becameUnknown(id(1)) == nil)
        #expect(!transaction.hasProducer && !transaction.isIdle)
        // Too late: a new producer has made the broker decide.
        #expect(transaction.committed(id(1)) == nil)
        #expect(transaction.inResolution(id(1)) == nil)
        #expect(transaction.producerReady() == open(1))
        #expect(!transaction.canForm(at: .seconds(1)) && transaction.hasProducer)
        #expect(transaction.inResolution(id(2)) == nil)
        #expect(transaction.inResolution(id(1)) == open(1))
        transaction.resolved(id(2))
        #expect(!transaction.canForm(at: .seconds(1)))
        transaction.resolved(id(1))
        #expect(transaction.canForm(at: .seconds(1)))
    }

    @Test func askedAgainUntilItIsKnown() {
        var transaction = ready()
        transaction.formed(open(1))
        #expect(transaction.becameUnknown(id(1)) == open(1))
        #expect(transaction.producerReady() == open(1))
        transaction.unresolved(id(2), retryAt: .seconds(1))
        #expect(transaction.nextWake == nil)
        transaction.unresolved(id(1), retryAt: .seconds(3))
        #expect(transaction.nextWake == .seconds(3))
        #expect(transaction.timeReached(.seconds(2)) == nil)
        #expect(transaction.timeReached(.seconds(3)) == open(1))
        #expect(transaction.timeReached(.seconds(3)) == nil)
        #expect(transaction.inResolution(id(1)) == open(1))
    }

    @Test func aProducerIsGivenUpOnlyWhileNothingIsOpen() {
        var transaction = ready()
        #expect(transaction.producerAbandoned() == true)
        #expect(transaction.producerAbandoned() == false)
        #expect(transaction.producerReady() == nil)
        transaction.formed(open(1))
        #expect(transaction.producerAbandoned() == false)
        #expect(transaction.aborted(id(1), until: .seconds(1)) == open(1))
        #expect(transaction.producerAbandoned() == true)
        #expect(!transaction.canForm(at: .seconds(2)))
    }
}
