import Synchronization

/// Runs many seeds, several at a time, and says what failed and what was never reached.
package struct Runner: Sendable {
    private let shellFaults: Set<ShellFault>
    private let isUntilFailure: Bool
    private let isDigested: Bool

    package init(shellFault: ShellFault? = nil, isUntilFailure: Bool = false, isDigested: Bool = false) {
        shellFaults = Set(shellFault.map { [$0] } ?? [])
        self.isUntilFailure = isUntilFailure
        self.isDigested = isDigested
    }

    /// - Returns: whether no promise was broken.
    package func one(_ seed: UInt64, trace: Bool) -> Bool {
        CrashNotice.install()
        CrashNotice.running(seed, job: 0)
        let tracer: ((String) -> Void)? = trace ? { print($0) } : nil
        let report = Simulation(seed: seed, shellFaults: shellFaults, isDigested: isDigested, tracer: tracer).run()
        print("seed \(seed): \(report.violation ?? "fine"), \(report.events) events, \(report.records) commands")
        if let digest = report.digest { print("digest \(Self.hex(digest))") }
        return report.violation == nil
    }

    private struct Total: Sendable {
        var seeds: UInt64 = 0
        var failures = 0
        var events = 0
        var records = 0
        var simulated = Duration.zero
        var coverage = Coverage()
        /// A sum, so that it does not matter which job ran a seed.
        var digest: UInt64 = 0

        mutating func add(_ other: Total) {
            seeds += other.seeds
            failures += other.failures
            events += other.events
            records += other.records
            simulated += other.simulated
            coverage.merge(other.coverage)
            digest &+= other.digest
        }
    }

    private final class Cursor: Sendable {
        let next: Atomic<UInt64>
        let isStopped = Atomic<Bool>(false)

        init(first: UInt64) { next = Atomic(first) }
    }

    /// Runs `count` seeds and prints a line for each that fails, then the figures.
    /// - Returns: whether every promise held, and everything was reached unless `isPartial`.
    package func all(from first: UInt64, count: UInt64, jobs: Int, isPartial: Bool) async -> Bool {
        CrashNotice.install()
        let began = ContinuousClock.now
        let cursor = Cursor(first: first)
        let total = await withTaskGroup(of: Total.self) { group in
            for job in 0..<max(jobs, 1) { group.addTask { work(cursor, below: first + count, job: job) } }
            return await group.reduce(into: Total()) { $0.add($1) }
        }
        let elapsed = ContinuousClock.now - began
        let missing = isPartial ? [] : total.coverage.missing
        printFigures(total, elapsed)
        if isDigested {
            print(
                "digest \(Self.hex(total.digest)) of \(total.seeds) seeds from \(first), \(total.events) events, "
                    + "\(total.records) commands"
            )
        }
        for mark in missing { print("never reached: \(mark)") }
        return total.failures == 0 && missing.isEmpty
    }

    private func work(_ cursor: Cursor, below end: UInt64, job: Int) -> Total {
        var total = Total()
        while !cursor.isStopped.load(ordering: .relaxed) {
            let seed = cursor.next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard seed < end else { break }
            CrashNotice.running(seed, job: job)
            let report = Simulation(seed: seed, shellFaults: shellFaults, isDigested: isDigested).run()
            total.seeds += 1
            if let digest = report.digest { total.digest &+= Self.digest(of: seed, digest) }
            total.events += report.events
            total.records += report.records
            total.simulated += report.simulated
            total.coverage.merge(report.coverage)
            guard let violation = report.violation else { continue }
            total.failures += 1
            print("FAIL \(violation)  |  swift run -c release simulate --seed \(seed) --trace")
            if isUntilFailure { cursor.isStopped.store(true, ordering: .relaxed) }
        }
        return total
    }

    private func printFigures(_ total: Total, _ elapsed: Duration) {
        let seconds = max(Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18, 0.001)
        let perMinute = Int(Double(total.seeds) / seconds * 60)
        print(
            "\(total.seeds) seeds in \(Int(seconds)) s (\(perMinute) a minute): \(total.records) commands, \(total.events) events, "
                + "\(total.simulated.components.seconds / 3_600) simulated hours, \(total.failures) failed"
        )
    }

    /// Which seed it came of counts as well.
    private static func digest(of seed: UInt64, _ digest: UInt64) -> UInt64 {
        var both = EffectDigest()
        both.add("\(seed) \(digest)")
        return both.value
    }

    private static func hex(_ digest: UInt64) -> String {
        let digits = String(digest, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Prints how often each thing was reached.
    package static func describe(_ coverage: Coverage) {
        for (mark, count) in coverage.counts.sorted(by: { "\($0.key)" < "\($1.key)" }) { print("\(count)\t\(mark)") }
    }
}
