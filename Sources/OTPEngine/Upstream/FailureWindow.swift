/// Calls and failures of the last moments, in ten equal parts of which the oldest is forgotten as a new one begins.
///
/// It never allocates after it was made, and costs the same whatever the traffic.
package struct FailureWindow: Equatable, Sendable {
    private struct Part: Equatable {
        var number: Int64 = .min
        var calls = 0
        var failures = 0
    }

    private static let parts: Int64 = 10
    private let part: Int64
    private var ring = [Part](repeating: Part(), count: Int(parts))

    package init(length: Duration) { part = max(length.nanoseconds / Self.parts, 1) }

    package mutating func count(isFailure: Bool, at now: Instant) {
        let number = now.nanoseconds / part
        let index = Int(number % Self.parts)
        if ring[index].number != number { ring[index] = Part(number: number) }
        ring[index].calls += 1
        if isFailure { ring[index].failures += 1 }
    }

    /// Calls, and how many of them failed.
    package func totals(at now: Instant) -> (calls: Int, failures: Int) {
        let oldest = now.nanoseconds / part - Self.parts + 1
        return ring.reduce(into: (0, 0)) { totals, part in
            guard part.number >= oldest else { return }
            totals.0 += part.calls
            totals.1 += part.failures
        }
    }

    package mutating func clear() {
        for index in ring.indices { ring[index] = Part() }
    }
}
