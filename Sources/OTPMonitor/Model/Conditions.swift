import OTPObservability

/// One thing that must hold for what the monitor shows to be the truth.
package struct Condition: Equatable, Sendable {
    package var name: String
    /// What is wrong, each a sentence; none when it holds.
    package var problems: [String]
    /// Told, but no reason to be taken for unready.
    package var isAdvisory = false

    package var isMet: Bool { problems.isEmpty }
}

extension FleetMonitor {
    private static let patience = Duration.seconds(15)

    /// What the monitor can say of itself: whether it reads what it shows.
    package func conditions(at now: Moment) -> [Condition] {
        [
            Condition(name: "results", problems: resultReading.problems(at: now.elapsed)),
            Condition(name: "dead_letters", problems: letterReading.problems(at: now.elapsed)),
            Condition(name: "cluster", problems: clusterProblems(at: now.elapsed)),
            Condition(name: "credentials", problems: credentialsTrouble.map { [$0] } ?? [], isAdvisory: true),
        ]
    }

    private func clusterProblems(at now: Duration) -> [String] {
        var problems: [String] = []
        if case .lost(let since, let reason) = view.connection {
            problems.append("no answer from the cluster for \((now - since).components.seconds) s: \(reason)")
        } else if let answeredAt, now - answeredAt > Self.patience {
            problems.append("nothing was heard of lag and group for \((now - answeredAt).components.seconds) s")
        } else if answeredAt == nil {
            problems.append("lag and group are not known yet")
        }
        if case .refused(let reason) = view.lag { problems.append("the lag is not known: \(reason)") }
        if case .refused(let reason) = group { problems.append("the group's members are not known: \(reason)") }
        return problems
    }

    /// The answer to a readiness probe: the verdict and its conditions, as JSON.
    ///
    /// It says nothing of any record.
    package func readiness(at now: Moment) -> (isReady: Bool, body: [UInt8]) {
        let conditions = conditions(at: now).map { condition in
            HealthState.Condition(
                name: condition.name,
                isOK: condition.isMet,
                detail: condition.problems.joined(separator: "; "),
                isAdvisory: condition.isAdvisory
            )
        }
        return HealthState.readiness(of: conditions)
    }
}
