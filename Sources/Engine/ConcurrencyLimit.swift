/// How many calls at a time the upstream takes well: found by adding one per round trip while all is well, and cutting when
/// it says that it is too much.
///
/// It starts at the cap and costs a comparison there.
package struct ConcurrencyLimit: Equatable, Sendable {
    package static let cut = 0.7

    private let cap: Int
    private var exact: Double
    /// As whole calls, never below one.
    package private(set) var limit: Int
    private var lastCut: Instant?

    package init(cap: Int) {
        self.cap = cap
        exact = Double(cap)
        limit = cap
    }

    /// A healthy answer, with `inFlight` calls under way: only a limit that is used shows whether it could be higher.
    package mutating func succeeded(inFlight: Int) {
        guard limit < cap, inFlight * 10 >= limit * 9 else { return }
        exact = min(exact + 1 / exact, Double(cap))
        limit = Int(exact)
    }

    /// Too much, says the answer of a call that began at `began`; once per round trip.
    ///
    /// Returns whether it was cut.
    package mutating func overloaded(began: Instant, at now: Instant) -> Bool {
        if let lastCut, began < lastCut { return false }
        lastCut = now
        guard limit > 1 else { return false }
        exact = max(exact * Self.cut, 1)
        limit = Int(exact)
        return true
    }
}
