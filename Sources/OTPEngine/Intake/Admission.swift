/// How much may be in memory: intake stops at a high mark and goes on at the low ones, so that it does not flutter.
package struct Admission: Equatable, Sendable {
    package enum Change: Equatable, Sendable {
        case close
        case open
    }

    /// Commands.
    package let high: Int
    package let low: Int
    /// Bytes of memory at which intake stops; it goes on at half of them.
    package let maximumBytes: Int
    package private(set) var inMemory = 0
    package private(set) var bytes = 0
    package private(set) var isClosed = false

    package init(high: Int, low: Int, maximumBytes: Int = 64 << 20) {
        precondition(0 <= low && low < high, "the low mark lies below the high one")
        self.high = high
        self.low = low
        self.maximumBytes = maximumBytes
    }

    package mutating func admitted(bytes: Int = 0) -> Change? {
        inMemory += 1
        self.bytes += bytes
        guard !isClosed, inMemory >= high || self.bytes >= maximumBytes else { return nil }
        isClosed = true
        return .close
    }

    package mutating func finished(_ count: Int = 1, bytes: Int = 0) -> Change? {
        inMemory -= count
        self.bytes -= bytes
        precondition(inMemory >= 0 && self.bytes >= 0, "more commands finished than were admitted")
        guard isClosed, inMemory <= low, self.bytes <= maximumBytes / 2 else { return nil }
        isClosed = false
        return .open
    }
}
