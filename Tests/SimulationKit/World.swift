import OTPEngine

/// What everything in one simulated run shares: the clock, the agenda, chance, the plan, and what was seen.
///
/// It reads no real clock and draws no randomness but from the seed, so a run can be repeated to the event.
package final class World {
    package let seed: UInt64
    let plan: Plan
    private(set) var now: Int64 = 0
    var coverage = Coverage()
    /// Nil unless it is asked for: it takes longer than the engines.
    var digest: EffectDigest?
    private(set) var violation: String?
    private var queue = EventQueue()
    private var random: SplitMix64
    /// Faults happen until then.
    var areFaultsOver = false
    private let tracer: ((String) -> Void)?
    private(set) var events = 0

    init(seed: UInt64, tracer: ((String) -> Void)?) {
        self.seed = seed
        self.tracer = tracer
        plan = Plan(seed: seed)
        random = SplitMix64(seed: seed ^ 0x5EED_0F_57A7E)
    }

    // MARK: Time

    func at(_ moment: Int64, _ body: @escaping () -> Void) { queue.push(at: max(moment, now), body) }

    func after(_ delay: Int64, _ body: @escaping () -> Void) { queue.push(at: now + max(delay, 0), body) }

    /// Runs what is due until `end`, a violation, or `isDone`.
    func run(until end: Int64, isDone: () -> Bool = { false }) {
        while violation == nil, !isDone(), let item = queue.pop() {
            if item.at > end {
                queue.push(at: item.at, item.body)
                break
            }
            now = item.at
            events += 1
            item.body()
        }
        if violation == nil, !isDone() { now = max(now, end) }
    }

    /// Lets go of everything that is still to come.
    func end() { queue = EventQueue() }

    /// Milliseconds of the true wall clock.
    var wall: Int64 { Self.wallBase + now / 1_000_000 }
    static let wallBase: Int64 = 1_795_000_000_000

    // MARK: Chance

    func uniform(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }

    func pick<Value>(_ values: [Value]) -> Value { values[Int(uniform(0...Int64(values.count - 1)))] }

    func flip(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &random) < probability }

    func draw() -> UInt64 { random.next() }

    /// Most delays are short and a few are long.
    func delay(_ low: Int64, _ high: Int64) -> Int64 {
        let share = Double.random(in: 0..<1, using: &random)
        return low + Int64(Double(high - low) * share * share * share)
    }

    /// Whether this fault strikes here; counted if it does.
    func strikes(_ fault: Fault, _ probability: Double) -> Bool {
        guard !areFaultsOver, plan.faults.contains(fault), flip(probability) else { return false }
        coverage.hit(.fault(fault))
        return true
    }

    // MARK: What was seen

    func violate(_ what: @autoclosure () -> String) {
        guard violation == nil else { return }
        let text = what()
        violation = text
        trace("VIOLATION " + text)
    }

    var isTracing: Bool { tracer != nil }

    func trace(_ line: @autoclosure () -> String) {
        guard let tracer else { return }
        let milliseconds = now / 1_000_000
        let fraction = String(milliseconds % 1000 + 1000).dropFirst()
        tracer("\(milliseconds / 1000).\(fraction)  \(line())")
    }
}

func ms(_ value: Int64) -> Int64 { value * 1_000_000 }
func sec(_ value: Int64) -> Int64 { value * 1_000_000_000 }
