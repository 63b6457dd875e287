import OTPContract
import OTPMonitor

/// A monitor and what it is told, second by second: tests are transcripts of it.
struct Story {
    static let start = WallTime(milliseconds: 1_795_428_000_000)

    var monitor = FleetMonitor(results: "results", letters: "letters", group: "fleet")
    private(set) var elapsed = Duration.zero

    var now: FleetMonitor.Moment {
        FleetMonitor.Moment(
            elapsed: elapsed,
            wall: WallTime(milliseconds: Self.start.milliseconds + elapsed.milliseconds)
        )
    }

    mutating func pass(_ time: Duration) { elapsed += time }

    mutating func tell(_ events: FleetMonitor.Event...) {
        for event in events { monitor.handle(event, at: now) }
    }

    /// `count` results that are made now.
    mutating func results(
        _ count: Int = 1,
        _ reason: Reason = .ok,
        session: String = "s-1",
        partition: Int32 = 0,
        took: Int64 = 40,
        inDoubt: Bool = false,
        httpStatus: Int? = 200,
        calls: Int = 1,
        worker: String = "worker-0"
    ) {
        for offset in 0..<count {
            let event = Self.event(
                reason,
                session: session,
                partition: partition,
                offset: Int64(offset),
                took: took,
                inDoubt: inDoubt,
                httpStatus: httpStatus,
                calls: calls,
                worker: worker,
                at: now.wall
            )
            tell(.result(event))
        }
    }

    static func event(
        _ reason: Reason = .ok,
        session: String? = "s-1",
        partition: Int32 = 0,
        offset: Int64 = 0,
        took: Int64 = 40,
        inDoubt: Bool = false,
        httpStatus: Int? = 200,
        calls: Int = 1,
        worker: String = "worker-0",
        at time: WallTime = start
    ) -> ResultEvent {
        ResultEvent(
            commandID: "c",
            sessionID: session.flatMap { SessionID($0) },
            status: reason.status,
            reason: reason,
            retryable: reason.status == .failed,
            inDoubt: inDoubt,
            code: 0,
            message: "said 5324818942",
            httpStatus: httpStatus,
            calls: calls,
            maskedPhone: "532*****42",
            receivedAt: WallTime(milliseconds: time.milliseconds - took),
            completedAt: time,
            source: Coordinates(topic: "commands", partition: partition, offset: offset),
            worker: worker
        )
    }

    static func letter(_ reason: InvalidReason = .malformed, key: String? = nil, offset: Int64 = 7) -> DeadLetter {
        DeadLetter(
            source: Coordinates(topic: "commands", partition: 3, offset: offset),
            timestamp: start,
            key: key.map { Array($0.utf8) },
            consumerGroup: "fleet",
            reason: reason,
            headers: []
        )
    }

    /// Whatever a monitor must hear to be content with itself.
    mutating func isWell(
        members: [String] = ["worker-0"],
        lags: [Int32: Int64] = [0: 0],
        owners: [Int32: String] = [:]
    ) {
        isHeard(members: members, lags: lags, owners: owners)
        tell(.ends(.results, [0: 10], unknown: [:]), .ends(.letters, [0: 1], unknown: [:]))
    }

    /// All but where the partitions end.
    mutating func isHeard(
        members: [String] = ["worker-0"],
        lags: [Int32: Int64] = [0: 0],
        owners: [Int32: String] = [:]
    ) {
        tell(
            .turned(.results, reached: [0: 10], trouble: nil),
            .turned(.letters, reached: [0: 1], trouble: nil),
            .lag(.known(lags)),
            .group(.known(state: "Stable", members: members, owners: owners))
        )
    }

    var findings: [String] {
        monitor.findings(at: now).map { "\($0.severity) \($0.section.rawValue): \($0.text)" }
    }

    /// The conditions that are not met, with what they say.
    var problems: [String: [String]] {
        let unmet = monitor.conditions(at: now).filter { !$0.isMet }
        return Dictionary(uniqueKeysWithValues: unmet.map { ($0.name, $0.problems) })
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
