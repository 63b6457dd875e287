package import OTPContract

/// What somebody should look at, by the thresholds of the alerts, and the runbook's section about it.
package struct Finding: Equatable, Sendable {
    package enum Severity: Sendable { case critical, warning }

    package var severity: Severity
    package var section: Runbook.Section
    package var text: String
    /// Where to begin; some of those that it is about.
    package var sessions: [SessionID] = []

    init(_ severity: Severity, _ section: Runbook.Section, _ text: String, sessions: [SessionID] = []) {
        self.severity = severity
        self.section = section
        self.text = text
        self.sessions = sessions
    }
}

extension FleetMonitor {
    /// All that is found now, what is critical first.
    package func findings(at now: Moment) -> [Finding] {
        let all = answers(at: now) + upstream(at: now) + doubts(at: now) + fleet(at: now)
        return all.filter { $0.severity == .critical } + all.filter { $0.severity == .warning }
    }

    /// A share of so few results says nothing.
    private static let fewResults = 20
    /// A worker that nobody has heard of for so many seconds is no longer missed.
    private static let goneOnPurpose = 600

    private func answers(at now: Moment) -> [Finding] {
        let five = history.total(last: 5, at: now.wall)
        guard five.results >= Self.fewResults else { return [] }
        var found: [Finding] = []
        if five.share(of: .failed) > 0.05 {
            let text = "\(Figure.percent(five.share(of: .failed))) of the results of 5 minutes have no verdict"
            found.append(Finding(.critical, .answersFail, "\(text): \(Self.reasons(five))"))
        }
        if five.share(of: .expired) > 0.05 {
            let share = Figure.percent(five.share(of: .expired))
            found.append(
                Finding(.critical, .answersExpire, "\(share) of the commands of 5 minutes came too late to be asked")
            )
        }
        if let time = five.latency.quantile(0.95), time > Self.slow {
            let text = "one answer in twenty took longer than \(Figure.time(time)) in the last 5 minutes"
            found.append(slowness(text, at: now))
        }
        return found
    }

    /// Milliseconds of the slowest answer in twenty.
    private static let slow: Int64 = 2_500
    /// Results of a minute, of one worker or without a call, from which on their time says something.
    private static let enough = 5

    /// Where the time goes, by what can be told from outside: whether all workers are slow, and whether answers for which the upstream was
    /// not needed are.
    private func slowness(_ text: String, at now: Moment) -> Finding {
        let second = FleetView.second(now.elapsed)
        var (text, section) = (text, Runbook.Section.answersSlow)
        let recent = view.workers.mapValues { $0.latency.lastMinute(at: second) }.filter {
            $0.value.count >= Self.enough
        }
        let slow = recent.filter { $0.value.quantile(0.95) ?? 0 > Self.slow }.keys.sorted()
        if slow.count > 1, slow.count == recent.count {
            text += ", of all \(slow.count) workers alike"
        } else if !slow.isEmpty {
            let others = recent.count - slow.count
            let names = Self.named(slow.map { $0 })
            text += others == 0 ? ", of \(names)" : ", of \(names) and not of \(others) other\(others == 1 ? "" : "s")"
        }
        let uncalled = view.uncalled.lastMinute(at: second)
        if !slow.isEmpty, uncalled.count >= Self.enough, let time = uncalled.quantile(0.5) {
            if time < Self.slow / 10 {
                text += "; those that needed no call took \(Figure.time(time)): it is the upstream"
                section = .upstreamSlow
            } else {
                text += "; those that needed no call took \(Figure.time(time)) too: it is not the upstream alone"
            }
        }
        return Finding(.warning, section, text)
    }

    private static func named(_ all: [String]) -> String {
        let named = all.prefix(Reading.Bounds.named).joined(separator: ", ")
        return all.count > Reading.Bounds.named ? "\(named) and \(all.count - Reading.Bounds.named) more" : named
    }

    private static func reasons(_ span: History.Span) -> String {
        let reasons: [(String, History.Counter)] = [
            ("upstream_unavailable", .upstreamUnavailable), ("upstream_halted", .upstreamHalted),
            ("refused_by_upstream", .refusedByUpstream), ("unexpected_answer", .unexpectedAnswer),
            ("outcome_unknown", .outcomeUnknown), ("session_busy", .sessionBusy),
        ]
        return reasons.filter { span[$0.1] > 0 }.map { "\($0.0) \(Figure.grouped(span[$0.1]))" }.joined(separator: ", ")
    }

    private func upstream(at now: Moment) -> [Finding] {
        var found: [Finding] = []
        let two = history.total(last: 2, at: now.wall)
        if two[.upstreamHalted] > 0 {
            let text =
                "the upstream refuses the key or the account: \(Figure.grouped(two[.upstreamHalted])) results in 2 minutes"
            found.append(Finding(.critical, .upstreamHalted, text))
        }
        if two[.upstreamUnavailable] >= 5, two.share(of: .upstreamUnavailable) > 0.05 {
            let share = Figure.percent(two.share(of: .upstreamUnavailable))
            found.append(
                Finding(
                    .critical,
                    .upstreamFails,
                    "\(share) of the results of 2 minutes: the upstream was not to be had"
                )
            )
        }
        let five = history.total(last: 5, at: now.wall)
        if five.results >= Self.fewResults, five.share(of: .throttled) > 0.1 {
            let share = Figure.percent(five.share(of: .throttled))
            found.append(
                Finding(.warning, .upstreamThrottles, "\(share) of the results of 5 minutes ended with HTTP 429")
            )
        }
        return found
    }

    private func doubts(at now: Moment) -> [Finding] {
        let quarter = history.total(last: 15, at: now.wall)
        var found: [Finding] = []
        if quarter[.tooManyCodes] >= 5 { found.append(guessing(quarter[.tooManyCodes], at: now)) }
        if quarter[.wrongCode] >= Self.fewResults, quarter.share(of: .wrongCode) > 0.5 {
            let share = Figure.percent(quarter.share(of: .wrongCode))
            let text =
                "\(share) of the codes of 15 minutes were wrong: somebody tries codes, or a form sends what it should not"
            found.append(Finding(.warning, .guessing, text))
        }
        if quarter[.inDoubt] >= 5, quarter.share(of: .inDoubt) > 0.01 {
            let share = Figure.percent(quarter.share(of: .inDoubt))
            found.append(Finding(.warning, .answersInDoubt, "\(share) of the results of 15 minutes are in doubt"))
        }
        if quarter[.invalid] >= 5, quarter.share(of: .invalid) > 0.01 {
            let share = Figure.percent(quarter.share(of: .invalid))
            found.append(Finding(.warning, .commandsInvalid, "\(share) of the commands of 15 minutes are unusable"))
        }
        let recent = now.wall.milliseconds - 15 * 60_000
        let lost = letters.newest(letters.count) { $0.reason == .undecodable && $0.time.milliseconds >= recent }
        if !lost.isEmpty {
            let text = "records that no client can decode were passed over: \(lost.count) dead letters in 15 minutes"
            found.append(Finding(.critical, .recordsUndecodable, text))
        }
        return found
    }

    /// Sessions that a finding names.
    private static let namedSessions = 3

    private func guessing(_ count: Int, at now: Moment) -> Finding {
        let since = now.wall.milliseconds - 15 * 60_000
        let recent = guesses.newest(guesses.count) { $0.completedAt.milliseconds >= since }
        let bySession = Dictionary(grouping: recent.compactMap(\.session)) { $0 }.mapValues(\.count)
        let most = bySession.sorted { ($0.value, $1.key.text) > ($1.value, $0.key.text) }
        var text = "\(Figure.grouped(count)) commands were refused for too many codes in 15 minutes"
        if most.count > 0 {
            text += " in \(Figure.grouped(most.count)) session\(most.count == 1 ? "" : "s")"
            text += recent.count < guesses.capacity ? "" : " or more"
        }
        return Finding(.warning, .guessing, text, sessions: most.prefix(Self.namedSessions).map(\.key))
    }

    private func fleet(at now: Moment) -> [Finding] {
        var found: [Finding] = []
        var isGroupKnown = false
        if case .known(_, let members, let owners) = group { isGroupKnown = !members.isEmpty && !owners.isEmpty }
        if case .known(_, let members, _) = group, members.isEmpty {
            found.append(Finding(.critical, .fleetGone, "the group \(view.group) has no members"))
        }
        for (name, worker) in view.workers.sorted(by: { $0.key < $1.key }) {
            let seconds = (now.elapsed - worker.lastSeen).components.seconds
            switch standing(of: name, at: now) {
            case .missing where seconds < Self.goneOnPurpose:
                let text = "\(name) is not in the group; its last result came \(seconds) s ago"
                found.append(Finding(.warning, .down, text))
            case .silent:
                let text = "\(name) has answered nothing for \(seconds) s, while others do"
                found.append(Finding(.warning, .down, text))
            case .unknown, .member, .missing: break
            }
        }
        guard case .known(let lags) = view.lag else { return found }
        let second = FleetView.second(now.elapsed)
        let parked = waitingSince.filter { partition, since in
            now.elapsed - since > .seconds(30) && (view.partitions[partition]?.count(last: 30, at: second) ?? 0) == 0
        }
        for partition in parked.keys.sorted().prefix(Reading.Bounds.named) {
            let count = Int(clamping: lags[partition] ?? 0)
            let waiting = count == 1 ? "1 command waits" : "\(Figure.grouped(count)) commands wait"
            var text = "partition \(partition): \(waiting), and no result came from it for 30 s"
            if let (name, isByGroup) = owner(of: partition) {
                text += isByGroup ? "; \(name) has it, and its /ready says why" : "; its last result was \(name)'s"
            } else if isGroupKnown {
                text += "; the group has given it to nobody"
            }
            found.append(Finding(.critical, .partitionParked, text))
        }
        if parked.count > Reading.Bounds.named {
            let text = "and \(parked.count - Reading.Bounds.named) partitions more, which are marked below"
            found.append(Finding(.critical, .partitionParked, text))
        }
        let lag = lags.values.reduce(0, +)
        let rate = max(view.rate.rate(last: 60, at: second), 0.1)
        let oldest = waitingSince.values.min() ?? now.elapsed
        if Double(lag) / rate > 30, now.elapsed - oldest > .seconds(30) {
            let wait = Figure.time(Int64(Double(lag) / rate * 1_000))
            found.append(
                Finding(.critical, .backlog, "\(Figure.grouped(Int(lag))) commands wait: \(wait) at the present rate")
            )
        }
        return found
    }
}
