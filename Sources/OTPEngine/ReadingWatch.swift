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

/// The way past records that cannot be decoded: tried often enough to know, then a record at a time, for how many a damaged
/// batch holds cannot be told, and the next one may begin at any offset.
package struct Passage: Equatable, Sendable {
    /// The first offset that could not be decoded.
    package private(set) var start: Int64
    /// Where reading is tried.
    package private(set) var position: Int64
    private var tries = 1

    package init(at offset: Int64) {
        start = offset
        position = offset
    }

    /// It failed again, at this offset where that is known: what lies before it was read, or holds nothing.
    ///
    /// Failures queue up: one of reading that had begun before `position` says nothing of what lies there, and must not count as
    /// the failure of what may well be read.
    /// - Parameters:
    ///   - offset: where, if that is known.
    ///   - from: the next offset to be read when it failed, as the consumer then had it.
    /// - Returns: whether to go on at once, from `position`.
    package mutating func failed(at offset: Int64?, from: Int64) -> Bool {
        guard from >= position else { return true }
        if let offset, offset > position {
            if position == start { start = offset }
            position = offset
        }
        tries += 1
        guard tries > Limits.decodingTries else { return false }
        position += 1
        return true
    }
}
