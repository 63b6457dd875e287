package import OTPContract

/// All that the monitor knows of a fleet: events in, and nothing that grows.
///
/// With every bound reached it holds about 32 MB: 24 hours of minutes (``History``, 3.2 MB), the live view (``FleetView``, 3 MB), and
/// the results and dead letters in ``Bounds`` (26 MB, ids of 256 bytes in each). It knows no clock and holds no code, no phone number and
/// no message of the upstream.
package struct FleetMonitor: Sendable {
    package enum Bounds {
        /// Last results of all.
        package static let results = 32_768
        /// Last results that are in doubt or failed, beside those.
        package static let troubled = 16_384
        package static let letters = 4_096
        /// A result that was made earlier is history and not counted as live: the monitor was behind.
        package static let live = Duration.seconds(60)
        /// Members of the group that are named.
        package static let members = 256
        /// Partitions whose owner is remembered, those with the lowest numbers.
        package static let owned = Int32(FleetView.Bounds.partitions)
        /// Last commands that were refused for too many codes.
        package static let guesses = 1_024
    }

    /// A moment by both clocks: since the monitor began, and of the wall.
    package struct Moment: Sendable {
        package var elapsed: Duration
        package var wall: WallTime

        package init(elapsed: Duration, wall: WallTime) {
            self.elapsed = elapsed
            self.wall = wall
        }
    }

    package enum Event: Sendable {
        case result(ResultEvent)
        /// A record of the results or of the dead letters that this version cannot read.
        case unreadable
        case letter(DeadLetter, written: WallTime)
        /// The reader of the results, or of the dead letters, has done a turn.
        case turned(Source, reached: [Int32: Int64], trouble: String?)
        /// Where the partitions end, and why it could not be had of some.
        case ends(Source, [Int32: Int64], unknown: [Int32: String])
        case lag(FleetView.Lag)
        case group(Group)
        case silent(reason: String)
        /// The file of credentials was read again; why that failed, if it did.
        case credentials(trouble: String?)
    }

    package enum Source: Sendable { case results, letters }

    /// The consumer group as its coordinator tells of it.
    package enum Group: Equatable, Sendable {
        case unknown
        /// `owners` by partition of the commands, as far as the coordinator tells.
        case known(state: String, members: [String], owners: [Int32: String] = [:])
        case refused(reason: String)
    }

    package private(set) var view: FleetView
    /// Live results that are in doubt or failed, one that is both counted once.
    package private(set) var troubles = RateWindow()
    package private(set) var history = History()
    package private(set) var results = Ring<SeenResult>(capacity: Bounds.results)
    package private(set) var troubled = Ring<SeenResult>(capacity: Bounds.troubled)
    package private(set) var guesses = Ring<SeenResult>(capacity: Bounds.guesses)
    package private(set) var letters = Ring<SeenLetter>(capacity: Bounds.letters)
    package private(set) var resultReading: Reading
    package private(set) var letterReading: Reading
    package private(set) var group = Group.unknown
    /// When the cluster last answered about lag or group.
    package private(set) var answeredAt: Duration?
    package private(set) var credentialsTrouble: String?
    /// By partition of the commands: since when commands wait in it.
    package private(set) var waitingSince: [Int32: Duration] = [:]
    /// The worker names that are kept, one copy of each.
    private var names: Set<String> = []

    /// Who has a partition of the commands: by the group's coordinator, or by the last result that is remembered of it.
    package func owner(of partition: Int32) -> (name: String, isByGroup: Bool)? {
        if case .known(_, _, let owners) = group, let name = owners[partition] { return (name, true) }
        return results.newest(1) { $0.partition == partition }.first.map { ($0.worker, false) }
    }

    package init(results: String, letters: String, group: String) {
        view = FleetView(topic: results, group: group)
        resultReading = Reading(results)
        letterReading = Reading(letters)
    }

    package mutating func handle(_ event: Event, at now: Moment) {
        switch event {
        case .result(let event): record(event, at: now)
        case .unreadable: view.unreadableResult()
        case .letter(let letter, let time):
            letters.append(SeenLetter(letter, written: time))
            history.deadLetter(written: time, at: now.wall)
        case .turned(.results, let reached, let trouble):
            resultReading.turned(reached: reached, trouble: trouble, at: now.elapsed)
        case .turned(.letters, let reached, let trouble):
            letterReading.turned(reached: reached, trouble: trouble, at: now.elapsed)
        case .ends(.results, let ends, let unknown):
            resultReading.told(ends: ends, unknown: unknown, at: now.elapsed)
        case .ends(.letters, let ends, let unknown):
            letterReading.told(ends: ends, unknown: unknown, at: now.elapsed)
        case .lag(let lag): record(lag, at: now)
        case .group(let group):
            self.group = group
            if case .known(let state, let members, let owners) = group {
                self.group = .known(
                    state: state,
                    members: members.prefix(Bounds.members).map(FleetView.name),
                    owners: owners.filter { (0..<Bounds.owned).contains($0.key) }.mapValues(FleetView.name)
                )
            }
            heard(at: now)
        case .silent(let reason):
            if case .lost(let since, _) = view.connection {
                view.connection = .lost(since: since, reason: reason)
            } else {
                view.connection = .lost(since: now.elapsed, reason: reason)
            }
        case .credentials(let trouble): credentialsTrouble = trouble
        }
    }

    private mutating func record(_ event: ResultEvent, at now: Moment) {
        if now.wall.milliseconds - event.completedAt.milliseconds <= Self.liveMilliseconds {
            view.result(event, at: now.elapsed)
            if event.inDoubt || event.status == .failed { troubles.add(second: FleetView.second(now.elapsed)) }
        }
        history.result(event, at: now.wall)
        let seen = SeenResult(event, worker: name(event.worker))
        results.append(seen)
        if seen.isTroubled { troubled.append(seen) }
        if seen.reason == .tooManyCodes { guesses.append(seen) }
    }

    private mutating func record(_ lag: FleetView.Lag, at now: Moment) {
        view.lag = lag
        guard case .known(let lags) = lag else { return }
        heard(at: now)
        history.lag(lags.values.reduce(0, +), at: now.wall)
        waitingSince = lags.filter { $0.value > 0 }.mapValues { _ in now.elapsed }
            .merging(waitingSince.filter { lags[$0.key, default: 0] > 0 }) { _, earlier in earlier }
    }

    private mutating func heard(at now: Moment) {
        answeredAt = now.elapsed
        view.connection = .well
    }

    /// As many names as the live view tells apart.
    private mutating func name(_ worker: String) -> String {
        let own = FleetView.name(worker)
        if let index = names.firstIndex(of: own) { return names[index] }
        guard names.count < FleetView.Bounds.workers else { return FleetView.otherWorkers }
        names.insert(own)
        return own
    }

    private static let liveMilliseconds = Bounds.live.components.seconds * 1_000
}
