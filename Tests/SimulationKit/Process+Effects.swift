import OTPContract
import OTPEngine

// What the shell does for each effect.
extension Process {
    func perform(_ effect: Effect) {
        switch effect {
        case .subscribe: subscribe()
        case .recreateConsumer(let delay): recreateConsumer(after: delay)
        case .assign(let epochs):
            oracle.rate.ownershipChanged(at: world.now)
            for epoch in epochs {
                let lease = Lease(process: self, epoch: epoch, grant: consumer?.grants[epoch.partition] ?? 0)
                leases[epoch] = lease
                leasesEver[epoch] = lease
            }
            toConsumer { $0.assign(epochs) }
        case .release(let numbers):
            oracle.rate.ownershipChanged(at: world.now)
            release(numbers)
        case .pause(let epochs): toConsumer { $0.pause(epochs) }
        case .unpause(let epochs): toConsumer { $0.unpause(epochs) }
        case .resume(let epoch, let offset):
            leases[epoch]?.restoredAt = world.now
            toConsumer { $0.resume(epoch, at: offset) }
        case .fetchPositions(let epochs, let timeout): fetchPositions(epochs, timeout: timeout)
        case .writeBarrier(let epoch, let barrier): writeBarrier(epoch, barrier)
        case .readLedger(let epoch, let from, let barrier, let horizon, let timeout):
            readLedger(epoch, from: from ?? 0, through: barrier, horizon: horizon, timeout: timeout)
        case .fence(_, let ids): fence(ids)
        case .fetchEnds(let epochs, _): fetchEnds(epochs)
        case .writeIntent(let id, let record): writeIntent(id, record)
        case .call(let id, let command, _, let timeout): call(id, command, timeout: timeout)
        case .replaceProducer(let choice, let delay): replaceProducer(choice, after: delay)
        case .commit(let batch): commit(batch)
        case .cancelCommit(let id): cancelled = id
        case .resolveCommit(let id, let questions, _): resolve(id, questions)
        case .wake(let moment): arm(at: moment)
        case .report: break
        case .stop: stop()
        }
    }

    /// The consumer's thread takes the loop's commands in order.
    private func toConsumer(_ body: @escaping (Consumer) -> Void) {
        guard let consumer else { return }
        let moment = max(lastCommand, world.now + world.delay(0, ms(2)))
        lastCommand = moment
        world.at(moment) { [self] in gate { body(consumer) } }
    }

    private func subscribe() {
        if consumer == nil { consumer = Consumer(process: self, instance: instance) }
        toConsumer { $0.join() }
    }

    private func recreateConsumer(after delay: Duration) {
        let old = consumer
        for lease in leases.values { oracle.ended(lease, gracefully: false) }
        revokedIn = nil
        leases = [:]
        toConsumer { $0.close(leaves: false) }
        later(delay.nanoseconds + ms(5)) { [self] in
            if let old {
                let group = broker.group
                world.after(Plan.sessionTimeout) { group.expire(old) }
            }
            consumer = Consumer(process: self, instance: instance)
            toLoop(.consumer, .consumerRecreated)
        }
    }

    private func release(_ numbers: [Int32]) {
        for (epoch, lease) in leases where numbers.contains(epoch.partition) {
            let isInTime = lease.mustFinishUntil.map { world.now < $0 } ?? false
            if isInTime, let revokedAt = lease.revokedAt, world.now - revokedAt >= sec(1) {
                world.coverage.hit(.transition(.releasedLate))
            }
            oracle.ended(lease, gracefully: isInTime && !lease.wasParked)
            leases[epoch] = nil
        }
        if hasJoinedEarly { consumer?.fail("joined again early") }
        revokedIn = nil
        toConsumer { $0.release(numbers) }
    }

    /// A batch of records on its way from the consumer's thread to the loop, stamped with the epoch of its assignment.
    func hand(_ records: [CommandRecord], to epoch: PartitionEpoch) {
        for record in records {
            record.deliveries += 1
            if record.isAnswered { world.coverage.hit(.row(.finishedAlready)) }
            if record.offset - oracle.firstOpen(in: epoch.partition) >= Limits.window {
                world.coverage.hit(.transition(.heldBeyondWindow))
            }
        }
        toLoop(.consumer) { [self] in
            let received = records.map { $0.received(at: epoch, keyID: keyID) }
            handle(.received(received, at: wallTime))
        }
    }

    // MARK: Intents

    /// The idempotent producer keeps its order, and may be slow, refuse, or not know.
    private func writeIntent(_ id: RecordID, _ record: LedgerRecord) {
        guard let lease = leases[id.epoch], let command = broker.commands[Int(id.epoch.partition)].record(id.offset)
        else {
            return world.violate("\(name): an intent for no record of ours")
        }
        oracle.intentAsked(lease, command)
        let partition = id.epoch.partition
        if shellFaults.contains(.intentNotAwaited) { toLoop(.intents, .intentWritten(id, ledgerOffset: nil)) }
        let blocked = max(0, brokersReachableAt - world.now)
        let slow = world.strikes(.intentSlow, 0.1) ? world.delay(0, sec(9)) : 0
        // Slow on the way there, or with its acknowledgement.
        let before = world.flip(0.5) ? slow : 0
        let isLate = blocked > sec(5)
        let arrival = max(
            lastIntentArrival,
            world.now + world.delay(ms(1), ms(6)) + (isLate ? sec(5) : blocked) + before
        )
        lastIntentArrival = arrival
        if world.strikes(.intentFails, 0.01) {
            toLoop(.intents, .intentProducer(failure: "none could be made"))
            later(sec(1)) { [self] in toLoop(.intents, .intentProducer(failure: nil)) }
        }
        let isRefused = broker.refusing.contains(partition)
        let fails = isRefused || isLate || world.strikes(.intentFails, 0.08)
        let isWritten = !fails || (!isRefused && !isLate && world.strikes(.intentFailsButWritten, 0.5))
        let lateness = world.now + sec(30)
        whenLed(partition, at: arrival, until: lateness) { [self] isLed in
            let log = broker.ledgers[Int(partition)]
            let isWritten = isWritten && isLed
            let fails = fails || !isLed
            var offset: Int64?
            if isWritten {
                offset = log.append(key: record.key, value: record.value, milliseconds: world.wall, transaction: nil)
            }
            if fails { command.lane?.mayBeDoubted = true }
            if world.strikes(.intentOffsetUnsaid, 0.1) { offset = nil }
            let answer: Event =
                fails
                ? .intentFailed(id, isPermanent: isRefused, reason: "refused")
                : .intentWritten(id, ledgerOffset: offset)
            world.after(world.delay(ms(1), ms(6)) + slow - before) { [self] in
                gate { [self] in
                    if !shellFaults.contains(.intentNotAwaited) { toLoop(.intents, answer) }
                }
            }
        }
    }

    /// The producer keeps a record for a partition without a leader, and gives up in the end.
    private func whenLed(_ partition: Int32, at moment: Int64, until end: Int64, _ body: @escaping (Bool) -> Void) {
        world.at(moment) { [self] in
            guard broker.ledgersWithoutLeader.contains(partition) else { return body(true) }
            guard world.now < end, !isDead else { return body(false) }
            whenLed(partition, at: world.now + ms(100), until: end, body)
        }
    }

    // MARK: Calls

    private func call(_ id: RecordID, _ command: VerifyCommand, timeout: Duration) {
        guard let lease = leases[id.epoch], let record = broker.commands[Int(id.epoch.partition)].record(id.offset)
        else {
            return world.violate("\(name): a call for no record of ours")
        }
        let (order, violation) = watch.asks(id, of: record.lane?.session.digest, at: world.now)
        if let violation { world.violate("\(name) \(violation): \(record.commandID)") }
        var isAnswered = false
        let answer = { [self] (answer: UpstreamAnswer, call: Call?) in
            guard !isAnswered else { return }
            isAnswered = true
            if let call {
                callsOpen -= 1
                oracle.delivered(call, answer)
            }
            oracle.noteAnswer(answer)
            let session = leases[id.epoch] == nil ? nil : record.lane?.session.digest
            watch.told(answer, about: id, of: session, order: order, at: world.now)
            handle(.answered(id, answer))
        }
        let deadline = world.now + timeout.nanoseconds
        let connecting = world.strikes(.connectSlow, 0.1) ? world.delay(0, sec(7)) : world.delay(0, ms(2))
        if world.strikes(.freezeBeforeWrite, 0.01) { freezeForLong() }
        world.after(min(connecting, timeout.nanoseconds)) { [self] in
            gateLoop { [self] in
                guard isRunning else { return }
                if connecting >= timeout.nanoseconds { return answer(UpstreamAnswer(.notSent(.connectTimeout)), nil) }
                if world.strikes(.connectFails, 0.1) || (upstream.isDown && world.flip(0.5)) {
                    return answer(UpstreamAnswer(.notSent(.connect)), nil)
                }
                guard permits(id) else { return answer(UpstreamAnswer(.notSent(.withheld)), nil) }
                guard let call = oracle.callWritten(lease, record, command) else { return }
                callsOpen += 1
                if callsOpen > world.plan.maximumInFlight {
                    world.violate("\(name): more calls than are allowed at a time")
                }
                upstream.ask(call) { [self] reply in gateLoop { answer(reply, call) } }
                if world.strikes(.crashAfterWrite, 0.02) {
                    later(world.delay(0, ms(60))) { [self] in crash("with a call under way") }
                }
                world.at(deadline) { [self] in gateLoop { answer(UpstreamAnswer(.unknown(.attemptTimeout)), call) } }
            }
        }
    }
}
