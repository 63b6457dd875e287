import DequeModule

/// What waits for a transaction in one partition, beside an offset that has moved.
struct Uncommitted {
    /// Outcomes, in the order in which they were reached.
    private(set) var concluded: Deque<Command> = []
    /// Intents of commands left to the next owner although nothing about them is in doubt.
    private(set) var voids: [Command] = []
    /// Per session its tombstones that are not committed yet.
    ///
    /// An intent under the same key must not be written before they are: they would wipe it out.
    private var tombstones: [SessionDigest: Int] = [:]
    /// Records that could not be decoded and were passed over: a dead letter each is owed.
    private(set) var skipped: [Range<Int64>] = []
    /// The group has no offset of it: one is committed though nothing has moved, so that nobody takes the whole topic for its lag.
    private(set) var lacksOffset = false

    mutating func restored(lacksOffset: Bool) { self.lacksOffset = lacksOffset }

    /// A tombstone of this session is not committed yet.
    func hasTombstone(of session: SessionDigest) -> Bool { tombstones[session] != nil }

    /// A command came to its outcome; `leavesIntent`: a tombstone goes with it.
    mutating func concluded(_ command: Command, leavesIntent: Bool) {
        if leavesIntent, let session = command.session { tombstones[session, default: 0] += 1 }
        concluded.append(command)
    }

    /// A command is left to the next owner: its intent is voided.
    mutating func abandoned(_ command: Command, of session: SessionDigest) {
        voids.append(command)
        tombstones[session, default: 0] += 1
    }

    mutating func passedOver(_ range: Range<Int64>) { skipped.append(range) }

    /// Its letter is dropped: nothing is owed for the stretch that begins with this record.
    mutating func letterDropped(_ offset: Int64) { skipped.removeAll { $0.lowerBound == offset } }

    // MARK: A batch

    /// The next outcomes, as many as there is room for, and whatever else has come of their sessions.
    ///
    /// A state speaks of the whole session, and is proof that the records it names are finished (``LedgerRestore/Horizon``): so
    /// none may be left for a later batch.
    mutating func dequeueConcluded(room: inout Int) -> [Command] {
        let first = min(room, concluded.count)
        var dequeued = Array(concluded.prefix(first))
        concluded.removeFirst(first)
        room -= first
        guard !concluded.isEmpty else { return dequeued }
        let sessions = Set((voids + dequeued).compactMap(\.session))
        guard !sessions.isEmpty else { return dequeued }
        let isDequeued = { (command: Command) in command.session.map(sessions.contains) ?? false }
        dequeued += concluded.filter(isDequeued)
        concluded.removeAll(where: isDequeued)
        room = max(0, room)
        return dequeued
    }

    mutating func dequeueVoids() -> [Command] {
        defer { voids.removeAll() }
        return voids
    }

    /// The batch was aborted: an outcome, in the order it had before.
    mutating func requeued(_ command: Command) { concluded.prepend(command) }

    mutating func requeued(voids commands: [Command]) { voids += commands }

    /// The batch committed.
    mutating func committed(skipped ranges: [Range<Int64>]) {
        skipped.removeAll { ranges.contains($0) }
        lacksOffset = false
    }

    /// One tombstone of this session was in it.
    mutating func voided(_ session: SessionDigest) {
        let left = (tombstones[session] ?? 1) - 1
        tombstones[session] = left > 0 ? left : nil
    }
}
