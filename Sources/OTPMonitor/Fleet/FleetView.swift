package import OTPContract

/// The whole fleet as its results show it: counters in, and nothing that grows.
///
/// Every bound is in ``Bounds``; with all of them reached it holds less than 3 MB. It knows no clock: `now` is the time since the watching
/// began.
package struct FleetView: Sendable {
    package enum Bounds {
        /// Workers that are told apart; the results of more are counted together.
        package static let workers = 64
        /// Partitions of the commands that are told apart.
        package static let partitions = 1_024
        /// Last results that are kept, and as many in doubt or failed.
        package static let results = 100
        /// Of a worker's name.
        package static let nameCharacters = 64
    }

    /// What is known of one worker.
    package struct Worker: Sendable {
        package var rate = RateWindow()
        package var latency = RecentLatency()
        package var failed = 0
        package var inDoubt = 0
        package var lastSeen = Duration.zero
    }

    /// How the way to the cluster stands.
    package enum Connection: Equatable, Sendable {
        case well
        case lost(since: Duration, reason: String)
    }

    package enum Lag: Equatable, Sendable {
        case unknown
        /// By partition: records that the group has not finished.
        case known([Int32: Int64])
        case refused(reason: String)
    }

    package let topic: String
    package let group: String
    package private(set) var rate = RateWindow()
    package private(set) var latency = RecentLatency()
    /// Of those that needed no call of the upstream.
    package private(set) var uncalled = RecentLatency()
    package private(set) var statuses = [RateWindow](repeating: RateWindow(), count: Status.allCases.count)
    package private(set) var inDoubt = RateWindow()
    package private(set) var replayed = RateWindow()
    package private(set) var workers: [String: Worker] = [:]
    package private(set) var partitions: [Int32: RateWindow] = [:]
    /// Newest last.
    package private(set) var last: [ResultEvent] = []
    package private(set) var troubled: [ResultEvent] = []
    package private(set) var unreadable = 0
    /// Results that tell a `verified` again: a session was asked for by several commands.
    package private(set) var verifiedAgain = 0
    package var lag = Lag.unknown
    package var connection = Connection.well

    package static let otherWorkers = "(others)"
    /// Stands for the partitions that are not told apart.
    package static let otherPartitions: Int32 = -1

    package init(topic: String, group: String) {
        self.topic = topic
        self.group = group
    }

    package mutating func result(_ event: ResultEvent, at now: Duration) {
        let second = Self.second(now)
        let time = event.completedAt.milliseconds - event.receivedAt.milliseconds
        rate.add(second: second)
        latency.record(milliseconds: time, second: second)
        // One whose time was over has waited for that, whatever the upstream did.
        if event.calls == 0, event.status != .expired { uncalled.record(milliseconds: time, second: second) }
        if let index = Status.allCases.firstIndex(of: event.status) { statuses[index].add(second: second) }
        if event.inDoubt { inDoubt.add(second: second) }
        if event.replayed { replayed.add(second: second) }
        if event.replayed, event.status == .verified { verifiedAgain += 1 }

        let own = Self.name(event.worker)
        let name = workers[own] != nil || workers.count < Bounds.workers ? own : Self.otherWorkers
        workers[name, default: Worker()].record(event, time, second: second, at: now)
        let number = event.source.partition
        let isKnown = partitions[number] != nil || partitions.count < Bounds.partitions
        partitions[isKnown ? number : Self.otherPartitions, default: RateWindow()].add(second: second)

        Self.keep(event, in: &last)
        if event.inDoubt || event.status == .failed { Self.keep(event, in: &troubled) }
    }

    package mutating func unreadableResult() { unreadable += 1 }

    /// A name as it is kept.
    static func name(_ worker: String) -> String {
        // As nearly all are: characters are counted for the others alone.
        worker.utf8.count <= Bounds.nameCharacters ? worker : String(worker.prefix(Bounds.nameCharacters))
    }

    package static func second(_ now: Duration) -> Int { Int(now.components.seconds) }

    /// No method of this value: that would hold a second reference to the list, which then is copied for each result.
    private static func keep(_ event: ResultEvent, in list: inout [ResultEvent]) {
        // Twice the bound before it is cut, so that a cut is rare.
        if list.count >= Bounds.results * 2 { list.removeFirst(Bounds.results) }
        // What is not shown is not kept: a foreign result may be large.
        var event = event
        event.message = nil
        event.commandID = ""
        event.source.topic = ""
        event.worker = name(event.worker)
        list.append(event)
    }
}

extension FleetView.Worker {
    fileprivate mutating func record(_ event: ResultEvent, _ time: Int64, second: Int, at now: Duration) {
        rate.add(second: second)
        latency.record(milliseconds: time, second: second)
        if event.status == .failed { failed += 1 }
        if event.inDoubt { inDoubt += 1 }
        lastSeen = now
    }
}
