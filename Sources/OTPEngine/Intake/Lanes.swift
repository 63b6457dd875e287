import DequeModule

/// The commands of each session that are in memory, in order: the first is the one being handled, the others wait for it.
struct Lanes {
    private struct Lane {
        var head: Command
        var waiting: Deque<Command> = []
    }

    private var lanes: [SessionDigest: Lane] = [:]

    enum Position {
        /// Nobody is before it.
        case head
        case waiting
        /// So many wait already that it is not one of them.
        case none
    }

    mutating func arrived(_ command: Command, of session: SessionDigest) -> Position {
        guard let lane = lanes[session] else {
            lanes[session] = Lane(head: command)
            return .head
        }
        guard lane.waiting.count < Limits.waitingPerSession else { return .none }
        lanes[session]?.waiting.append(command)
        return .waiting
    }

    func head(of session: SessionDigest) -> Command? { lanes[session]?.head }

    /// The head came to its outcome: the next one's turn comes.
    mutating func stepped(_ session: SessionDigest) {
        if let next = lanes[session]?.waiting.popFirst() {
            lanes[session]?.head = next
        } else {
            lanes[session] = nil
        }
    }

    /// Sessions in which some wait.
    var waiting: Int { lanes.values.count { !$0.waiting.isEmpty } }
}
