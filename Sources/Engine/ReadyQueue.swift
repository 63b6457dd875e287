import DequeModule
import HeapModule

/// Commands that wait for a call slot: those that hold up a partition's watermark first, then by deadline.
///
/// Commands that have moved on are left where they are and passed over.
struct ReadyQueue {
    private struct Item: Comparable {
        var deadline: Instant
        var order: UInt64
        var command: Command

        static func < (left: Item, right: Item) -> Bool {
            left.deadline == right.deadline ? left.order < right.order : left.deadline < right.deadline
        }

        static func == (left: Item, right: Item) -> Bool { left.order == right.order }
    }

    private var heap: Heap<Item> = []
    private var urgent: Deque<Command> = []
    private var pushed: UInt64 = 0

    mutating func push(_ command: Command) {
        pushed += 1
        heap.insert(Item(deadline: command.deadline, order: pushed, command: command))
    }

    mutating func hurry(_ command: Command) { urgent.append(command) }

    mutating func pop() -> Command? {
        while let command = urgent.popFirst() {
            if command.state == .ready { return command }
        }
        while let item = heap.popMin() {
            if item.command.state == .ready { return item.command }
        }
        return nil
    }

    /// Takes the next command whose deadline has passed.
    mutating func popExpired(at now: Instant) -> Command? {
        while let first = heap.min {
            guard first.command.state == .ready else {
                heap.removeMin()
                continue
            }
            guard first.deadline <= now else { return nil }
            heap.removeMin()
            return first.command
        }
        return nil
    }

    /// When the next one of them is too late.
    var nextDeadline: Instant? { heap.min?.deadline }
}

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

    var nextDue: Instant? { heap.min?.until }
}
