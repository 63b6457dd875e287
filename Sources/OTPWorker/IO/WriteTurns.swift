/// Writes that take turns: what comes for a partition while records of it are under way waits, and goes with the next turn.
///
/// So a partition has one group of records under way, which grows with the load by itself. Left to librdkafka, each record would be a request
/// of its own, and with five under way and another waiting its thread would turn without rest until an acknowledgement comes
/// (2.0.2: `rd_kafka_toppar_producer_serve` says "at once" before it looks how many there are).
struct WriteTurns<Write> {
    private struct Turn {
        var underWay = 0
        var waiting: [Write] = []
        var isReady = false
    }

    private var turns: [Int32: Turn] = [:]
    /// Partitions with writes that may go, in the order in which they came.
    private var ready: [Int32] = []

    /// - Returns: whether there was nothing that may go before: ``next()`` is to be asked.
    mutating func add(_ write: Write, to partition: Int32) -> Bool {
        turns[partition, default: Turn()].waiting.append(write)
        return admit(partition)
    }

    /// All that goes now, and is under way from now on: of each partition in the order in which it came.
    mutating func next() -> [Write] {
        var writes: [Write] = []
        for partition in ready {
            guard let waiting = turns[partition]?.waiting else { continue }
            turns[partition] = Turn(underWay: waiting.count)
            writes += waiting
        }
        ready.removeAll(keepingCapacity: true)
        return writes
    }

    /// One that was under way came to its end.
    /// - Returns: whether ``next()`` is to be asked.
    mutating func ended(in partition: Int32) -> Bool {
        guard let turn = turns[partition], turn.underWay > 0 else { return false }
        turns[partition]?.underWay -= 1
        return turn.underWay == 1 && admit(partition)
    }

    /// What waits is given up: it would wait as long again for what has just failed.
    mutating func givenUp(in partition: Int32) -> [Write] {
        defer { turns[partition]?.waiting = [] }
        return turns[partition]?.waiting ?? []
    }

    /// Nothing is under way any more, and nothing waits.
    /// - Returns: what waited.
    mutating func removeAll() -> [Write] {
        defer { self = Self() }
        return turns.values.flatMap(\.waiting)
    }

    private mutating func admit(_ partition: Int32) -> Bool {
        guard let turn = turns[partition], turn.underWay == 0, !turn.waiting.isEmpty, !turn.isReady else {
            return false
        }
        turns[partition]?.isReady = true
        ready.append(partition)
        return ready.count == 1
    }
}
