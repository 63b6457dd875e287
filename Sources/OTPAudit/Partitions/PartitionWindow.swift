import OTPContract

/// Brings the commands of one partition together with their results and dead letters.
///
/// Its bound: a worker admits nothing more than `Limits.window` offsets beyond what is unanswered, so what waits here for a
/// result lies within that many offsets of the newest answered command. What is behind them for a minute is passed over.
/// Doubles are told from late ones for four windows; memory does not grow with the history.
struct PartitionWindow {
    enum Arrival: Equatable {
        case answer(CommandFact)
        /// It was answered before, or given up four windows ago.
        case double
        /// There is no such command.
        case orphan
        /// The command lies before or behind the part of the history that is audited.
        case outside
        /// It had been reported as passed over.
        case belated
    }

    private enum Slot {
        case nothing, open, answered, passedOver
    }

    /// Offsets for which an answered command is remembered.
    static let memory: Int64 = 4 * 16_384
    /// Offsets behind the newest answered command beyond which none may be open.
    static let window: Int64 = 16_384
    /// Two workers' clocks differ, and so may the order in which results of different partitions are read.
    static let patience: Int64 = 60_000

    /// The first offset that is audited, and the first behind.
    private let range: Range<Int64>
    /// Commands exist behind the range.
    private let isOpenEnded: Bool
    private var slots: [Slot] = []
    private var base: Int64
    private var open: [Int64: CommandFact] = [:]
    private var overtaken: [Int64: WallTime] = [:]
    /// Open commands that were told to be due.
    private var dueTold: Set<Int64> = []
    /// Everything up to the newest answered command less the window was looked through.
    private var swept: Int64
    private(set) var newest: Int64 = -1

    /// `isCut`: there are commands behind the range that are not audited.
    init(_ range: Range<Int64>, isCut: Bool) {
        self.range = range
        isOpenEnded = isCut
        base = range.lowerBound
        swept = range.lowerBound
    }

    var openCount: Int { open.count }

    /// No worker takes a command from here on yet.
    var limit: Int64 { max(newest + 1, range.lowerBound) + Self.window }

    mutating func command(_ fact: CommandFact) {
        guard range.contains(fact.offset), fact.offset >= base + Int64(slots.count) else { return }
        fill(to: fact.offset)
        slots.append(.open)
        open[fact.offset] = fact
    }

    /// The command at `offset` is answered; every command up to it has been told of before.
    mutating func answered(_ offset: Int64) -> Arrival {
        guard offset >= range.lowerBound else { return .outside }
        guard offset < range.upperBound else { return isOpenEnded ? .outside : .orphan }
        newest = max(newest, offset)
        guard offset >= base else { return .double }
        fill(to: offset + 1)
        let index = Int(offset - base)
        switch slots[index] {
        case .nothing: return .orphan
        case .answered: return .double
        case .passedOver:
            slots[index] = .answered
            return .belated
        case .open:
            slots[index] = .answered
            overtaken[offset] = nil
            dueTold.remove(offset)
            return open.removeValue(forKey: offset).map { .answer($0) } ?? .orphan
        }
    }

    /// Commands that were passed over: results went on beyond the window without them, and time did too.
    mutating func passedOver(at time: WallTime) -> [CommandFact] {
        let limit = newest - Self.window
        while swept <= limit {
            if open[swept] != nil { overtaken[swept] = time }
            swept += 1
        }
        trim()
        guard !overtaken.isEmpty else { return [] }
        let due = overtaken.filter { time.milliseconds - $0.value.milliseconds > Self.patience }.keys.sorted()
        return due.compactMap { passOver($0) }
    }

    /// Open commands that are due, each once.
    mutating func due(_ isDue: (CommandFact) -> Bool) -> [CommandFact] {
        let found = open.values.filter { !dueTold.contains($0.offset) && isDue($0) }.sorted { $0.offset < $1.offset }
        dueTold.formUnion(found.map(\.offset))
        return found
    }

    /// No more results come: what is behind the window now, and what is merely open.
    mutating func end() -> (passedOver: [CommandFact], open: [CommandFact]) {
        let gone = open.keys.filter { $0 <= newest - Self.window }.sorted().compactMap { passOver($0) }
        let rest = open.values.sorted { $0.offset < $1.offset }
        open = [:]
        return (gone, rest)
    }

    private mutating func passOver(_ offset: Int64) -> CommandFact? {
        overtaken[offset] = nil
        dueTold.remove(offset)
        if offset >= base { slots[Int(offset - base)] = .passedOver }
        return open.removeValue(forKey: offset)
    }

    /// Offsets that no record was read for hold none.
    private mutating func fill(to offset: Int64) {
        let missing = offset - base - Int64(slots.count)
        guard missing > 0 else { return }
        if missing > Self.memory, open.isEmpty {
            slots = []
            base = offset
        } else {
            slots.append(contentsOf: repeatElement(.nothing, count: Int(missing)))
        }
    }

    /// Forgets in large steps, so that each costs little.
    private mutating func trim() {
        let surplus = newest - 2 * Self.memory - base
        guard surplus > 0 else { return }
        let count = min(Int(surplus + Self.memory), slots.count)
        slots.removeFirst(count)
        base += Int64(count)
    }
}
