import OTPContract

/// Sessions, each with a time at which to look at it, in about the order of those times.
struct SessionQueue {
    private var entries: [(due: WallTime, session: SessionID)] = []
    private var head = 0

    mutating func append(_ session: SessionID, dueAt due: WallTime) { entries.append((due, session)) }

    /// The first one, if its time has come.
    mutating func popFirst(dueAt now: WallTime) -> SessionID? {
        guard head < entries.count, entries[head].due <= now else { return nil }
        return popFirst()
    }

    mutating func popFirst() -> SessionID? {
        guard head < entries.count else { return nil }
        defer {
            head += 1
            if head > 4_096, head * 2 > entries.count {
                entries.removeFirst(head)
                head = 0
            }
        }
        return entries[head].session
    }
}
