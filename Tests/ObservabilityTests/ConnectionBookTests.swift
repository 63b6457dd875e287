import Testing

@testable import OTPObservability

/// Who gives way on the admin server, as a transcript.
struct ConnectionBookTests {
    private typealias Book = ConnectionBook<Int>

    private func makeBook() -> Book { Book(.init(total: 3, perPeer: 2, reserve: 1)) }

    @Test func theOldestIdleConnectionGivesWay() {
        var book = makeBook()
        #expect(book.accepted(1, from: "a") == .init(decision: .served))
        #expect(book.accepted(2, from: "b") == .init(decision: .served))
        #expect(book.accepted(3, from: "c") == .init(decision: .served))
        book.busy(1)
        book.idle(1)
        #expect(book.accepted(4, from: "d") == .init(decision: .served, evicted: 2))
        book.busy(3)
        #expect(book.accepted(5, from: "e") == .init(decision: .served, evicted: 1))
        book.closed(4)
        #expect(book.accepted(6, from: "f") == .init(decision: .served))
    }

    @Test func aPeerThatHasItsShareReplacesItsOwn() {
        var book = makeBook()
        #expect(book.accepted(1, from: "kubelet") == .init(decision: .served))
        #expect(book.accepted(2, from: "stranger") == .init(decision: .served))
        #expect(book.accepted(3, from: "stranger") == .init(decision: .served))
        #expect(book.accepted(4, from: "stranger") == .init(decision: .served, evicted: 2))
        #expect(book.accepted(5, from: "stranger") == .init(decision: .served, evicted: 3))
    }

    @Test func whereAllAreBusyAProbeStillFindsAPlace() {
        var book = makeBook()
        for (id, peer) in [(1, "a"), (2, "b"), (3, "c")] {
            #expect(book.accepted(id, from: peer) == .init(decision: .served))
            book.busy(id)
        }
        #expect(book.accepted(4, from: "d") == .init(decision: .forProbes))
        #expect(book.accepted(5, from: "e") == .init(decision: .forProbes, evicted: 4))
        book.busy(5)
        #expect(book.accepted(6, from: "f") == .init(decision: .refused))
        book.closed(5)
        #expect(book.accepted(7, from: "a") == .init(decision: .forProbes))
        book.closed(1)
        #expect(book.accepted(8, from: "g") == .init(decision: .served))
    }
}
