import DequeModule

/// How a partition is read: what keeps it from being read, whether it is, and what was read too early.
struct PartitionReading {
    /// Reasons for a pause: it ends with the last of them.
    struct Pauses: OptionSet {
        let rawValue: UInt8
        static let admission = Pauses(rawValue: 1)
        static let window = Pauses(rawValue: 2)
        static let parked = Pauses(rawValue: 4)
        static let leaving = Pauses(rawValue: 8)
        static let unreadable = Pauses(rawValue: 16)
        static let unwritable = Pauses(rawValue: 32)
    }

    private(set) var pauses: Pauses = []
    /// It cannot be read from where it stands; what was read before goes on.
    private(set) var unreadable: Parking?
    private var backOff = BackOff(first: Limits.firstParking, longest: Limits.longestParking)
    private(set) var watch = ReadingWatch()
    private(set) var passage: Passage?
    /// Records too far ahead of the committed offset, in order, and the log's end if that is.
    private var held: Deque<ReceivedRecord> = []
    private(set) var heldEnd: Int64?

    /// Nothing keeps it from being read.
    var isMeantToBeRead: Bool { pauses.isEmpty }

    // MARK: Pauses

    /// - Returns: whether nothing paused it before.
    mutating func paused(for reason: Pauses) -> Bool {
        let isFirst = pauses.isEmpty
        pauses.insert(reason)
        return isFirst
    }

    /// - Returns: whether that was the last reason.
    mutating func unpaused(for reason: Pauses) -> Bool {
        guard pauses.contains(reason) else { return false }
        pauses.remove(reason)
        return pauses.isEmpty
    }

    // MARK: The watch

    /// It is read, or is not meant to be for now.
    /// - Returns: whether it had been thought stalled.
    mutating func moved() -> Bool { watch.moved() }

    /// Its leader says where it ends.
    mutating func told(end: Int64, position: Int64, at now: Instant) -> ReadingWatch.Suspicion? {
        watch.told(end: end, position: position, at: now)
    }

    // MARK: What came too early

    var isHolding: Bool { !held.isEmpty }
    /// The offset after the last one held.
    var heldThrough: Int64? { held.last.map { $0.id.offset + 1 } }

    mutating func held(_ record: ReceivedRecord) { held.append(record) }

    mutating func popHeld() -> ReceivedRecord? { held.popFirst() }

    /// It does not fit yet.
    mutating func putBack(_ record: ReceivedRecord) { held.prepend(record) }

    mutating func held(end: Int64?) { heldEnd = end }

    // MARK: What cannot be read

    /// A record was admitted: what kept it from being read is over.
    mutating func admitted() { backOff.succeeded() }

    /// How long reading stops because of what is not there.
    mutating func unreadableWait() -> Duration { backOff.failed() }

    mutating func stopped(until moment: Instant, reason: String) { unreadable = Parking(until: moment, reason: reason) }

    mutating func goesOn() {
        unreadable = nil
        pauses.remove(.unreadable)
    }

    /// What lies here, or is next, cannot be decoded.
    /// - Parameters:
    ///   - offset: where, if that is known.
    ///   - next: the offset to be read next when it was found, as the consumer had it.
    ///   - position: where the partition is read at the latest.
    /// - Returns: whether to go on at once past it; else it is tried again.
    mutating func undecodable(at offset: Int64?, from next: Int64, position: Int64) -> Bool {
        guard passage != nil else {
            passage = Passage(at: max(offset ?? .min, position))
            return false
        }
        return passage?.failed(at: offset, from: next) == true
    }

    /// Something was read at `offset`: what could not be decoded ended before it.
    /// - Returns: the stretch that was passed over.
    mutating func passed(at offset: Int64) -> Range<Int64>? {
        guard let passage else { return nil }
        self.passage = nil
        guard passage.position > passage.start, offset > passage.start else { return nil }
        return passage.start..<offset
    }
}
