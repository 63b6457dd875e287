import OTPContract

/// What somebody should look at, by the thresholds of the alerts, and the runbook's section about it.
package struct Finding: Equatable, Sendable {
    package enum Severity: Sendable { case critical, warning }

    package var severity: Severity
    package var section: Runbook.Section
    package var text: String

    init(_ severity: Severity, _ section: Runbook.Section, _ text: String) {
        self.severity = severity
        self.section = section
        self.text = text
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
        if let time = five.latency.quantile(0.95), time > 2_500 {
            let text = "one answer in twenty took longer than \(Figure.time(time)) in the last 5 minutes"
            found.append(Finding(.warning, .answersSlow, text))
        }
        return found
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
        if quarter[.tooManyCodes] >= 5 {
            let count = Figure.grouped(quarter[.tooManyCodes])
            found.append(
                Finding(.warning, .guessing, "\(count) commands were refused for too many codes in 15 minutes")
            )
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

    private func fleet(at now: Moment) -> [Finding] {
        var found: [Finding] = []
        if case .known(_, let members) = group, members.isEmpty {
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
            let count = Figure.grouped(Int(clamping: lags[partition] ?? 0))
            let text = "partition \(partition): \(count) commands wait, and no result came from it for 30 s"
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
