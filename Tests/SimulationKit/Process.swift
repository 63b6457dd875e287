import OTPContract
import OTPEngine

/// One worker process: the real engine on a simulated loop, with the shell's threads around it.
///
/// The loop handles events in the order in which they come and carries effects out in order; events of one thread keep
/// their order, threads race. It decides nothing.
final class Process {
    /// A thread of the shell, for the order of its events.
    enum Source: Int, CaseIterable { case consumer, transactions, intents, queries, upstream, signal }

    enum Target { case group, brokers }

    let world: World
    let broker: Broker
    let upstream: Upstream
    let oracle: Oracle
    let name: String
    /// The slot's transactional id, and its second.
    let producers: [TransactionalID]
    var choice = ProducerChoice()
    var cancelled: BatchID?
    let processID: UInt64
    let acceptsLedgerLoss: Bool
    let instance: String?
    let keyID: UInt32
    let shellFaults: Set<ShellFault>
    private var engine: Engine
    private let origin: Int64
    /// Milliseconds that this machine's wall clock is ahead.
    let skew: Int64

    private(set) var isDead = false
    private(set) var hasStopped = false
    private(set) var drainAskedAt: Int64?
    private var freezes = 0
    /// When the last freeze ended.
    private var thawed: Int64?
    private var reportsStatistics = false
    private var stalls = 0
    private var deferred: [() -> Void] = []
    private var deferredLoop: [() -> Void] = []
    private var lastHop = [Int64](repeating: 0, count: Source.allCases.count)
    private var wake = 0
    /// How many turns in a row were asked for at once.
    private var restless = 0
    private var instant: (at: Int64, events: Int) = (-1, 0)

    var consumer: Consumer?
    var leases: [PartitionEpoch: Lease] = [:]
    var leasesEver: [PartitionEpoch: Lease] = [:]
    /// Whose outcomes the last batch carries.
    var batched: [PartitionEpoch] = []
    /// That batch has not ended, so far as the engine was told.
    var isBatchOpen = false
    /// Partitions whose results or ledger could not be written when somebody looked last.
    var unwritable: Set<Int32> = []
    var isLeaseValid = true
    /// The generation in which partitions were asked back; nil while none is.
    var revokedIn: Int?
    var producerEpoch = -1
    var transactionJobs = JobQueue()
    var queryJobs = JobQueue()
    var lastIntentArrival: Int64 = 0
    var lastCommand: Int64 = 0
    var callsOpen = 0
    var watch: UpstreamWatch

    // Reachability
    private(set) var coordinatorReachableAt: Int64 = 0
    private(set) var brokersReachableAt: Int64 = 0
    private var unreachable = 0
    private var silence = 0

    init(_ name: String, id: UInt64, fleet: Fleet, keyID: UInt32) {
        world = fleet.world
        broker = fleet.broker
        upstream = fleet.upstream
        oracle = fleet.oracle
        shellFaults = fleet.shellFaults
        self.name = name
        self.keyID = keyID
        producers = [name, ProducerChoice.alternate(of: name)].map(fleet.broker.producer)
        processID = id
        acceptsLedgerLoss = fleet.acceptsLedgerLoss
        let plan = fleet.world.plan
        instance = plan.isStatic ? name : nil
        watch = UpstreamWatch(plan.protection, at: fleet.world.now)
        oracle.rate.ownershipChanged(at: fleet.world.now)
        origin = fleet.world.uniform(0...sec(100_000))
        skew = plan.faults.contains(.clockSkew) ? fleet.world.uniform(-1_000...1_000) : 0
        if skew != 0 { world.coverage.hit(.fault(.clockSkew)) }
        engine = Engine(
            configuration: plan.configuration(
                worker: name,
                keyID: keyID,
                processID: id,
                accepts: fleet.acceptsLedgerLoss
            ),
            seed: fleet.world.draw(),
            now: Instant(nanoseconds: fleet.world.now + origin)
        )
        world.trace("\(name): starts (process \(id))")
        heartbeats = fleet.world.now
        handle(.started)
        // A look at the topics, though none grows here.
        later(sec(10)) { [self] in toLoop(.signal, .partitionsCounted(Int(world.plan.partitions))) }
        lookAtOutputs()
        // Statistics may be late: then the loop's own clock must do, as long as nobody is cut off from the coordinator.
        let mayBeLate = plan.faults.isDisjoint(with: [.coordinatorCut, .brokerCut])
        reportsStatistics = !mayBeLate || world.flip(0.5)
        if reportsStatistics { reportStatistics() }
    }

    var wallTime: WallTime { WallTime(milliseconds: world.wall + skew) }
    private var mono: Instant { Instant(nanoseconds: world.now + origin) }
    var isRunning: Bool { !isDead && !hasStopped }

    // MARK: The loop

    func handle(_ event: Event) {
        guard isRunning else { return }
        if instant.at == world.now { instant.events += 1 } else { instant = (world.now, 1) }
        if instant.events > 3_000 { world.violate("\(name): busy loop, over 3,000 events in one moment") }
        note(event)
        let effects = engine.handle(event, at: mono)
        if case .commitAborted(_, let cause, _, _, _) = event { checkLease(after: cause) }
        world.digest?.add(effects, of: name)
        if case .timeReached = event { world.digest?.add(engine.status(at: mono)) }
        for effect in effects {
            guard isRunning else { return }
            if case .report = effect {
                note(effect)
                continue
            }
            if world.strikes(.crashAtEffect, 0.0008) {
                crash("at effect \(EffectKind(effect))")
                return
            }
            note(effect)
            perform(effect)
        }
    }

    var hasJoinedEarly: Bool {
        guard let revokedIn, let metadata = consumer?.metadata, !shellFaults.contains(.earlyJoinNotNoticed) else {
            return false
        }
        return metadata.generation != revokedIn
    }

    /// A member of the next generation still speaks for what it owns; one that the group does not know speaks for nothing.
    private func checkLease(after cause: AbortCause) {
        let loss = engine.status(at: mono).leaseLoss
        switch cause {
        case .stale where isLeaseValid && loss == .fenced:
            world.violate("\(name) asks nobody for a refused generation, though the group knows it")
        case .unknownMember where loss == nil: world.violate("\(name) goes on asking, and the group does not know it")
        case .fenced where loss == nil: world.violate("\(name) goes on asking, and another has its transactional id")
        default: break
        }
    }

    func permits(_ id: RecordID) -> Bool { shellFaults.contains(.permitsNotAsked) || engine.permits(id, at: mono) }

    /// Brings an event of a thread to the loop, behind those that the thread sent before.
    func toLoop(_ source: Source, _ event: Event) { toLoop(source) { [self] in handle(event) } }

    func toLoop(_ source: Source, _ body: @escaping () -> Void) {
        let moment = max(lastHop[source.rawValue], world.now + world.delay(0, ms(1)))
        lastHop[source.rawValue] = moment
        world.at(moment) { [self] in gateLoop(body) }
    }

    /// Runs when the process runs.
    func gate(_ body: @escaping () -> Void) {
        if isDead { return }
        if freezes > 0 { deferred.append(body) } else { body() }
    }

    /// Runs when the process and its loop run.
    func gateLoop(_ body: @escaping () -> Void) {
        gate { [self] in
            if stalls > 0 { deferredLoop.append(body) } else { body() }
        }
    }

    func later(_ delay: Int64, _ body: @escaping () -> Void) { world.after(delay) { [self] in gate(body) } }

    func arm(at moment: Instant) {
        // What a turn brings about may be due at once, but not again and again: that would be a loop that never rests.
        restless = moment <= mono ? restless + 1 : 0
        if restless > 100 { world.violate("\(name) never rests: it asks for its turn at once, over and over") }
        wake += 1
        let token = wake
        let late = world.flip(0.1) ? world.delay(0, ms(20)) : 0
        world.at(moment.nanoseconds - origin + late) { [self] in
            gateLoop { [self] in
                guard token == wake else { return }
                handle(.timeReached(wall: wallTime))
            }
        }
    }

    // MARK: What can happen to a process

    func crash(_ why: String) {
        guard !isDead else { return }
        world.trace("\(name): CRASH \(why)")
        die()
        for lease in leases.values { oracle.ended(lease, gracefully: false) }
        leases = [:]
    }

    private func die() {
        isDead = true
        deferred = []
        deferredLoop = []
        becomeUnreachable()
    }

    /// All of it, as under SIGSTOP.
    ///
    /// Without statistics nothing but the loop's clock tells of it, and a clock does not add up two sleeps within one session: only in
    /// the model is there such a client, so that this guard is seen to hold alone, and its sleeps lie a session apart.
    func freeze(for duration: Int64) {
        guard !isDead else { return }
        if !reportsStatistics, freezes == 0, let thawed, world.now - thawed < Plan.sessionTimeout { return }
        world.trace("\(name): frozen for \(duration / 1_000_000) ms")
        freezes += 1
        becomeUnreachable()
        world.after(duration) { [self] in thaw() }
    }

    /// Long enough for the group to go on without it.
    func freezeForLong() { freeze(for: min(world.delay(sec(5), sec(25)), max(world.plan.faultsEnd - world.now, 0))) }

    private func thaw() {
        guard !isDead else { return }
        freezes -= 1
        becomeReachable()
        guard freezes == 0 else { return }
        thawed = world.now
        world.trace("\(name): thaws")
        let due = deferred
        deferred = []
        for body in due { gate(body) }
    }

    /// The loop alone.
    func stallLoop(for duration: Int64) {
        guard !isDead else { return }
        world.trace("\(name): loop stalls for \(duration / 1_000_000) ms")
        stalls += 1
        world.after(duration) { [self] in
            guard !isDead else { return }
            stalls -= 1
            guard stalls == 0 else { return }
            let due = deferredLoop
            deferredLoop = []
            for body in due { gateLoop(body) }
        }
    }

    func replaceKey() {
        guard isRunning else { return }
        toLoop(.signal) { [self] in
            watch.keyReplaced(at: world.now)
            handle(.keyReplaced)
        }
    }

    func askToDrain() {
        guard isRunning, drainAskedAt == nil else { return }
        toLoop(.signal) { [self] in
            guard drainAskedAt == nil else { return }
            drainAskedAt = world.now
            handle(.drainRequested)
            // Unless somebody stops the clock, it ends within its time.
            world.after(world.plan.drainTimeout.nanoseconds + sec(1)) { [self] in
                gateLoop { [self] in
                    if isRunning, disturbances == 0 { world.violate("\(name): the drain does not end") }
                }
            }
        }
    }

    private(set) var disturbances = 0

    func stop() {
        world.trace("\(name): stops")
        hasStopped = true
        let since = world.now - (drainAskedAt ?? world.now)
        let isGraceful = since < world.plan.drainTimeout.nanoseconds
        for lease in leases.values { oracle.ended(lease, gracefully: isGraceful && !lease.wasParked) }
        leases = [:]
        consumer?.close(leaves: true)
        die()
    }

    // MARK: Network

    func cut(_ target: Target, for duration: Int64) {
        guard !isDead else { return }
        world.trace("\(name): cut off from \(target) for \(duration / 1_000_000) ms")
        coordinatorReachableAt = max(coordinatorReachableAt, world.now + duration)
        if target == .brokers { brokersReachableAt = max(brokersReachableAt, world.now + duration) }
        becomeUnreachable()
        world.after(duration) { [self] in becomeReachable() }
    }

    /// The coordinator hears no heartbeat from now on.
    private func becomeUnreachable() {
        unreachable += 1
        disturbances += 1
        guard unreachable == 1 else { return }
        silence += 1
        let token = silence
        let lastHeartbeat = lastHeartbeat
        silentSince = lastHeartbeat
        guard let consumer else { return }
        let group = broker.group
        world.at(lastHeartbeat + Plan.sessionTimeout) { [self] in
            guard token == silence else { return }
            group.expire(consumer)
        }
        later(lastHeartbeat + Plan.sessionTimeout + world.delay(0, sec(1)) - world.now) { [self] in
            guard token == silence, let consumer = self.consumer else { return }
            consumer.unknownMember(consumer.memberID)
        }
    }

    /// When heartbeats began to be answered again; one is due every `Plan.heartbeat` from then on.
    private var heartbeats: Int64 = 0
    /// The last heartbeat that was answered, while none is.
    private var silentSince: Int64?
    private var lastHeartbeat: Int64 { silentSince ?? world.now - (world.now - heartbeats) % Plan.heartbeat }

    private func becomeReachable() {
        unreachable -= 1
        world.after(sec(1)) { [self] in disturbances -= 1 }
        guard unreachable == 0 else { return }
        silence += 1
        let token = silence
        later(world.delay(ms(2), ms(800))) { [self] in
            if token == silence { (heartbeats, silentSince) = (world.now, nil) }
            guard let consumer, let id = consumer.memberID else { return }
            if broker.group.knows(id) { consumer.groupIsRebalancing(id) } else { consumer.unknownMember(id) }
        }
    }

    /// The client's statistics, once a second.
    private func reportStatistics() {
        later(sec(1)) { [self] in
            guard isRunning else { return }
            toLoop(.consumer, .coordinatorHeard(at: Instant(nanoseconds: lastHeartbeat + origin)))
            reportStatistics()
        }
    }

    /// What the cluster's metadata says of the outputs, every second.
    private func lookAtOutputs() {
        later(sec(1)) { [self] in
            guard isRunning else { return }
            rpc(.brokers) { [self] answer in
                let (unwritable, limit) = (broker.unwritable, broker.largestBatch ?? Limits.batchBytes)
                answer { [self] in
                    toLoop(.signal, .outputsLooked(unwritable))
                    if world.flip(0.03) { toLoop(.signal, .batchLimitRead(limit)) }
                }
            } failed: {
            }
            lookAtOutputs()
        }
    }

    /// Sends a request; `request` runs at the broker, and what it answers with runs here.
    func rpc(
        _ target: Target,
        _ request: @escaping (@escaping (@escaping () -> Void) -> Void) -> Void,
        failed: @escaping () -> Void
    ) {
        send(target, since: world.now, request, failed)
    }

    private func send(
        _ target: Target,
        since: Int64,
        _ request: @escaping (@escaping (@escaping () -> Void) -> Void) -> Void,
        _ failed: @escaping () -> Void
    ) {
        let reachableAt = target == .group ? coordinatorReachableAt : brokersReachableAt
        if reachableAt > world.now {
            if reachableAt - since > sec(10) {
                later(since + sec(10) - world.now) { failed() }
            } else {
                later(reachableAt - world.now + ms(1)) { [self] in send(target, since: since, request, failed) }
            }
            return
        }
        world.after(world.delay(ms(1), ms(6))) { [self] in
            request { body in self.world.after(self.world.delay(ms(1), ms(6))) { self.gate(body) } }
        }
    }

    func tearDown() {
        isDead = true
        deferred = []
        deferredLoop = []
        consumer = nil
        leases = [:]
        leasesEver = [:]
        transactionJobs.clear()
        queryJobs.clear()
    }
}

/// One blocking thread: a job at a time, in order.
struct JobQueue {
    private var jobs: [() -> Void] = []
    private var isBusy = false

    mutating func add(_ job: @escaping () -> Void) -> (() -> Void)? {
        guard isBusy else {
            isBusy = true
            return job
        }
        jobs.append(job)
        return nil
    }

    mutating func finished() -> (() -> Void)? {
        guard !jobs.isEmpty else {
            isBusy = false
            return nil
        }
        return jobs.removeFirst()
    }

    mutating func clear() { jobs = [] }
}
