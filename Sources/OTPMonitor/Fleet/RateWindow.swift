/// Counts by second of the last minute, in 64 counters of 4 bytes.
package struct RateWindow: Sendable {
    private static let size = 64

    private var counts = [UInt32](repeating: 0, count: size)
    private var newest = 0
    package private(set) var total = 0

    package init() {}

    /// - Parameter second: since the beginning, never less than before.
    package mutating func add(second: Int) {
        advance(to: second)
        counts[second % Self.size] &+= 1
        total += 1
    }

    /// How many in the last whole seconds, the running one aside; `seconds` is at most 60.
    package func count(last seconds: Int, at second: Int) -> Int {
        // What is older than the newest counter by the window's size was forgotten, and after it nothing came.
        let first = max(0, second - seconds, newest - Self.size + 1)
        let end = min(second, newest + 1)
        return first < end ? (first..<end).reduce(0) { $0 + Int(counts[$1 % Self.size]) } : 0
    }

    /// Per second, over the last whole seconds that there were.
    package func rate(last seconds: Int, at second: Int) -> Double {
        let span = min(seconds, second)
        return span > 0 ? Double(count(last: seconds, at: second)) / Double(span) : 0
    }

    private mutating func advance(to second: Int) {
        guard second > newest else { return }
        for passed in max(newest + 1, second - Self.size + 1)...second { counts[passed % Self.size] = 0 }
        newest = second
    }
}
