import DequeModule
import HeapModule

/// Commands that wait for a call slot: those that hold up a partition's watermark first, then by deadline.
///
/// Commands that have moved on are left where they are and passed over; what is left of them is swept out before it outweighs
/// the others.
struct ReadyQueue {
    private struct Item: Comparable {
        var moment: Instant
        var order: UInt64
        var command: Command

        static func < (left: Item, right: Item) -> Bool {
            left.moment == right.moment ? left.order < right.order : left.moment < right.moment
        }

        static func == (left: Item, right: Item) -> Bool { left.order == right.order }
    }

    /// By deadline.
    private var heap: Heap<Item> = []
    /// Those that cannot make it: by deadline, for there they are answered.
    private var hopeless: Heap<Item> = []
    private var urgent: Deque<Command> = []
    private var pushed: UInt64 = 0
    /// While nothing is asked: each command by the end of its wait.
    private var waits: Heap<Item> = []
    private var blocked: (since: Instant, maximumWait: Duration)?
    /// Commands that came to the end of their wait and are still in the heap.
    private var stale = 0

    /// Entries, those of commands that have moved on included.
    var count: Int { heap.count + hopeless.count + urgent.count + waits.count }
    var isEmpty: Bool { heap.isEmpty && urgent.isEmpty }

    mutating func push(_ command: Command, at now: Instant) {
        heap.insert(item(command, command.deadline))
        if blocked != nil { wait(command, at: now) }
    }

    mutating func hurry(_ command: Command) { urgent.append(command) }

    mutating func giveUp(_ command: Command) { hopeless.insert(item(command, command.deadline)) }

    mutating func pop() -> Command? {
        while let command = urgent.popFirst() {
            if command.state == .ready { return command }
        }
        while let item = heap.popMin() {
            if item.command.state == .ready { return item.command }
        }
        return nil
    }

    /// Takes the first that is meant.
    ///
    /// For the rare moment at which one command goes alone: it looks at those before it.
    mutating func pop(where isMeant: (Command) -> Bool) -> Command? {
        var passed: [Command] = []
        defer { for command in passed { heap.insert(item(command, command.deadline)) } }
        while let command = pop() {
            if isMeant(command) { return command }
            passed.append(command)
        }
        return nil
    }

    /// Takes the next command whose deadline has passed.
    mutating func popExpired(at now: Instant) -> Command? {
        Self.popDue(&heap, at: now) { $0.command.state == .ready }
            ?? Self.popDue(&hopeless, at: now) { $0.command.state == .ready }
    }

    /// When the next one of them is too late.
    var nextDeadline: Instant? {
        guard let hopeless = hopeless.min?.moment else { return heap.min?.moment }
        return min(heap.min?.moment ?? hopeless, hopeless)
    }

    private mutating func item(_ command: Command, _ moment: Instant) -> Item {
        pushed += 1
        return Item(moment: moment, order: pushed, command: command)
    }

    private static func popDue(_ heap: inout Heap<Item>, at now: Instant, isMeant: (Item) -> Bool) -> Command? {
        while let first = heap.min {
            guard isMeant(first) else {
                heap.removeMin()
                continue
            }
            guard first.moment <= now else { return nil }
            heap.removeMin()
            return first.command
        }
        return nil
    }

    // MARK: While nothing is asked

    var isBlocked: Bool { blocked != nil }

    /// From now on every command's wait is limited.
    mutating func block(at now: Instant, maximumWait: Duration) {
        blocked = (now, maximumWait)
        for item in heap.unordered where item.command.state == .ready { wait(item.command, at: now) }
    }

    mutating func unblock() {
        blocked = nil
        waits = []
    }

    /// One that was never asked about has waited since it came, behind others of its session too.
    private mutating func wait(_ command: Command, at now: Instant) {
        guard let blocked else { return }
        let since = max(command.attempts == 0 ? command.receivedAt : now, blocked.since)
        command.waitEnd = since + blocked.maximumWait
        waits.insert(item(command, command.waitEnd))
    }

    /// Takes the next command that has waited as long as it may.
    mutating func popWaited(at now: Instant) -> Command? {
        let command = Self.popDue(&waits, at: now) { $0.command.state == .ready && $0.command.waitEnd == $0.moment }
        guard let command else { return nil }
        stale += 1
        if stale > 64, stale * 2 > heap.count { sweep() }
        return command
    }

    var nextWaitEnd: Instant? { waits.min?.moment }

    private mutating func sweep() {
        heap = Heap(heap.unordered.filter { $0.command.state == .ready })
        stale = 0
    }
}
