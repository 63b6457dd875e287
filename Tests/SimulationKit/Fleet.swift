import OTPEngine

/// The workers, and what an operator and the platform do to them.
final class Fleet {
    let world: World
    let broker: Broker
    let upstream: Upstream
    let oracle: Oracle
    let shellFaults: Set<ShellFault>
    var acceptsLedgerLoss: Bool
    private var keyID: UInt32 = 1
    private var running: [String: Process] = [:]
    private var twins: [Process] = []
    private var ever: [Process] = []
    private var restarting: Set<String> = []
    /// Anyone who stops now stays away.
    var isClosing = false

    init(world: World, broker: Broker, upstream: Upstream, oracle: Oracle, shellFaults: Set<ShellFault>) {
        self.world = world
        self.broker = broker
        self.upstream = upstream
        self.oracle = oracle
        self.shellFaults = shellFaults
        acceptsLedgerLoss = world.plan.acceptsLedgerLoss
    }

    private var names: [String] { (0..<world.plan.workers).map { "w\($0)" } }

    var processes: [Process] { names.compactMap { running[$0] }.filter(\.isRunning) + twins.filter(\.isRunning) }

    func startAll() {
        for name in names { world.after(world.delay(0, sec(3))) { [self] in start(name) } }
    }

    func start(_ name: String) {
        if let process = running[name], process.isRunning { return }
        let process = Process(name, id: world.draw(), fleet: self, keyID: keyID)
        running[name] = process
        ever.append(process)
    }

    /// Commands were written: anyone who reads there looks.
    func pump(_ partition: Int32) {
        for process in processes { process.consumer?.pump(partition) }
    }

    // MARK: Faults

    func crash() {
        guard let process = processes.isEmpty ? nil : world.pick(processes) else { return }
        process.crash("by the platform")
    }

    /// Brings back what is not running, sooner or later.
    func watch() {
        world.after(sec(1)) { [self] in
            guard !isClosing else { return }
            if world.areFaultsOver { restarting = [] }
            for name in names where running[name]?.isRunning == false && !restarting.contains(name) {
                if world.strikes(.neverRestarted, 0.3) {
                    restarting.insert(name)
                    continue
                }
                restarting.insert(name)
                world.after(world.areFaultsOver ? ms(100) : outage()) { [self] in
                    restarting.remove(name)
                    start(name)
                }
            }
            watch()
        }
    }

    /// At times everybody is away for longer than a session is remembered.
    private func outage() -> Int64 {
        let isLong = world.plan.retention < .seconds(60) && world.flip(0.3)
        return isLong ? world.uniform(sec(15)...sec(45)) : world.delay(ms(200), sec(15))
    }

    func freeze(for duration: Int64) {
        guard !processes.isEmpty else { return }
        world.pick(processes).freeze(for: duration)
    }

    func stall(for duration: Int64) {
        guard !processes.isEmpty else { return }
        world.pick(processes).stallLoop(for: duration)
    }

    func cut(_ target: Process.Target, for duration: Int64) {
        guard !processes.isEmpty else { return }
        world.pick(processes).cut(target, for: duration)
    }

    func drainOne() {
        guard !processes.isEmpty else { return }
        world.pick(processes).askToDrain()
    }

    func failConsumer() {
        guard !processes.isEmpty else { return }
        world.pick(processes).consumer?.fail("fatal")
    }

    /// A second process under a name that is in use.
    func twin(for duration: Int64) {
        guard let process = processes.first else { return }
        let twin = Process(process.name, id: world.draw(), fleet: self, keyID: keyID)
        twins.append(twin)
        ever.append(twin)
        world.after(duration) { twin.crash("the twin ends") }
    }

    /// Anyone who starts from now on makes fingerprints with another key, and everybody restarts.
    func rotateKey() {
        keyID += 1
        for lanes in oracle.lanes.values {
            for lane in lanes.values { lane.mayBeDoubted = true }
        }
        for process in processes { process.askToDrain() }
    }

    /// Faults are over: everybody runs.
    func heal() {
        for twin in twins { twin.crash("the twin ends") }
        for name in names { start(name) }
    }

    func restartAcceptingLoss() {
        acceptsLedgerLoss = true
        for process in processes { process.crash("restarted with --accept-ledger-loss") }
        for name in names { start(name) }
    }

    func tearDown() {
        for process in ever { process.tearDown() }
        ever = []
        running = [:]
        twins = []
    }
}
