import Synchronization

/// A value that only grows.
///
/// Resolve it once from the registry and keep it; `add` takes no lock.
package final class Counter: Sendable {
    private let total = AtomicDouble()

    /// Adds `amount`, which is not negative.
    package func add(_ amount: Double = 1) {
        precondition(amount >= 0, "a counter never falls")
        total.add(amount)
    }

    /// Takes over a total that is kept elsewhere, such as the kernel's count of CPU time.
    package func set(total value: Double) {
        total.store(value)
    }

    /// The total so far.
    package var value: Double { total.load() }
}

/// A value of the moment.
///
/// Resolve it once from the registry and keep it; updates take no lock.
package final class Gauge: Sendable {
    private let current = AtomicDouble()

    /// Replaces the value.
    package func set(_ value: Double) {
        current.store(value)
    }

    /// Moves the value up, or down when `amount` is negative.
    package func add(_ amount: Double) {
        current.add(amount)
    }

    /// The value now.
    package var value: Double { current.load() }
}

/// Observations counted by size.
///
/// An observation and a reading never mix: count, sum and buckets always agree.
package final class Histogram: Sendable {
    /// What a scrape sees: `counts[i]` observations fell in bucket i alone; the last entry is above every bound.
    package struct Snapshot: Sendable, Equatable {
        package var counts: [UInt64]
        package var sum: Double
    }

    /// Inclusive upper bounds, ascending.
    package let buckets: [Double]
    private let state: Mutex<Snapshot>

    init(buckets: [Double]) {
        self.buckets = buckets
        state = Mutex(Snapshot(counts: Array(repeating: 0, count: buckets.count + 1), sum: 0))
    }

    /// Counts one observation, in the metric's unit.
    package func observe(_ value: Double) {
        var index = 0
        while index < buckets.count, value > buckets[index] { index += 1 }
        state.withLock {
            $0.counts[index] += 1
            $0.sum += value
        }
    }

    /// Counts a duration, in seconds.
    package func observe(_ duration: Duration) {
        observe(duration.inSeconds)
    }

    /// The observations so far.
    package var snapshot: Snapshot { state.withLock { $0 } }
}

extension Duration {
    /// The duration as the unit that metrics use.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

private struct AtomicDouble: ~Copyable {
    private let bits = Atomic<UInt64>(0)

    func load() -> Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func store(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, current) = bits.weakCompareExchange(expected: old, desired: sum, ordering: .relaxed)
            if exchanged { return }
            old = current
        }
    }
}
