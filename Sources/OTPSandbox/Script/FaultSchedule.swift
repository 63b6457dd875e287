/// Which fault hits the next call: the rules, and how often each has been used.
///
/// It keeps one small entry for each session that a rule counts, until a reset.
struct FaultSchedule {
    /// What the rules have in store for one call.
    struct Fault: Equatable {
        var delay: Duration = .zero
        /// The first rule that hit and was not a mere delay.
        var rule: FaultRule?

        /// The name in the journal; nil when nothing hit.
        var name: String? {
            rule?.action.name ?? (delay > .zero ? "delay" : nil)
        }
    }

    private struct Count {
        var calls = 0
        /// How often each rule was used: the session's own first, then the configured ones.
        var used: [Int: Int] = [:]
    }

    private let readsDirectives: Bool
    private let rules: [FaultRule]
    private let countsSessions: Bool
    private var all = Count()
    private var sessions: [String: Count] = [:]

    init(rules: [FaultRule], readsDirectives: Bool) {
        self.rules = rules
        self.readsDirectives = readsDirectives
        countsSessions = rules.contains { $0.per == .session && ($0.times != nil || $0.match.nthCall != nil) }
    }

    /// Counts a call of `session`, and draws what happens to it.
    mutating func next(for session: String, using random: inout SeededGenerator) -> Fault {
        let own =
            readsDirectives && session.utf8.contains(UInt8(ascii: "~")) ? SessionDirectives.rules(in: session) : []
        all.calls += 1
        if own.isEmpty && rules.isEmpty { return Fault() }
        let counted = countsSessions || !own.isEmpty
        var count = counted ? sessions[session, default: Count()] : Count()
        count.calls += 1
        var fault = Fault()
        for (index, rule) in (own + rules).enumerated()
        where hits(rule, index, session, count, own: own.count, using: &random) {
            if rule.per == .session {
                count.used[index, default: 0] += 1
            } else {
                all.used[index - own.count, default: 0] += 1
            }
            guard case .delay(let delay) = rule.action else {
                fault.rule = rule
                break
            }
            fault.delay += delay
        }
        if counted { sessions[session] = count }
        return fault
    }

    private func hits(
        _ rule: FaultRule,
        _ index: Int,
        _ session: String,
        _ count: Count,
        own: Int,
        using random: inout SeededGenerator
    ) -> Bool {
        let calls = rule.per == .session ? count.calls : all.calls
        let used = rule.per == .session ? count.used[index] : all.used[index - own]
        if let times = rule.times, used ?? 0 >= times { return false }
        if let nth = rule.match.nthCall, nth != calls { return false }
        if let prefix = rule.match.sessionPrefix, !session.hasPrefix(prefix) { return false }
        if let suffix = rule.match.sessionSuffix, !session.hasSuffix(suffix) { return false }
        guard let fraction = rule.match.fraction else { return true }
        return Double.random(in: 0..<1, using: &random) < fraction
    }
}
