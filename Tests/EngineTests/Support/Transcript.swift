import OTPContract
import OTPEngine
import Testing

/// An engine, a clock that only the test moves, and a broker that remembers ledger offsets: every method is one thing
/// that happens and returns, as lines of text, what the engine wants done about it.
///
/// It decides nothing. Reports and wake-ups are no lines; they are kept in ``facts`` and ``wake``.
final class Transcript {
    private var engine: Engine
    private(set) var now = Instant(nanoseconds: 0)
    /// What the engine reported about the last thing that happened.
    private(set) var facts: [Fact] = []
    /// All that it wanted done then, whole.
    private(set) var effects: [Effect] = []
    private(set) var wake: Instant?
    private(set) var epochs: [Int32: PartitionEpoch] = [:]
    /// The transaction to carry out.
    private(set) var batch: Batch?
    /// Barriers that were renewed so far.
    private(set) var renewals = 0
    private var renewed: [PartitionEpoch] = []
    /// Per partition, where the next ledger record will lie.
    var ledgerEnd: [Int32: Int64] = [:]
    static let cluster = "cluster-1"
    private static let wallStart: Int64 = 1_700_000_000_000

    init(_ change: (inout EngineConfiguration) -> Void = { _ in }) {
        var configuration = EngineConfiguration(
            topic: "commands",
            group: "group",
            worker: "worker",
            clusterID: Self.cluster,
            keyID: 1,
            processID: 7,
            transactionalID: "slot"
        )
        change(&configuration)
        engine = Engine(configuration: configuration, seed: 1, now: now)
    }

    /// Started, with a producer, and owning these partitions from offset 0 on with an empty ledger.
    convenience init(owning partitions: Int32..., change: (inout EngineConfiguration) -> Void = { _ in }) {
        self.init(change)
        start()
        for partition in partitions { assign(partition) }
    }

    var wall: WallTime { WallTime(milliseconds: Self.wallStart + now.nanoseconds / 1_000_000) }

    @discardableResult
    func happens(_ event: Event) -> [String] { happens([event]) }

    /// All of it in one turn of the loop.
    @discardableResult
    func happens(_ events: [Event]) -> [String] {
        effects = engine.handle(events, at: now)
        facts = []
        var lines: [String] = []
        for effect in effects {
            switch effect {
            case .report(let fact): facts.append(fact)
            case .wake(let moment):
                wake = moment
                // Whatever is due has been done, so to be called again at once would be a spin.
                #expect(moment > now)
            case .assign(let assigned): for epoch in assigned { epochs[epoch.partition] = epoch }
            case .commit(let batch): self.batch = batch
            case .writeBarrier(let epoch, _) where engine.status(at: now).isRestored(epoch.partition):
                renewed.append(epoch)
                continue
            default: break
            }
            lines += Line.lines(of: effect)
        }
        return lines + renew()
    }

    /// Barriers that are renewed are written by the way, and are no lines.
    private func renew() -> [String] {
        guard !renewed.isEmpty else { return [] }
        let (due, facts, effects) = (renewed, facts, effects)
        renewed = []
        renewals += due.count
        let lines = due.flatMap { happens(.barrierWritten($0, ledgerOffset: ledgerEnd[$0.partition] ?? 0)) }
        (self.facts, self.effects) = (facts + self.facts, effects + self.effects)
        return lines
    }

    func permits(_ offset: Int64, in partition: Int32 = 0) -> Bool { engine.permits(id(offset, partition), at: now) }

    func status() -> EngineStatus { engine.status(at: now) }

    // MARK: Time

    /// The loop turns every second, or sooner where it asked to.
    @discardableResult
    func pass(_ duration: Duration) -> [String] {
        let end = now + duration
        var lines: [String] = []
        var facts: [Fact] = []
        repeat {
            var next = min(end, now + .seconds(1))
            if let wake, wake > now { next = min(next, wake) }
            now = next
            lines += happens(.timeReached(wall: wall))
            facts += self.facts
        } while now < end
        self.facts = facts
        return lines
    }

    /// The process does not run at all for that long.
    func sleep(_ duration: Duration) { now = now + duration }

    /// The statistics say that the coordinator last answered so long ago.
    @discardableResult
    func heard(ago silence: Duration) -> [String] { happens(.coordinatorHeard(at: now + (.zero - silence))) }

    // MARK: The group

    @discardableResult
    func start() -> [String] { happens(.started) + happens(.producerReady) }

    @discardableResult
    func assign(
        _ partition: Int32,
        committed: Int64? = 0,
        metadata: OffsetMetadata? = nil,
        ledger: [LedgerRecord] = []
    ) -> [String] {
        happens(.assigned([partition]))
        let epoch = epoch(partition)
        let positions = Positions(committed: committed, metadata: metadata?.encoded, earliest: 0, end: committed ?? 0)
        happens(.positionsFetched(epoch, positions))
        // The barrier lies before what the broker remembers of: ledger offsets in a transcript count from it.
        let end = max(ledgerEnd[partition] ?? 0, Int64(ledger.count))
        ledgerEnd[partition] = end
        happens(.barrierWritten(epoch, ledgerOffset: end))
        return happens(.restored(epoch, LedgerRestore.Result(ledger: Self.read(ledger)), at: wall))
    }

    /// What a restore makes of these records, the first at offset 0.
    static func read(_ records: [LedgerRecord]) -> SessionLedger {
        var restore = LedgerRestore(
            .init(retention: .seconds(1_800), committed: 0, finished: nil),
            process: 7,
            at: WallTime(milliseconds: wallStart)
        )
        for (offset, record) in records.enumerated() {
            restore.apply(
                key: record.key,
                value: record.value,
                offset: Int64(offset),
                timestamp: WallTime(milliseconds: wallStart),
                digest: { Sample.digest($0.text) }
            )
        }
        return restore.finished().ledger
    }

    func epoch(_ partition: Int32) -> PartitionEpoch {
        epochs[partition] ?? PartitionEpoch(partition: partition, epoch: 0)
    }

    func id(_ offset: Int64, _ partition: Int32 = 0) -> RecordID {
        RecordID(epoch: epoch(partition), offset: offset)
    }

    // MARK: A command

    /// A record whose own time is `age` ago and whose code ends `expiresIn` from now.
    func record(
        _ offset: Int64,
        _ session: String,
        _ code: String,
        in partition: Int32 = 0,
        age: Duration = .zero,
        expiresIn: Duration? = nil,
        headers: [Header] = [],
        commandID: String? = nil,
        phone: UInt64? = nil
    ) -> ReceivedRecord {
        var record = ReceivedRecord(
            id: id(offset, partition),
            timestamp: WallTime(milliseconds: wall.milliseconds - age.milliseconds),
            key: Array(session.utf8),
            headers: headers,
            content: Sample.command(
                session,
                code,
                commandID: commandID ?? "commands/\(partition)/\(offset)",
                expiresAt: expiresIn.map { WallTime(milliseconds: wall.milliseconds + $0.milliseconds) }
            )
        )
        record.phone = phone.map { PhoneDigest(value: $0) }
        return record
    }

    @discardableResult
    func receive(
        _ offset: Int64,
        _ session: String,
        _ code: String,
        in partition: Int32 = 0,
        age: Duration = .zero,
        expiresIn: Duration? = nil,
        headers: [Header] = []
    ) -> [String] {
        receive([
            record(offset, session, code, in: partition, age: age, expiresIn: expiresIn, headers: headers)
        ])
    }

    @discardableResult
    func receive(_ records: [ReceivedRecord]) -> [String] { happens(.received(records, at: wall)) }

    @discardableResult
    func receiveUnusable(_ offset: Int64, _ reason: InvalidReason, in partition: Int32 = 0) -> [String] {
        let rejection = Rejection(
            reason: reason,
            detail: "is \(reason.rawValue)",
            commandID: "c\(offset)",
            sessionID: nil
        )
        return receive([
            ReceivedRecord(
                id: id(offset, partition),
                timestamp: wall,
                key: nil,
                headers: [],
                content: .unusable(rejection)
            )
        ])
    }

    /// The broker acknowledged the record's intent, at the ledger's end.
    @discardableResult
    func intentWritten(_ offset: Int64, in partition: Int32 = 0, at ledgerOffset: Int64? = nil) -> [String] {
        happens(.intentWritten(id(offset, partition), ledgerOffset: ledgerOffset ?? nextLedgerOffset(partition)))
    }

    @discardableResult
    func answered(_ offset: Int64, in partition: Int32 = 0, _ answer: UpstreamAnswer) -> [String] {
        happens(.answered(id(offset, partition), answer))
    }

    /// A command that needs a call goes all the way to its answer.
    @discardableResult
    func ask(
        _ offset: Int64,
        _ session: String,
        _ code: String,
        in partition: Int32 = 0,
        _ answer: UpstreamAnswer
    ) -> [String] {
        receive(offset, session, code, in: partition)
        intentWritten(offset, in: partition)
        return answered(offset, in: partition, answer)
    }

    // MARK: The transaction

    /// It committed: its ledger records lie at the ledger's end, followed by a marker.
    @discardableResult
    func committed() -> [String] {
        guard let batch = removeBatch() else { return ["no transaction"] }
        let offsets = batch.ledger.map { nextLedgerOffset($0.partition) as Int64? }
        for partition in Set(batch.ledger.map(\.partition)) { _ = nextLedgerOffset(partition) }
        return happens(.committed(batch.id, ledgerOffsets: offsets))
    }

    @discardableResult
    func aborted(
        _ cause: AbortCause,
        faults: [OutputReference] = [],
        isProducerLost: Bool = false
    ) -> [String] {
        guard let batch = removeBatch() else { return ["no transaction"] }
        return happens(
            .commitAborted(batch.id, cause, faults: faults, isProducerLost: isProducerLost, reason: "refused")
        )
    }

    @discardableResult
    func commitUnknown(isFenced: Bool = false) -> [String] {
        guard let batch else { return ["no transaction"] }
        return happens(.commitUnknown(batch.id, isFenced: isFenced, reason: "cut"))
    }

    private func removeBatch() -> Batch? {
        defer { batch = nil }
        return batch
    }

    private func nextLedgerOffset(_ partition: Int32) -> Int64 {
        defer { ledgerEnd[partition, default: 0] += 1 }
        return ledgerEnd[partition] ?? 0
    }
}

extension EngineStatus {
    fileprivate func isRestored(_ number: Int32) -> Bool {
        partitions.contains { $0.number == number && $0.phase != "restoring" }
    }
}
