/// Which connections of a server are held, and which one goes when another comes.
///
/// A value: it is told what happened and returns what to do. Whatever strangers open, a probe finds a place: the oldest idle
/// connection gives way, of the same peer first; and where all are busy, some places are kept for probes alone.
package struct ConnectionBook<ID: Hashable & Sendable>: Sendable {
    /// In connections.
    package struct Limits: Sendable {
        package var total: Int
        /// Of one address.
        package var perPeer: Int
        /// Besides `total`: for `/live` and `/ready` only.
        package var reserve: Int

        package init(total: Int = 64, perPeer: Int = 32, reserve: Int = 8) {
            self.total = total
            self.perPeer = perPeer
            self.reserve = reserve
        }
    }

    /// What becomes of a connection that has just come.
    package struct Verdict: Equatable, Sendable {
        package enum Decision: Equatable, Sendable {
            case served
            /// Probes are answered, nothing else is.
            case forProbes
            case refused
        }

        package var decision: Decision
        /// Closed in its favour.
        package var evicted: ID?

        package init(decision: Decision, evicted: ID? = nil) {
            self.decision = decision
            self.evicted = evicted
        }
    }

    private struct Entry {
        var peer: String
        var isReserved: Bool
        /// When it began to wait for a request, as a count of events; nil while one is being answered.
        var idleSince: UInt64?
    }

    private let limits: Limits
    private var entries: [ID: Entry] = [:]
    private var events: UInt64 = 0

    package init(_ limits: Limits = Limits()) {
        self.limits = limits
    }

    package mutating func accepted(_ id: ID, from peer: String) -> Verdict {
        events += 1
        let ofPeer = entries.filter { $0.value.peer == peer && !$0.value.isReserved }
        if ofPeer.count >= limits.perPeer {
            return replace(among: ofPeer, with: id, peer)
        }
        let served = entries.filter { !$0.value.isReserved }
        if served.count < limits.total {
            entries[id] = Entry(peer: peer, isReserved: false, idleSince: events)
            return Verdict(decision: .served)
        }
        return replace(among: served, with: id, peer)
    }

    /// A request is being answered on it.
    package mutating func busy(_ id: ID) {
        entries[id]?.idleSince = nil
    }

    /// It waits for the next request.
    package mutating func idle(_ id: ID) {
        events += 1
        entries[id]?.idleSince = events
    }

    package mutating func closed(_ id: ID) {
        entries[id] = nil
    }

    /// The oldest idle one of `candidates` gives way; where all are busy, the reserve takes the newcomer.
    private mutating func replace(
        among candidates: [ID: Entry],
        with id: ID,
        _ peer: String
    ) -> Verdict {
        if let oldest = Self.oldestIdle(candidates) {
            entries[oldest] = nil
            entries[id] = Entry(peer: peer, isReserved: false, idleSince: events)
            return Verdict(decision: .served, evicted: oldest)
        }
        let reserved = entries.filter(\.value.isReserved)
        let evicted = reserved.count < limits.reserve ? nil : Self.oldestIdle(reserved)
        guard reserved.count < limits.reserve || evicted != nil else { return Verdict(decision: .refused) }
        if let evicted { entries[evicted] = nil }
        entries[id] = Entry(peer: peer, isReserved: true, idleSince: events)
        return Verdict(decision: .forProbes, evicted: evicted)
    }

    private static func oldestIdle(_ entries: [ID: Entry]) -> ID? {
        entries.compactMap { id, entry in entry.idleSince.map { (id, $0) } }.min { $0.1 < $1.1 }?.0
    }
}
