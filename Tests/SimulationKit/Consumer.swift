import OTPEngine

/// The consumer thread's side of the group: joins, learns of rebalances, hands records over, does what the loop says.
///
/// As in the real client, nothing is delivered while a rebalance event is unanswered, and nothing is joined either.
final class Consumer {
    private enum Outstanding {
        case nothing
        case revoked(then: Set<Int32>)
        case assigned(rejoins: Bool)
        case lost
    }

    private final class Owned {
        let epoch: PartitionEpoch
        var isPaused = true
        var position: Int64?
        var saidEnd: Int64 = -1
        var isFetching = false
        /// The client does not fetch it any more and says nothing; not even a seek revives it where that is broken.
        var isDead = false
        var isBeyondRevival = false

        init(epoch: PartitionEpoch) { self.epoch = epoch }
    }

    let process: Process
    let instance: String?
    private var world: World { process.world }
    private var group: Group { process.broker.group }
    private(set) var memberID: String?
    private(set) var generation = -1
    /// The coordinator's grants as of the generation that this member knows.
    private(set) var grants: [Int32: Int] = [:]
    private var owned: [Int32: Owned] = [:]
    private var outstanding = Outstanding.nothing
    private var mustRejoin = false
    private var isLostPending = false
    private var isJoining = false
    private var attempts = 0
    private var isClosed = false
    /// It goes on as a member, and hears of nothing that becomes of the group.
    private var isDeaf = false
    /// Another process has taken its instance id, and its next heartbeat is still to come: until then nothing can tell it.
    private(set) var isFencedUnawares = false

    init(process: Process, instance: String?) {
        self.process = process
        self.instance = instance
    }

    /// What a transaction sends along with its offsets; nil when there is no membership to speak of.
    var metadata: GroupMetadata? { memberID.map { GroupMetadata(memberID: $0, generation: generation) } }

    private var isQuiet: Bool { if case .nothing = outstanding { true } else { false } }

    // MARK: The group

    func join() {
        guard !isClosed, !isJoining, !process.isDead else { return }
        guard isQuiet else {
            mustRejoin = true
            return
        }
        mustRejoin = false
        isJoining = true
        let known = memberID
        attempts += 1
        let attempt = attempts
        process.rpc(.group) { [self] answer in
            // One that was given up while it waited for the network is not sent.
            guard !process.isDead, !isClosed, attempt == attempts else { return }
            // A member is not the coordinator's any more when it comes too late: it learns that from the answer.
            group.join(self, as: known, instance: instance, owned: Set(owned.keys)) { id, generation, partitions in
                let grants = self.group.grants
                answer {
                    // An answer to a question that was given up is not listened to.
                    guard attempt == self.attempts else { return }
                    self.grants = grants
                    self.synced(as: known, id, generation, partitions)
                }
            }
        } failed: { [self] in
            guard attempt == attempts else { return }
            isJoining = false
            world.after(sec(1)) { [self] in process.gate { self.join() } }
        }
    }

    private func synced(as known: String?, _ id: String?, _ generation: Int, _ partitions: Set<Int32>) {
        isJoining = false
        guard !isClosed else { return }
        guard let id else { return unknownMember(known) }
        // Put out while the answer was on its way.
        guard memberID == known else { return join() }
        memberID = id
        self.generation = generation
        let revoked = Set(owned.keys).subtracting(partitions)
        let added = partitions.subtracting(owned.keys)
        if !revoked.isEmpty {
            outstanding = .revoked(then: added)
            process.toLoop(.consumer, .revoked(revoked.sorted()))
            if world.strikes(.joinsEarly, 0.3) {
                let delay = world.delay(0, sec(1))
                world.after(delay) { [self] in process.gate { self.joinEarly(without: revoked) } }
            }
        } else if !added.isEmpty || world.flip(0.1) {
            outstanding = .assigned(rejoins: false)
            process.toLoop(.consumer, .assigned(added.sorted()))
        }
        if isQuiet, mustRejoin { join() }
    }

    /// The topic has grown while a revocation is unanswered: the real client joins at once, and lists what it is to give back no more.
    private func joinEarly(without revoked: Set<Int32>) {
        guard case .revoked = outstanding, !isClosed, !process.isDead, let id = memberID else { return }
        let kept = Set(owned.keys).subtracting(revoked)
        process.rpc(.group) { [self] answer in
            guard !process.isDead, !isClosed, memberID == id, case .revoked = outstanding else { return }
            group.join(self, as: id, instance: instance, owned: kept) { known, generation, partitions in
                let grants = self.group.grants
                answer {
                    guard !self.isClosed, self.memberID == id, case .revoked = self.outstanding else { return }
                    guard known != nil else { return self.unknownMember(id) }
                    self.generation = generation
                    self.grants = grants
                    self.outstanding = .revoked(then: partitions.subtracting(kept))
                    self.isDeaf = true
                }
            }
        } failed: {
        }
    }

    /// A heartbeat's answer says that the group is rebalancing.
    func groupIsRebalancing(_ id: String) {
        process.gate { [self] in
            guard id == memberID, !isClosed, !isDeaf, process.coordinatorReachableAt <= world.now else { return }
            if isJoining { mustRejoin = true } else { join() }
        }
    }

    func heartbeatRefused(_ id: String) {
        process.gate { [self] in
            guard !isDeaf, process.coordinatorReachableAt <= world.now else { return }
            unknownMember(id)
        }
    }

    /// The broker knows this member no more, or the client itself gave up after the session time-out.
    func unknownMember(_ id: String?) {
        guard !isClosed, id == memberID else { return }
        memberID = nil
        generation = -1
        isJoining = false
        guard isQuiet else {
            isLostPending = true
            return
        }
        lose()
    }

    private func lose() {
        isLostPending = false
        guard !owned.isEmpty else { return join() }
        outstanding = .lost
        process.toLoop(.consumer, .lost(owned.keys.sorted()))
    }

    /// Another process has the instance id.
    func fenced() {
        isFencedUnawares = true
        world.after(world.uniform(ms(5)...Plan.heartbeat)) { [self] in
            process.gate { self.fail("fenced instance id", isDisplaced: true) }
        }
    }

    func fail(_ reason: String, isDisplaced: Bool = false) {
        guard !isClosed else { return }
        close(leaves: false)
        process.toLoop(.consumer) { [self] in
            // Before the loop has been told, nothing in the worker can know.
            isFencedUnawares = false
            process.handle(.consumerFailed(isDisplaced: isDisplaced, reason: reason))
        }
    }

    func close(leaves: Bool) {
        isClosed = true
        let id = memberID
        memberID = nil
        generation = -1
        owned = [:]
        guard leaves, instance == nil, let id else { return }
        let group = group
        process.rpc(.group) { _ in
            group.leave(id)
        } failed: {
        }
    }

    // MARK: The loop's commands

    func assign(_ epochs: [PartitionEpoch]) {
        guard !isClosed else { return }
        for epoch in epochs { owned[epoch.partition] = Owned(epoch: epoch) }
        guard case .assigned(let rejoins) = outstanding else { return }
        answered(rejoins: rejoins)
    }

    func release(_ numbers: [Int32]) {
        guard !isClosed else { return }
        for number in numbers { owned[number] = nil }
        switch outstanding {
        case .revoked(let added) where !added.isEmpty && !isLostPending:
            outstanding = .assigned(rejoins: true)
            process.toLoop(.consumer, .assigned(added.sorted()))
        case .revoked: answered(rejoins: true)
        case .lost: answered(rejoins: true)
        case .assigned, .nothing: break
        }
    }

    private func answered(rejoins: Bool) {
        outstanding = .nothing
        if isLostPending { return lose() }
        if rejoins || mustRejoin, !isDeaf { join() }
        for number in owned.keys.sorted() { pump(number) }
    }

    func pause(_ epochs: [PartitionEpoch]) {
        for epoch in epochs { of(epoch)?.isPaused = true }
    }

    func unpause(_ epochs: [PartitionEpoch]) {
        for epoch in epochs {
            guard let partition = of(epoch), partition.isPaused, let position = partition.position else { continue }
            partition.isPaused = false
            if world.strikes(.redelivery, 0.5) {
                partition.position = max(0, position - world.uniform(1...5))
                partition.saidEnd = -1
            }
            pump(epoch.partition)
        }
    }

    /// Nobody notices that nothing comes where there is nothing to come; `all`: nor elsewhere, once everything is calm.
    func heal(all: Bool = false) {
        for partition in owned.values {
            if all { partition.isDead = false }
            let log = process.broker.commands[Int(partition.epoch.partition)]
            if (partition.position ?? 0) >= log.visibleEnd { partition.isDead = false }
        }
    }

    func resume(_ epoch: PartitionEpoch, at offset: Int64) {
        guard let partition = of(epoch) else { return }
        if !partition.isBeyondRevival { partition.isDead = false }
        partition.position = offset
        partition.isPaused = false
        pump(epoch.partition)
    }

    private func of(_ epoch: PartitionEpoch) -> Owned? {
        guard let partition = owned[epoch.partition], partition.epoch == epoch else { return nil }
        return partition
    }

    // MARK: Delivery

    /// Hands over what there is, a batch at a time.
    func pump(_ number: Int32) {
        guard !isClosed, let partition = owned[number], !partition.isFetching, !partition.isPaused, isQuiet else {
            return
        }
        partition.isFetching = true
        let delay = max(world.delay(ms(1), ms(8)), process.brokersReachableAt - world.now)
        world.after(delay) { [self] in
            process.gate { [self] in
                partition.isFetching = false
                guard !isClosed, owned[number] === partition, !partition.isPaused, isQuiet else { return }
                deliver(partition)
            }
        }
    }

    private func deliver(_ partition: Owned) {
        guard let position = partition.position else { return }
        let log = process.broker.commands[Int(partition.epoch.partition)]
        if position < log.start {
            partition.isPaused = true
            partition.position = nil
            return process.toLoop(
                .consumer,
                .partitionUnreadable(partition.epoch, reason: "offset out of range")
            )
        }
        if world.strikes(.readingStops, 0.02) {
            partition.isDead = true
            partition.isBeyondRevival = world.flip(0.3)
        }
        guard !partition.isDead else { return }
        if log.isDamaged(position) {
            partition.isPaused = true
            return process.toLoop(
                .consumer,
                .partitionUndecodable(
                    partition.epoch,
                    offset: world.flip(0.7) ? position : nil,
                    from: position,
                    reason: "cannot be decoded"
                )
            )
        }
        let records = log.read(from: position, atMost: Int(world.uniform(1...30)))
        if let last = records.last {
            partition.position = last.offset + 1
            process.hand(records, to: partition.epoch)
            pump(partition.epoch.partition)
        } else if let damaged = log.damaged.first(where: { $0.lowerBound > position }),
            damaged.lowerBound < log.visibleEnd
        {
            partition.position = damaged.lowerBound
            pump(partition.epoch.partition)
        } else if partition.saidEnd < log.visibleEnd, log.visibleEnd >= position {
            partition.saidEnd = log.visibleEnd
            process.toLoop(.consumer, .reachedEnd(partition.epoch, offset: log.visibleEnd))
        }
    }
}
