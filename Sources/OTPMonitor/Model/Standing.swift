import OTPContract

/// How a worker stands, by what the group's coordinator and the results tell.
package enum Standing: Equatable, Sendable {
    /// The cluster does not tell who is in the group.
    case unknown
    case member
    /// It has answered, and is not in the group.
    case missing
    /// It is in the group, or nobody knows, but while others answer it has stopped.
    case silent
}

extension FleetMonitor {
    private static let silence = 10
    /// Results of a minute before, and of the others since, without which silence says nothing.
    private static let busy = 20

    /// A member that was killed stays in the group until its session ends; that it has stopped shows before.
    package func standing(of name: String, at now: Moment) -> Standing {
        var members: [String]?
        if case .known(_, let known, _) = group { members = known }
        if let members, !members.contains(name), name != FleetView.otherWorkers { return .missing }
        let second = FleetView.second(now.elapsed)
        if let worker = view.workers[name], worker.rate.count(last: Self.silence, at: second) == 0,
            worker.rate.count(last: 60, at: second) >= Self.busy,
            view.rate.count(last: Self.silence, at: second) >= Self.busy
        {
            return .silent
        }
        return members == nil ? .unknown : .member
    }
}
