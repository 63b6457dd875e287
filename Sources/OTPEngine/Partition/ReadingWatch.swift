/// Whether an owned partition is being read: its leader has records above our position, so some must come.
///
/// Evidence alone counts. A leader that cannot be asked says nothing, and nobody is suspected for it; an end that is older than
/// the truth only delays a suspicion.
package struct ReadingWatch: Equatable, Sendable {
    package enum Suspicion: Equatable, Sendable {
        /// Begin to read again at the position.
        case revive(after: Duration)
        /// That did not help: the consumer is of no more use.
        case replaceConsumer(after: Duration)
    }

    /// Since when there have been records to read at this position.
    private var waiting: (position: Int64, since: Instant)?
    private var lastRevival: Instant?
    private var revivals = 0
    /// The newest end that was told.
    package private(set) var end: Int64?

    package init() {}

    package static func == (left: Self, right: Self) -> Bool {
        left.waiting?.position == right.waiting?.position && left.waiting?.since == right.waiting?.since
            && left.lastRevival == right.lastRevival && left.revivals == right.revivals && left.end == right.end
    }

    /// Reading was begun again, and nothing has come since.
    package var isStalled: Bool { revivals > 0 }

    /// The next offset is another one, or nothing is meant to come: it is read, or need not be.
    /// - Returns: whether it had been thought stalled.
    package mutating func moved() -> Bool {
        defer {
            waiting = nil
            lastRevival = nil
            revivals = 0
        }
        return isStalled
    }

    /// The leader says where the partition ends.
    package mutating func told(end told: Int64, position: Int64, at now: Instant) -> Suspicion? {
        end = max(end ?? told, told)
        guard told > position else { return nil }
        guard let waiting, waiting.position == position else {
            self.waiting = (position, now)
            return nil
        }
        guard now - max(waiting.since, lastRevival ?? waiting.since) >= Limits.readingPatience else { return nil }
        lastRevival = now
        revivals += 1
        let silence = now - waiting.since
        return revivals > Limits.revivals ? .replaceConsumer(after: silence) : .revive(after: silence)
    }
}
