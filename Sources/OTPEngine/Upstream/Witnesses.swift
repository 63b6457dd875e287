/// Different sessions that were told the same by the upstream, with nobody served since the first of them.
///
/// What one session is told concerns that session alone: a firewall may dislike its id, and then refuses it for ever while all
/// others are served. So nothing halts, holds or opens before others have confirmed it: a few where nobody has been served for a
/// while, many where somebody was a moment ago, for among good sessions a few bad ones follow one another by chance.
struct Witnesses: Equatable, Sendable {
    /// More are not remembered: one that is not may be asked about as if it had never been told.
    private static let most = 1_024

    private var sessions: Set<SessionDigest> = []

    var count: Int { sessions.count }

    func contains(_ session: SessionDigest) -> Bool { sessions.contains(session) }

    /// Returns whether it is another session than all before; one that nobody knows is no witness.
    @discardableResult
    mutating func heard(_ session: SessionDigest?) -> Bool {
        guard let session, !sessions.contains(session) else { return false }
        if sessions.count < Self.most { sessions.insert(session) }
        return true
    }

    /// Somebody was served, or what was said is void.
    mutating func clear() { sessions.removeAll(keepingCapacity: true) }

    /// Whether it may be believed of the upstream as a whole, if a session was served last then; nil: none ever was.
    func areEnough(served: Instant?, at now: Instant) -> Bool {
        let isQuiet = served.map { now - $0 >= Limits.witnessSilence } ?? true
        return count >= (isQuiet ? Limits.witnesses : Limits.manyWitnesses)
    }
}
