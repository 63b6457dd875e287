import OTPContract
import OTPEngine

/// One seed, from the first command to the last worker's exit.
///
/// Faults strike for a while; then everything works again, every command must be answered, new ones at once, and every worker
/// must leave when it is asked to.
package struct Simulation {
    /// What came of a seed.
    package struct Report: Sendable {
        package var seed: UInt64
        /// The first promise that was broken; nil if none was.
        package var violation: String?
        package var coverage: Coverage
        package var events: Int
        package var records: Int
        package var simulated: Duration
        /// Of all effects, in order, and of the coverage; nil unless it was asked for.
        package var digest: UInt64?
    }

    private let world: World
    private let broker: Broker
    private let fleet: Fleet
    private let upstream: Upstream
    private let oracle: Oracle
    private let requester: Requester

    /// - Parameters:
    ///   - seed: decides everything.
    ///   - shellFaults: ways in which the shell is to fail the engine; none for an honest run.
    ///   - isDigested: whether the report is to have a digest.
    ///   - tracer: takes each line of a readable trace.
    package init(
        seed: UInt64,
        shellFaults: Set<ShellFault> = [],
        isDigested: Bool = false,
        tracer: ((String) -> Void)? = nil
    ) {
        world = World(seed: seed, tracer: tracer)
        if isDigested { world.digest = EffectDigest() }
        oracle = Oracle(world: world)
        broker = Broker(world: world, oracle: oracle)
        upstream = Upstream(world: world)
        fleet = Fleet(world: world, broker: broker, upstream: upstream, oracle: oracle, shellFaults: shellFaults)
        requester = Requester(world: world, broker: broker, fleet: fleet, oracle: oracle)
        oracle.broker = broker
    }

    package func run() -> Report {
        world.trace("plan: \(world.plan)")
        fleet.startAll()
        fleet.watch()
        requester.begin()
        injectFaults()
        world.run(until: world.plan.faultsEnd)
        endFaults()
        let isAnswered = { broker.commands.allSatisfy { oracle.isEverythingAnswered($0) } }
        world.run(until: world.now + sec(170), isDone: isAnswered)
        if !isAnswered() {
            let open = oracle.openRecords
            world.violate("\(open.count) commands are never answered, first \(open.first?.commandID ?? "?")")
        }
        waitUntilStable()
        defer { tearDown() }
        world.digest?.add(world.coverage)
        return Report(
            seed: world.seed,
            violation: world.violation,
            coverage: world.coverage,
            events: world.events,
            records: broker.commands.reduce(0) { $0 + $1.records.count },
            simulated: .nanoseconds(world.now),
            digest: world.digest?.value
        )
    }

    private func tearDown() {
        world.end()
        fleet.tearDown()
        oracle.tearDown()
        broker.tearDown()
    }

    // MARK: The calm after

    private func endFaults() {
        guard world.violation == nil else { return }
        world.trace("faults are over")
        world.areFaultsOver = true
        upstream.downUntil = 0
        upstream.limitedUntil = 0
        upstream.revokedUntil = 0
        broker.refusing = []
        broker.areLettersDenied = false
        broker.largestBatch = nil
        broker.restoreAllLeaders()
        for log in broker.commands {
            log.heldAt = nil
            fleet.pump(log.partition)
        }
        fleet.heal()
        for process in fleet.processes { process.consumer?.heal() }
        // Neither a lost ledger nor lost commands are passed over without somebody's decision.
        if !world.plan.faults.isDisjoint(with: [.ledgerRecreated, .commandsDeleted]) { fleet.restartAcceptingLoss() }
    }

    private func waitUntilStable() {
        requester.isQuiet = true
        // Whatever rebalance is still under way ends, offsets that were skipped are committed, and the longest wait for a probe
        // (30 s after a halt, or of an open breaker) is over: the next command may be it.
        // A worker that was displaced by its own instance id may wait for a minute before it comes back.
        world.run(until: world.now + sec(70))
        for process in fleet.processes { process.consumer?.heal(all: true) }
        for log in broker.commands where log.end > 0 {
            let committed = broker.committedOffset(log.partition)?.offset ?? log.start
            if committed != log.end {
                world.violate(
                    "partition \(log.partition): committed \(committed) of \(log.end), though everything is answered"
                )
            }
        }
        requester.probe()
        let isAnswered = { broker.commands.allSatisfy { oracle.isEverythingAnswered($0) } }
        world.run(until: world.now + sec(2), isDone: isAnswered)
        if !isAnswered() { world.violate("in calm a command is not answered within 2 s") }
        world.run(until: world.now + ms(200))
        for record in broker.commands.flatMap(\.records)
        where record.rejection != nil && record.isAnswered && !record.isPoison && record.letters != 1
            && !(record.letters == 0 && world.plan.faults.contains(.lettersDenied))
        {
            world.violate("\(record.commandID): \(record.letters) dead letters")
        }
        fleet.isClosing = true
        for process in fleet.processes { process.askToDrain() }
        world.run(until: world.now + sec(2)) { fleet.processes.isEmpty }
        if let process = fleet.processes.first {
            world.violate("\(process.name): an idle worker does not leave within 2 s")
        }
    }

    // MARK: Faults that come at a moment

    private func injectFaults() {
        let timed: [Fault] = [
            .crash, .freeze, .loopStall, .coordinatorCut, .brokerCut, .drained, .twin, .keyRotated, .outage, .rateLimit,
            .keyRevoked, .ledgerRefused, .defaultTopicRefused, .compaction, .ledgerRecreated, .foreignLedgerRecords,
            .commandsDeleted, .commandsHeldBack, .consumerFatal, .scaled, .lettersDenied, .smallBatchesOnly,
            .ledgerWithoutLeader, .resultsWithoutLeader,
        ]
        let enabled = timed.filter { world.plan.faults.contains($0) }
        guard !enabled.isEmpty else { return }
        for _ in 0..<world.plan.timedFaults {
            let fault = world.pick(enabled)
            world.at(world.uniform(sec(1)...world.plan.faultsEnd - sec(1))) {
                if world.strikes(fault, 1) { strike(fault) }
            }
        }
    }

    private func strike(_ fault: Fault) {
        let rest = world.plan.faultsEnd - world.now
        func lasting(_ low: Int64, _ high: Int64) -> Int64 { min(world.delay(low, high), rest) }
        switch fault {
        case .crash: fleet.crash()
        case .freeze: fleet.freeze(for: lasting(ms(500), sec(40)))
        case .loopStall: fleet.stall(for: lasting(ms(500), sec(20)))
        case .coordinatorCut: fleet.cut(.group, for: lasting(sec(1), sec(30)))
        case .brokerCut: fleet.cut(.brokers, for: lasting(sec(1), sec(30)))
        case .drained, .scaled: fleet.drainOne()
        case .twin: fleet.twin(for: lasting(sec(1), sec(20)))
        case .keyRotated: fleet.rotateKey()
        case .outage: upstream.downUntil = world.now + lasting(sec(1), sec(20))
        case .rateLimit: upstream.limitedUntil = world.now + lasting(sec(1), sec(10))
        case .keyRevoked:
            let duration = lasting(sec(1), sec(10))
            upstream.revokedUntil = world.now + duration
            // Where the key is in a file, somebody puts one there that works.
            world.after(duration) { for process in fleet.processes where world.flip(0.5) { process.replaceKey() } }
        case .ledgerRefused:
            refuse(Int32(world.uniform(0...Int64(world.plan.partitions - 1))), for: lasting(sec(1), sec(20)))
        case .defaultTopicRefused: refuse(-1, for: lasting(sec(1), sec(20)))
        case .lettersDenied:
            broker.areLettersDenied = true
            world.after(lasting(sec(1), sec(20))) { broker.areLettersDenied = false }
        case .smallBatchesOnly:
            broker.largestBatch = Int(world.uniform(Int64(Limits.leastBatchBytes)...Int64(Limits.batchBytes)))
        default: strikeTopic(fault, lasting(sec(1), sec(15)))
        }
    }

    private func refuse(_ partition: Int32, for duration: Int64) {
        broker.refusing.insert(partition)
        world.after(duration) { broker.refusing.remove(partition) }
    }

    private func strikeTopic(_ fault: Fault, _ duration: Int64) {
        let number = Int(world.uniform(0...Int64(world.plan.partitions - 1)))
        let ledger = broker.ledgers[number]
        let commands = broker.commands[number]
        let rest = world.plan.faultsEnd - world.now
        switch fault {
        case .ledgerWithoutLeader:
            broker.lose(ledger: Int32(number))
            world.after(min(3 * duration, rest)) { broker.restoreLeaders(ledger: Int32(number)) }
        case .resultsWithoutLeader:
            broker.lose(results: Int32(number))
            world.after(min(3 * duration, rest)) { broker.restoreLeaders(results: Int32(number)) }
        case .compaction: ledger.compact(dropsTombstones: world.flip(0.5))
        case .ledgerRecreated:
            ledger.recreate()
            for lane in oracle.lanes[Int32(number), default: [:]].values { lane.isMemoryLost = true }
        case .foreignLedgerRecords: writeForeign(to: ledger, Int32(number))
        case .commandsDeleted:
            commands.delete(before: commands.visibleEnd - world.uniform(0...5))
            for record in commands.records where record.isDeleted { record.lane?.isMemoryLost = true }
        case .commandsHeldBack:
            guard commands.heldAt == nil else { return }
            commands.heldAt = commands.end
            world.after(duration) {
                commands.heldAt = nil
                fleet.pump(commands.partition)
            }
        case .consumerFatal: fleet.failConsumer()
        default: break
        }
    }

    /// Records of other producers, some of which look like ours.
    private func writeForeign(to ledger: LedgerLog, _ partition: Int32) {
        let lanes = oracle.lanes[partition, default: [:]].values.sorted { $0.session.id.text < $1.session.id.text }
        _ = ledger.append(key: [0xFF, 1, 2], value: [3], milliseconds: world.wall, transaction: nil)
        guard !lanes.isEmpty else { return }
        // A session's state in a version that nobody here knows.
        let lane = world.pick(lanes)
        lane.mayBeDoubted = true
        lane.isMemoryLost = true
        let key = Array("s".utf8) + Array(lane.session.id.text.utf8)
        _ = ledger.append(key: key, value: [9, 9, 9], milliseconds: world.wall, transaction: nil)
    }
}
