import OTPContract
import OTPEngine
import Testing

/// A worker under load: the engine, a broker that takes everything soon, and an upstream with so many slots, each busy for a
/// while with every request that was written, wanted any more or not.
///
/// Time passes only from event to event.
final class Rush {
    private enum Happening {
        case event(Event)
        case arrival(Int)
        case answer(RecordID, UpstreamAnswer, isLate: Bool)
    }

    private struct Item {
        var at: Instant
        var order: Int
        var what: Happening
    }

    private var engine: Engine
    private(set) var now = Instant(nanoseconds: 0)
    private var owned: [Int32: PartitionEpoch] = [:]
    /// Latest first.
    private var agenda: [Item] = []
    private var order = 0
    private var wake: Instant?
    private var random = SplitMix64(seed: 3)
    private var slots: [Instant]
    private var open: Set<RecordID> = []
    private var next: [Int32: Int64] = [:]
    private var written: [Coordinates: (stream: Int, at: Instant)] = [:]

    /// Commands that arrive at an even pace, each of a session of its own.
    struct Stream {
        var partition: Int32 = 0
        var interval = Duration.seconds(1)
        var life = Duration.seconds(5)
        /// Nil: each has a key of its own.
        var key: String?
    }

    /// The first is the one that ``interval`` and ``life`` speak of.
    var streams = [Stream()]
    var interval: Duration {
        get { streams[0].interval }
        set { streams[0].interval = newValue }
    }
    var life: Duration {
        get { streams[0].life }
        set { streams[0].life = newValue }
    }
    var arrivalsEnd = Instant.seconds(60)
    /// Nil: processed; else what it says instead, at once.
    var trouble: (Instant) -> UpstreamAnswer? = { _ in nil }
    var service: ClosedRange<Int64> = 50...150

    private(set) var calls: [Instant] = []
    private(set) var verified: [Instant] = []
    /// Per stream how long each of its commands waited for its `verified`.
    private(set) var waits: [Int: [Duration]] = [:]
    private(set) var results: [String: Int] = [:]
    private(set) var mostInMemory = 0
    private(set) var mostWaiting = 0
    var arrived: Int { Int(next.values.reduce(0, +)) }
    var answered: Int { results.values.reduce(0, +) }

    init(slots: Int, _ change: (inout EngineConfiguration) -> Void = { _ in }) {
        var configuration = EngineConfiguration(
            topic: "commands",
            group: "group",
            worker: "worker",
            clusterID: "cluster",
            keyID: 1,
            processID: 1,
            transactionalID: "slot"
        )
        change(&configuration)
        engine = Engine(configuration: configuration, seed: 5, now: now)
        self.slots = Array(repeating: now, count: slots)
        handle(.started)
        handle(.producerReady)
        handle(.assigned([0, 1]))
        for epoch in owned.values.sorted(by: { $0.partition < $1.partition }) {
            handle(.positionsFetched(epoch, Positions(committed: 0, metadata: nil, earliest: 0, end: 0)))
            handle(.barrierWritten(epoch, ledgerOffset: 0))
            handle(.restored(epoch, .init(ledger: Transcript.read([])), at: wall))
        }
    }

    private var wall: WallTime { WallTime(milliseconds: 1_700_000_000_000 + now.nanoseconds / 1_000_000) }

    func run(until end: Instant) {
        if arrived == 0 { for stream in streams.indices { push(.arrival(stream), at: now) } }
        while true {
            let due = min(agenda.last?.at ?? end, wake ?? end, end)
            now = max(now, due)
            if now >= end { return }
            if let item = agenda.last, item.at <= now {
                agenda.removeLast()
                happen(item.what)
            } else {
                handle(.timeReached(wall: wall))
            }
        }
    }

    private func push(_ what: Happening, at moment: Instant) {
        order += 1
        var low = 0
        var high = agenda.count
        while low < high {
            let middle = (low + high) / 2
            if agenda[middle].at > moment { low = middle + 1 } else { high = middle }
        }
        agenda.insert(Item(at: moment, order: order, what: what), at: low)
    }

    private func happen(_ what: Happening) {
        switch what {
        case .event(let event): handle(event)
        case .arrival(let stream): arrive(stream)
        case .answer(let id, let answer, let isLate):
            guard open.remove(id) != nil || isLate else { return }
            handle(.answered(id, answer))
        }
    }

    private func arrive(_ number: Int) {
        let stream = streams[number]
        guard let epoch = owned[stream.partition] else { return }
        let offset = next[stream.partition, default: 0]
        let record = ReceivedRecord(
            id: RecordID(epoch: epoch, offset: offset),
            timestamp: wall,
            key: stream.key.map { Array($0.utf8) },
            headers: [],
            content: Sample.command(
                "s\(stream.partition)-\(offset)",
                "A",
                expiresAt: WallTime(milliseconds: wall.milliseconds + stream.life.milliseconds)
            )
        )
        next[stream.partition] = offset + 1
        written[Coordinates(topic: "commands", partition: stream.partition, offset: offset)] = (number, now)
        if now + stream.interval < arrivalsEnd { push(.arrival(number), at: now + stream.interval) }
        handle(.received([record], at: wall))
    }

    private func handle(_ event: Event) {
        for effect in engine.handle(event, at: now) {
            switch effect {
            case .assign(let assigned): for epoch in assigned { owned[epoch.partition] = epoch }
            case .writeIntent(let id, _):
                push(.event(.intentWritten(id, ledgerOffset: nil)), at: now + .milliseconds(5))
            case .call(let id, _, _, let timeout): call(id, timeout: timeout)
            case .commit(let batch):
                for result in batch.results { publish(result.event) }
                let offsets = batch.ledger.map { _ in nil as Int64? }
                push(.event(.committed(batch.id, ledgerOffsets: offsets)), at: now + .milliseconds(10))
            case .wake(let moment): wake = moment
            default: break
            }
        }
    }

    private func call(_ id: RecordID, timeout: Duration) {
        calls.append(now)
        open.insert(id)
        if let answer = trouble(now) {
            push(.answer(id, answer, isLate: false), at: now + .milliseconds(20))
            return
        }
        let index = slots.indices.min { slots[$0] < slots[$1] } ?? 0
        slots[index] = max(slots[index], now) + .milliseconds(Int64.random(in: service, using: &random))
        let isLate = slots[index] > now + timeout
        let answer = isLate ? UpstreamAnswer(.unknown(.attemptTimeout)) : .code(0)
        push(.answer(id, answer, isLate: false), at: isLate ? now + timeout : slots[index])
    }

    private func publish(_ event: ResultEvent) {
        results[event.reason.rawValue, default: 0] += 1
        if event.status == .verified {
            verified.append(now)
            if let (stream, since) = written[event.source] { waits[stream, default: []].append(now - since) }
        }
        guard answered.isMultiple(of: 20) else { return }
        let status = engine.status(at: now)
        mostInMemory = max(mostInMemory, status.commandsInMemory)
        mostWaiting = max(mostWaiting, status.upstream.waiting)
    }

    func status() -> EngineStatus { engine.status(at: now) }
}
