/// How much may be in memory: intake stops at the high mark and goes on at the low one, so that it does not flutter.
package struct Admission: Equatable, Sendable {
    package enum Change: Equatable, Sendable {
        case close
        case open
    }

    /// Commands.
    package let high: Int
    package let low: Int
    package private(set) var inMemory = 0
    package private(set) var isClosed = false

    package init(high: Int, low: Int) {
        precondition(0 <= low && low < high, "the low mark lies below the high one")
        self.high = high
        self.low = low
    }

    package mutating func admitted() -> Change? {
        inMemory += 1
        guard !isClosed, inMemory >= high else { return nil }
        isClosed = true
        return .close
    }

    package mutating func finished(_ count: Int = 1) -> Change? {
        inMemory -= count
        precondition(inMemory >= 0, "more commands finished than were admitted")
        guard isClosed, inMemory <= low else { return nil }
        isClosed = false
        return .open
    }
}
