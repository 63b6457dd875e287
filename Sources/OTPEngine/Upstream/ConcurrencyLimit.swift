/// How many calls at a time the upstream takes well: found by adding one per round trip while all is well, and cutting when
/// it says to several sessions, and to more than a few in a hundred, that it is too much.
///
/// It starts at the cap and costs a comparison there.
package struct ConcurrencyLimit: Equatable, Sendable {
    package static let cut = 0.7

    private let cap: Int
    private var exact: Double
    /// As whole calls, never below one.
    package private(set) var limit: Int
    private var lastCut: Instant?
    /// The session that was told last that it is too much, and when.
    private var told: SessionDigest?
    private var toldAt: Instant?
    private var window = FailureWindow(length: Self.memory)
    /// How far back it looks for another session, and for the share of such answers.
    private static let memory = Duration.seconds(5)
    private static let share = 0.05

    package init(cap: Int) {
        self.cap = cap
        exact = Double(cap)
        limit = cap
    }

    /// A healthy answer, with `inFlight` calls under way: only a limit that is used shows whether it could be higher.
    package mutating func succeeded(inFlight: Int, at now: Instant) {
        window.count(isFailure: false, at: now)
        guard limit < cap, inFlight * 10 >= limit * 9 else { return }
        exact = min(exact + 1 / exact, Double(cap))
        limit = Int(exact)
    }

    /// Too much, says the answer of a call that began at `began`; once per round trip.
    ///
    /// Returns whether it was cut.
    package mutating func overloaded(by session: SessionDigest, began: Instant, at now: Instant) -> Bool {
        window.count(isFailure: true, at: now)
        let before = toldAt.map { now - $0 <= Self.memory } == true ? told : nil
        (told, toldAt) = (session, now)
        guard let before, before != session else { return false }
        let (answers, such) = window.totals(at: now)
        guard Double(such) >= Self.share * Double(answers) else { return false }
        if let lastCut, began < lastCut { return false }
        lastCut = now
        guard limit > 1 else { return false }
        exact = max(exact * Self.cut, 1)
        limit = Int(exact)
        return true
    }
}
