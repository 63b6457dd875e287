import OTPContract
import OTPEngine

/// Those who ask: sessions with right, mistyped, corrected, repeated and concurrent codes, and records that are no commands.
final class Requester {
    private let world: World
    private let broker: Broker
    private let fleet: Fleet
    private let oracle: Oracle
    private var count = 0
    private var lastPhone: PhoneNumber?
    /// Nobody asks any more.
    var isQuiet = false

    init(world: World, broker: Broker, fleet: Fleet, oracle: Oracle) {
        self.world = world
        self.broker = broker
        self.fleet = fleet
        self.oracle = oracle
    }

    func begin() {
        for _ in 0..<world.plan.sessions {
            world.at(world.uniform(0...world.plan.faultsEnd)) { [self] in play() }
        }
        if world.plan.faults.contains(.burst) {
            world.at(world.uniform(0...world.plan.faultsEnd)) { [self] in burst() }
        }
        // A limit that nobody comes near limits nothing.
        if world.plan.protection.rateLimit != nil {
            let rush = world.uniform(0...world.plan.faultsEnd)
            for _ in 0..<30 { world.at(rush + world.uniform(0...sec(3))) { [self] in play() } }
        }
    }

    // MARK: Sessions

    private func newLane() -> Lane? {
        count += 1
        let digits = String(world.uniform(10_000_000...99_999_999))
        guard let id = SessionID("s\(count)"), let fresh = PhoneNumber(normalising: "53" + digits),
            let code = OTPCode(trimming: newCode())
        else { return nil }
        // A phone of several sessions, where that is limited.
        let isShared = world.plan.maximumWrongCodes > 0 && !world.areFaultsOver && world.flip(0.5)
        let phone = isShared ? lastPhone ?? fresh : fresh
        lastPhone = phone
        let session = Session(id: id, phone: phone, code: code)
        return lane(of: session, Int32(world.uniform(0...Int64(world.plan.partitions - 1))))
    }

    private func lane(of session: Session, _ partition: Int32) -> Lane {
        if let known = oracle.lanes[partition]?[session.id] { return known }
        let lane = Lane(
            session: session,
            partition: partition,
            isMemoryLost: broker.ledgers[Int(partition)].incarnation > 0
        )
        session.lanes.append(lane)
        oracle.lanes[partition, default: [:]][session.id] = lane
        return lane
    }

    private func newCode() -> String {
        let letters = Array("ABCDEFGHJKLMNPQRSTUVWXYZ")
        return "X" + String(letters[Int(world.uniform(0...23))]) + String(world.uniform(100_000...999_999))
    }

    private func play() {
        guard let lane = newLane() else { return }
        if world.strikes(.externalSuccess, 0.2) {
            // Somebody else asked, about the right code; the upstream says 100 or the like of any further question.
            if world.plan.otherAnswer != 100 { lane.session.isAccepted = true }
        }
        if world.strikes(.poisonedSession, 0.12) { lane.session.poison = poison() }
        var moment = Int64(0)
        var codes = [lane.session.code]
        for _ in 0..<world.uniform(1...5) {
            let code: OTPCode
            switch world.uniform(0...9) {
            case 0...4: code = lane.session.code
            case 5...6: code = world.pick(codes)
            case 7...8: code = OTPCode(trimming: newCode()) ?? lane.session.code
            default: code = OTPCode(trimming: newCode() + world.pick(["", "", "-", "\u{e9}"])) ?? lane.session.code
            }
            codes.append(code)
            let copies = world.strikes(.duplicates, 0.2) ? 2 : 1
            for _ in 0..<copies {
                world.after(moment) { [self] in ask(lane, code) }
            }
            moment += world.flip(0.4) ? 0 : world.delay(ms(1), sec(20))
        }
        if world.strikes(.guessing, 0.15) {
            for index in 0..<(world.plan.maximumCodes + 2) {
                world.after(Int64(index) * ms(200)) { [self] in
                    ask(lane, OTPCode(trimming: newCode()) ?? lane.session.code)
                }
            }
        }
    }

    private func poison() -> UpstreamAnswer {
        world.pick([
            UpstreamAnswer(.answered(status: 403), body: .init(code: 403, type: "authorization_error")),
            UpstreamAnswer(.answered(status: 403)),
            UpstreamAnswer(.answered(status: 200), body: .init(code: 4, message: "not found")),
            UpstreamAnswer(.answered(status: 429), retryAfter: .seconds(30)),
            UpstreamAnswer(.answered(status: 500)), UpstreamAnswer(.unknown(.closed)),
        ])
    }

    private func burst() {
        guard let lane = newLane() else { return }
        _ = world.strikes(.burst, 1)
        for _ in 0..<80 { ask(lane, lane.session.code) }
    }

    // MARK: Records

    private func ask(_ lane: Lane, _ code: OTPCode) {
        guard !isQuiet else { return }
        var lane = lane
        if world.plan.partitions > 1, world.strikes(.wrongKey, 0.05) {
            lane = self.lane(of: lane.session, (lane.partition + 1) % world.plan.partitions)
        }
        var phone = lane.session.phone
        if world.flip(0.03) {
            phone = PhoneNumber(normalising: "54" + String(world.uniform(10_000_000...99_999_999))) ?? phone
        }
        var timestamp = world.wall - world.uniform(0...20)
        if world.strikes(.oldCommands, 0.1) {
            timestamp = world.pick([
                -1, world.wall + 3_600_000, world.wall - world.plan.maximumAge.milliseconds + 500, world.wall - 10_000,
            ])
        }
        var expiresAt: Int64?
        if world.strikes(.shortLives, 0.15) { expiresAt = world.wall + world.uniform(-500...4_000) }
        var rejection: InvalidReason?
        if world.strikes(.unusable, 0.1) {
            rejection = world.pick([.malformed, .field(.code), .keyMissing, .tooLarge])
        }
        let isPoison =
            world.plan.faults.contains(rejection == nil ? .resultRefused : .letterRefused) && world.flip(0.05)
            && !world.areFaultsOver
        let header = Header(name: "correlation_id", text: "c")
        write(
            CommandRecord(
                partition: lane.partition,
                timestamp: timestamp,
                lane: lane,
                phone: phone,
                code: code,
                expiresAt: expiresAt,
                rejection: rejection,
                headers: isPoison || world.flip(0.3) ? [header] : [],
                isPoison: isPoison
            )
        )
    }

    private func write(_ record: CommandRecord) {
        let log = broker.commands[Int(record.partition)]
        if world.strikes(.skippedOffsets, 0.15) { log.skip(world.uniform(1...12)) }
        if world.strikes(.wideGap, 0.02) { log.skip(world.uniform(5_000...17_000)) }
        if world.strikes(.undecodable, 0.03) { log.appendDamaged(world.uniform(1...6)) }
        log.append(record, at: world.now)
        if record.rejection == nil { record.lane?.records.append(record) }
        world.trace(
            "requester: \(record.commandID) \(record.lane?.session.id.text ?? "?") code \(record.code?.revealed ?? "?")"
        )
        if world.strikes(.skippedOffsets, 0.05) { log.skip(world.uniform(1...3)) }
        fleet.pump(record.partition)
    }

    /// One fresh session per partition, asked about rightly: with nothing wrong anywhere it is answered at once.
    func probe() {
        for partition in 0..<world.plan.partitions {
            guard let fresh = newLane() else { continue }
            let lane = lane(of: fresh.session, partition)
            write(
                CommandRecord(
                    partition: partition,
                    timestamp: world.wall,
                    lane: lane,
                    phone: lane.session.phone,
                    code: lane.session.code
                )
            )
        }
    }
}
