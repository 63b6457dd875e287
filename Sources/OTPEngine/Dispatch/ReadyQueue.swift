import DequeModule
import HeapModule

/// Commands that wait for a call slot, and who goes first.
///
/// **Fair to everyone.** Partitions take turns, whatever waits in each; within a partition the records' keys take turns; and under
/// one key commands go in the order in which they came. So nobody buys a place: a short `expires_at` makes a command expire, it never
/// makes it overtake (every deadline counts as no earlier than any other), and a flood in one partition or under one key delays its
/// own. A command that was asked about before, or whose intent is written, goes before the new ones of its partition, for there is
/// little of that and much was spent on it. What cannot make it any more is given up and answered at its deadline, so that under
/// overload the slots go to those whose answer comes in time: goodput stays at what the upstream takes. The
/// record at a partition's committed offset needs no favour: it is the oldest there, so it is the first of its key and goes in the
/// partition's next turns.
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

    /// Every command that waits, by deadline, for there it is answered; those that are given up stand here alone.
    private var deadlines: Heap<Item> = []
    private var turns = Turns<Int32, PartitionQueue>()
    private var pushed: UInt64 = 0
    /// While nothing is asked: each command by the end of its wait.
    private var waits: Heap<Item> = []
    private var blocked: (since: Instant, maximumWait: Duration)?
    /// Entries in turns, and how many entries of commands that have moved on there may be among all.
    private var inTurns = 0
    private var stale = 0

    /// Entries, those of commands that have moved on included.
    var count: Int { deadlines.count + waits.count }
    var isEmpty: Bool { inTurns == 0 }

    mutating func push(_ command: Command, at now: Instant) {
        deadlines.insert(item(command, command.deadline))
        inTurns += 1
        turns.update(command.record.id.epoch.partition) { $0.push(command) }
        if blocked != nil { wait(command, at: now) }
    }

    mutating func pop() -> Command? {
        while let command = turns.next({ $0.pop() }) {
            inTurns -= 1
            noteStale(1)
            if command.state == .ready { return command }
        }
        return nil
    }

    /// Takes the first that is meant.
    ///
    /// For the rare moment at which one command goes alone: it looks at those before it.
    mutating func pop(where isMeant: (Command) -> Bool) -> Command? {
        var passed: [Command] = []
        defer {
            for command in passed.reversed() {
                inTurns += 1
                turns.update(command.record.id.epoch.partition) { $0.putBack(command) }
            }
        }
        while let command = pop() {
            if isMeant(command) { return command }
            passed.append(command)
        }
        return nil
    }

    /// Takes the next command whose deadline has passed.
    mutating func popExpired(at now: Instant) -> Command? {
        Self.popDue(&deadlines, at: now) { $0.command.state == .ready }
    }

    /// When the next one of them is too late.
    var nextDeadline: Instant? { deadlines.min?.moment }

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
        for item in deadlines.unordered where item.command.state == .ready { wait(item.command, at: now) }
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
        // It stands by its deadline and in turn as well.
        if command != nil { noteStale(2) }
        return command
    }

    var nextWaitEnd: Instant? { waits.min?.moment }

    // MARK: What is left of those that moved on

    /// The sweep costs each entry a step or two in all.
    private mutating func noteStale(_ count: Int) {
        stale += count
        guard stale > 64, stale * 2 > deadlines.count + inTurns else { return }
        stale = 0
        deadlines = Heap(deadlines.unordered.filter { $0.command.state == .ready })
        turns.updateAll { $0.sweep() }
        inTurns = turns.reduce(0) { $0 + $1.count }
    }
}

/// What waits in one partition.
private struct PartitionQueue: Queue {
    /// Asked about before, or about to be.
    private var begun: Deque<Command> = []
    private var keys = Turns<UInt64, Deque<Command>>()
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func push(_ command: Command) {
        count += 1
        if command.hasBegun { begun.append(command) } else { keys.update(command.flow) { $0.append(command) } }
    }

    mutating func putBack(_ command: Command) {
        count += 1
        if command.hasBegun { begun.prepend(command) } else { keys.update(command.flow) { $0.prepend(command) } }
    }

    mutating func pop() -> Command? {
        guard let command = begun.popFirst() ?? keys.next({ $0.popFirst() }) else { return nil }
        count -= 1
        return command
    }

    mutating func sweep() {
        begun.removeAll { $0.state != .ready }
        keys.updateAll { queue in queue.removeAll { $0.state != .ready } }
        count = begun.count + keys.reduce(0) { $0 + $1.count }
    }
}

extension Command {
    /// Something was spent on it already.
    fileprivate var hasBegun: Bool { attempts > 0 || hasAcknowledgedIntent }
}
