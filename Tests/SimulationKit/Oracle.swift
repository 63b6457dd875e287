import OTPContract
import OTPEngine

/// Holds the promises against what can be seen from outside: results, dead letters, ledger and offsets as a read_committed
/// reader sees them, and the journal of the calls that reached the upstream.
///
/// It never looks into an engine.
final class Oracle {
    let world: World
    weak var broker: Broker?
    var rate = RateWatch()
    private var partitions: [Int32: Published] = [:]

    private struct Published {
        var firstOpen = 0
        var answered = 0
    }

    init(world: World) { self.world = world }

    // MARK: The journal

    /// A byte is about to leave a worker.
    func callWritten(_ lease: Lease, _ record: CommandRecord, _ command: VerifyCommand) -> Call? {
        guard let lane = record.lane, let question = record.question, let broker else {
            world.violate("a call for an unusable record \(record.commandID)")
            return nil
        }
        if record.isSlip { world.violate("a call about what can be no code: \(record.commandID)") }
        let call = Call(lease: lease, record: record, question: question, writtenAt: world.now)
        world.trace("\(lease.process.name): asks about \(record.commandID) \(lane.session.id) code \(question.code)")
        if lease.process.consumer?.isFencedUnawares == true {
            lane.isMemoryLost = true
        } else if lease.endedAt != nil || broker.group.grants[lease.epoch.partition] ?? 0 != lease.grant {
            world.violate(
                "\(lease.process.name) asks about \(record.commandID) although the partition was given to another"
            )
        }
        if record.isAnswered, !lane.isMemoryLost {
            world.violate("\(record.commandID) is asked about although it has a result")
        }
        if world.wall > latestDeadline(of: record) + 5 + abs(lease.process.skew) {
            world.violate("\(record.commandID) is asked about after its deadline")
        }
        if let violation = rate.called(at: world.now, plan: world.plan) { world.violate(violation) }
        if !lane.isMemoryLost { judge(call, lane) }
        checkIntent(of: record, lane)
        lane.calls.append(call)
        lane.lastActivity = world.now
        world.coverage.hit(.row(.asked))
        return call
    }

    /// No call begins after it, whatever the record's own time says.
    private func latestDeadline(of record: CommandRecord) -> Int64 {
        let byAge = record.timestamp > 0 ? record.timestamp + world.plan.maximumAge.milliseconds : Int64.max - 10_000
        return min(byAge, record.expiresAt ?? .max - 10_000)
    }

    /// It does not expire before it.
    func earliestDeadline(of record: CommandRecord) -> Int64 {
        let written = World.wallBase + record.writtenAt / 1_000_000
        let from = record.timestamp > 0 ? min(record.timestamp, written) : written
        return min(from + world.plan.maximumAge.milliseconds, record.expiresAt ?? .max)
    }

    private func judge(_ call: Call, _ lane: Lane) {
        let record = call.record
        var attempts = 1
        var ambiguous = 0
        for earlier in lane.calls {
            if earlier.lease === call.lease {
                if earlier.deliveredAt == nil { world.violate("two calls of \(lane.session.id) at a time") }
                if earlier.record === record {
                    attempts += 1
                    if earlier.verdict == .ambiguous, !earlier.isPatient { ambiguous += 1 }
                }
            }
            guard earlier.question == call.question, let verdict = earlier.verdict else { continue }
            if earlier.record !== record, earlier.record.result?.retryable == true {
                world.coverage.hit(.row(.retryableAskedAgain))
            }
            let isKnown =
                earlier.lease === call.lease
                || (earlier.record.resultLease === earlier.lease
                    && earlier.lease.process.keyID == call.lease.process.keyID)
            if verdict.isFinal, isKnown, !remembers(lane, since: earlier.deliveredAt) {
                world.coverage.hit(.transition(.expiredSession))
            } else if verdict.isFinal, isKnown {
                world.violate("\(record.commandID) asks again what \(earlier.record.commandID) was told: \(verdict)")
            }
            if earlier.record === record, earlier.lease === call.lease, verdict == .halt {
                world.violate("\(record.commandID) asks again after a halt")
            }
        }
        if lane.intents.contains(where: { $0.record === record && $0.lease !== call.lease && !$0.lease.isGraceful }) {
            world.coverage.hit(.row(.openIntentAskedAgain))
        }
        if attempts > 4 { world.violate("\(record.commandID) is asked about \(attempts) times") }
        if ambiguous > 1 { world.violate("\(record.commandID) is asked about again after two ambiguous answers") }
        let verified = lane.results.first { $0.result?.status == .verified && $0.offset < record.offset }
        if let verified, remembers(lane, since: verified.writtenAt) {
            world.violate("\(record.commandID) is asked about although the session is verified")
        }
        if record.offset < (lane.calls.last { $0.lease === call.lease }?.record.offset ?? -1) {
            world.violate("\(record.commandID) is asked about after a later one of its session")
        }
        judgePhone(of: call)
        let codes = Set(lane.calls.map(\.question) + [call.question]).count
        if codes > world.plan.maximumCodes + 1, remembers(lane, since: lane.calls.first?.writtenAt) {
            world.violate("\(lane.session.id) is asked about with \(codes) codes")
        }
    }

    /// No code is asked about for a phone of which so many were wrong already, whatever the session.
    private func judgePhone(of call: Call) {
        let limit = world.plan.maximumWrongCodes
        guard limit > 0, let phone = call.record.phone else { return }
        let wrong = askedAbout(phone, in: call.record.partition) { record, lane in
            record.result?.reason == .wrongCode && record.result?.replayed == false
                && remembers(lane, since: record.writtenAt) && isSameKey(record, as: call.lease)
        }
        if wrong >= limit {
            world.violate("\(call.record.commandID) is asked about after \(wrong) wrong codes of its phone")
        }
    }

    /// Questions of this phone that are in the partition; what can be no code is none.
    func askedAbout(_ phone: PhoneNumber, in partition: Int32, isMeant: (CommandRecord, Lane) -> Bool) -> Int {
        lanes[partition, default: [:]].values.reduce(0) { sum, lane in
            let meant = lane.records.filter { $0.phone == phone && !$0.isSlip && isMeant($0, lane) }
            return sum + Set(meant.compactMap(\.question)).count
        }
    }

    private func isSameKey(_ record: CommandRecord, as lease: Lease) -> Bool {
        record.resultLease?.process.keyID == lease.process.keyID
    }

    /// Whether what is known of the lane must still be remembered by everybody.
    func remembers(_ lane: Lane, since: Int64?) -> Bool {
        guard !lane.isMemoryLost, let since else { return false }
        return world.now - since < world.plan.retention.nanoseconds - sec(3)
    }

    func delivered(_ call: Call, _ answer: UpstreamAnswer) {
        call.deliveredAt = world.now
        call.verdict = OracleTable.verdict(answer)
        call.isPatient = answer.transport == .answered(status: 503)
    }

    func noteAnswer(_ answer: UpstreamAnswer) {
        guard let verdict = OracleTable.verdict(answer) else {
            let isWithheld = answer.transport == .notSent(.withheld)
            return world.coverage.hit(.answer(isWithheld ? .withheld : .notSent))
        }
        world.coverage.hit(.answer(verdict.kind))
        guard case .answered(let status) = answer.transport else { return }
        if let code = status == 200 ? answer.body?.code : answer.body?.resultCode {
            world.coverage.hit(.returnCode(code))
        }
        if status != 200 { world.coverage.hit(.answer(answer.body?.resultCode == nil ? .plainError : .errorObject)) }
    }

    // MARK: The ledger

    func intentAsked(_ lease: Lease, _ record: CommandRecord) {
        guard let lane = record.lane, let question = record.question else { return }
        if record.isSlip { world.violate("an intent about what can be no code: \(record.commandID)") }
        if lane.intents.contains(where: { $0.record === record && $0.lease === lease }) {
            world.coverage.hit(.transition(.intentWrittenAgain))
        }
        lane.intents.append((question, lease, record))
    }

    /// The intent of the call that is about to leave is in the ledger, and nothing has taken it back.
    private func checkIntent(of record: CommandRecord, _ lane: Lane) {
        guard let broker, !lane.isMemoryLost else { return }
        let ledger = broker.ledgers[Int(record.partition)]
        if !isOpen(record, lane, in: ledger) {
            world.violate("\(record.commandID) is asked about without an intent in the ledger")
        }
    }

    private func isOpen(_ record: CommandRecord, _ lane: Lane, in ledger: LedgerLog) -> Bool {
        guard let question = record.question else { return false }
        for entry in ledger.entries.reversed() where (entry.transaction?.outcome ?? .committed) != .aborted {
            guard let decoded = LedgerRecord(key: entry.key, value: entry.value), decoded.session == lane.session.id
            else { continue }
            switch decoded.content {
            case .intent(let fingerprint, _, _) where fingerprint == question.fingerprint(keyID: fingerprint.keyID):
                return true
            case .void(let fingerprint) where fingerprint == question.fingerprint(keyID: fingerprint.keyID):
                if entry.transaction?.outcome == .committed { return false }
            default: continue
            }
        }
        return false
    }

    /// A committed tombstone took away an intent on which a call rests that is not concluded.
    private func checkTombstones(_ transaction: Transaction) {
        for write in transaction.batch.ledger {
            guard let record = write.record, case .void(let fingerprint) = record.content,
                let lane = lanes[write.partition]?[record.session]
            else { continue }
            for call in lane.calls
            where !call.record.isAnswered && call.deliveredAt == nil && !call.lease.process.isDead {
                guard call.lease.endedAt == nil, call.question.fingerprint(keyID: fingerprint.keyID) == fingerprint
                else { continue }
                let ledger = broker?.ledgers[Int(write.partition)]
                if let ledger, !isOpen(call.record, lane, in: ledger) {
                    world.violate("the intent of \(call.record.commandID), which is being asked about, was taken back")
                }
            }
        }
    }

    var lanes: [Int32: [SessionID: Lane]] = [:]

    /// Records, lanes and leases speak of one another; a run of a million seeds must not keep them.
    func tearDown() {
        for lane in lanes.values.flatMap(\.values) { lane.tearDown() }
        lanes = [:]
        for record in (broker?.commands ?? []).flatMap(\.records) { record.resultLease = nil }
    }

    // MARK: Leases

    func ended(_ lease: Lease, gracefully: Bool) {
        guard lease.endedAt == nil else { return }
        lease.endedAt = world.now
        lease.isGraceful = gracefully
    }

    func formed(_ batch: Batch, by process: Process) {
        if batch.offsets.isEmpty { world.violate("a batch without an offset") }
        let withOffset = Set(batch.offsets.map(\.epoch.partition))
        for result in batch.results where !withOffset.contains(result.record.epoch.partition) {
            world.violate("a result whose partition is not in the offsets")
        }
        // A session's outcomes stay together, beyond the limit if need be.
        if batch.results.count > world.plan.maximumBatch + 2 * Limits.waitingPerSession {
            world.violate("a batch of \(batch.results.count) records")
        }
        if batch.results.count >= world.plan.maximumBatch { world.coverage.hit(.transition(.batchFull)) }
        if batch.results.isEmpty, batch.ledger.isEmpty {
            world.coverage.hit(.transition(process.isLeaseValid ? .idleMoveCommitted : .proofCommitted))
        }
    }

    // MARK: A transaction becomes visible

    func committed(_ transaction: Transaction) {
        let process = transaction.process
        for write in transaction.batch.ledger { noteConcluded(write) }
        for result in transaction.batch.results { published(result, by: process) }
        for letter in transaction.batch.deadLetters { checkLetter(letter) }
        for write in transaction.batch.ledger { checkSecrets(write) }
        checkTombstones(transaction)
        for offset in transaction.batch.offsets { checkOffset(offset) }
    }

    private func noteConcluded(_ write: Batch.LedgerWrite) {
        guard let record = write.record, case .state(let codes, let isClosed) = record.content,
            let lane = lanes[write.partition]?[record.session]
        else { return }
        if isClosed { lane.isClosedInState = true }
        for code in codes where code.outcome != nil {
            lane.concluded[code.fingerprint] = max(code.source, lane.concluded[code.fingerprint] ?? -1)
        }
    }

    private func published(_ result: Batch.Result, by process: Process) {
        let event = result.event
        guard let record = broker?.commands[Int(event.source.partition)].record(event.source.offset) else {
            return world.violate("a result for no record: \(event.source)")
        }
        world.trace(
            "result: \(record.commandID) \(event.status.rawValue)/\(event.reason.rawValue)"
                + "\(event.inDoubt ? " in doubt" : "")\(event.replayed ? " replayed" : "") by \(process.name)"
        )
        guard !record.isAnswered else {
            // Where somebody else overwrote the session's state, nothing is left to tell a deposed coordinator's offset by.
            let isUntold = record.lane?.isMemoryLost == true && world.plan.faults.contains(.staleOffsets)
            if !isUntold { world.violate("a second result for \(record.commandID)") }
            return
        }
        record.result = event
        record.resultLease = process.leases[result.record.epoch] ?? process.leasesEver[result.record.epoch]
        partitions[record.partition, default: Published()].answered += 1
        world.coverage.hit(.reason(event.reason.rawValue))
        if event.undeliverable { world.coverage.hit(.transition(.undeliverablePublished)) }
        checkShape(event, record)
        judge(event, of: record)
    }

    private func checkOffset(_ offset: Batch.Offset) {
        guard let log = broker?.commands[Int(offset.epoch.partition)] else { return }
        var published = partitions[offset.epoch.partition, default: Published()]
        while published.firstOpen < log.records.count,
            log.records[published.firstOpen].isAnswered || log.records[published.firstOpen].isDeleted
        {
            published.firstOpen += 1
        }
        partitions[offset.epoch.partition] = published
        if published.firstOpen < log.records.count, log.records[published.firstOpen].offset < offset.offset {
            world.violate(
                "offset \(offset.offset) is committed beyond the unfinished \(log.records[published.firstOpen].commandID)"
            )
        }
        if offset.offset > log.end { world.violate("offset \(offset.offset) is committed beyond the end") }
        guard let metadata = OffsetMetadata(offset.metadata) else {
            return world.violate("metadata that cannot be read")
        }
        if metadata.committedOffset != offset.offset { world.violate("metadata of another offset") }
        if !metadata.finished.isEmpty { world.coverage.hit(.transition(.bitmapUsed)) }
        for finished in metadata.finished {
            if let record = log.record(finished), !record.isAnswered, !record.isDeleted {
                world.violate("\(record.commandID) counts as finished in the bitmap and has no result")
            }
        }
        if (metadata.finished.last ?? 0) - offset.offset > Limits.window { world.violate("a bitmap beyond the window") }
    }

    /// The first record without a result, as of the last commit.
    func firstOpen(in partition: Int32) -> Int64 {
        guard let records = broker?.commands[Int(partition)].records, let known = partitions[partition] else {
            return .max / 2
        }
        return known.firstOpen < records.count ? records[known.firstOpen].offset : .max / 2
    }

    // MARK: The end

    var openRecords: [CommandRecord] {
        (broker?.commands ?? []).flatMap { $0.records.filter { !$0.isAnswered && !$0.isDeleted } }
    }

    func isEverythingAnswered(_ log: CommandLog) -> Bool {
        let known = partitions[log.partition, default: Published()]
        return log.records.count == known.answered
            || log.records[known.firstOpen...].allSatisfy { $0.isAnswered || $0.isDeleted }
    }
}
