import HeapModule

/// Commands between two attempts, by the moment at which each is due.
struct BackOffQueue {
    private struct Item: Comparable {
        var until: Instant
        var command: Command

        static func < (left: Item, right: Item) -> Bool { left.until < right.until }
        static func == (left: Item, right: Item) -> Bool { left.until == right.until }
    }

    private var heap: Heap<Item> = []

    mutating func push(_ command: Command, until: Instant) { heap.insert(Item(until: until, command: command)) }

    mutating func popDue(at now: Instant) -> Command? {
        while let first = heap.min, first.until <= now || first.command.state != .backingOff(until: first.until) {
            heap.removeMin()
            if first.command.state == .backingOff(until: first.until) { return first.command }
        }
        return nil
    }

    /// Entries, those of commands that have moved on included.
    var count: Int { heap.count }

    var nextDue: Instant? { heap.min?.until }
}
