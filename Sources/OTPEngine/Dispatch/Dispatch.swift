/// Who is asked about next, and how many at a time: the queue for a call slot, those that wait between two attempts, and the slots.
///
/// It knows nothing of the upstream: whether a call may begin is ``Protection``'s.
struct Dispatch {
    private var ready = ReadyQueue()
    private var backOffs = BackOffQueue()
    /// Call slots taken: intents being written and calls under way, those of partitions since lost included.
    private(set) var slots = 0
    /// Intents under way whose slots were given back before they ended.
    private var freedIntents: Set<RecordID> = []
    /// When dispatch may go on, if commands wait for that.
    private(set) var next: Instant?

    /// Entries of its queues, those of commands that have moved on included.
    var count: Int { ready.count + backOffs.count }
    var isEmpty: Bool { ready.isEmpty }
    var nextBackOffEnd: Instant? { backOffs.nextDue }
    var nextDeadline: Instant? { ready.nextDeadline }
    var nextWaitEnd: Instant? { ready.nextWaitEnd }

    // MARK: Slots

    mutating func slotAcquired() { slots += 1 }

    mutating func slotFreed() { slots -= 1 }

    /// The slot of an intent that does not end is given back.
    /// - Returns: whether it was taken until now.
    mutating func intentStuck(_ id: RecordID) -> Bool {
        guard freedIntents.insert(id).inserted else { return false }
        slots -= 1
        return true
    }

    /// Its slot is free, if it was not given back before.
    mutating func intentEnded(_ id: RecordID) {
        if freedIntents.remove(id) == nil { slots -= 1 }
    }

    // MARK: Whose turn it is

    /// A command wants a slot.
    mutating func queued(_ command: Command, at now: Instant) { ready.push(command, at: now) }

    /// A round of dispatch begins: what it waited for may have come.
    mutating func begins() { next = nil }

    /// Dispatch cannot go on before then; nil: time alone does not help.
    mutating func waits(until moment: Instant?) { next = moment }

    mutating func popNext() -> Command? { ready.pop() }

    /// A session that was told already what keeps the others waiting finds nothing out, so it probes last.
    mutating func popProbe(_ protection: Protection, at now: Instant) -> Command? {
        let probes = protection.probes(at: now)
        let mayRepeat = probes.witness <= now
        if probes.unrelated <= now, let command = ready.pop(where: { !protection.isWitness($0.session) }) {
            return command
        }
        if mayRepeat, let command = ready.pop(where: { protection.isWitness($0.session) }) { return command }
        next = [probes.unrelated, probes.witness].filter { $0 > now }.min()
        return nil
    }

    /// The next command whose deadline has passed while it waited.
    mutating func popExpired(at now: Instant) -> Command? { ready.popExpired(at: now) }

    // MARK: Between two attempts

    mutating func backedOff(_ command: Command, until moment: Instant) {
        command.backedOff(until: moment)
        backOffs.push(command, until: moment)
    }

    mutating func popRested(at now: Instant) -> Command? { backOffs.popDue(at: now) }

    // MARK: While nothing is asked

    /// Nothing is asked: from now on every command's wait is limited, if it was not already.
    mutating func blocked(at now: Instant, maximumWait: Duration) {
        if !ready.isBlocked { ready.block(at: now, maximumWait: maximumWait) }
    }

    mutating func unblocked() {
        if ready.isBlocked { ready.unblock() }
    }

    /// The next command that has waited as long as it may.
    mutating func popWaited(at now: Instant) -> Command? { ready.popWaited(at: now) }
}
