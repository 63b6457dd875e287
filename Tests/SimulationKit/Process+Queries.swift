import OTPContract
import OTPEngine

// The query thread: what is committed, where the ledger ends, and the ledger itself.
extension Process {
    private func queryThread(_ job: @escaping () -> Void) {
        world.after(world.delay(0, ms(1))) { [self] in
            gate { [self] in
                if let next = queryJobs.add(job) { next() }
            }
        }
    }

    private func finished(_ events: [Event]) {
        for event in events { toLoop(.queries, event) }
        if let next = queryJobs.finished() { next() }
    }

    func fetchPositions(_ epochs: [PartitionEpoch], timeout: Duration) {
        queryThread { [self] in
            let failure = epochs.map { Event.restoreFailed($0, reason: "committed timed out") }
            if world.strikes(.queryFails, 0.1) { return later(sec(1)) { [self] in finished(failure) } }
            let deadline = world.now + timeout.nanoseconds
            rpc(.group) { [self] answer in
                let numbers = shellFaults.contains(.committedNotAwaited) ? [] : epochs.map(\.partition)
                broker.whenStable(numbers, until: deadline) { [self] isStable in
                    guard isStable else { return answer { self.finished(failure) } }
                    let events = epochs.map { Event.positionsFetched($0, positions(of: $0.partition)) }
                    answer { self.finished(events) }
                }
            } failed: { [self] in
                finished(failure)
            }
        }
    }

    private func positions(of partition: Int32) -> Positions {
        // Where its ledger may be another topic's, nothing tells it.
        let isTold = !acceptsLedgerLoss && !world.plan.faults.contains(.ledgerRecreated)
        let isStale = isTold && world.strikes(.staleOffsets, 0.3)
        let committed =
            isStale ? broker.formerOffset(partition, atLeast: 1) : broker.committedOffset(partition)
        let log = broker.commands[Int(partition)]
        return Positions(
            committed: committed?.offset,
            metadata: committed?.metadata,
            earliest: log.start,
            end: end(of: log)
        )
    }

    /// A leader that was deposed answers an end that was true once.
    private func end(of log: CommandLog) -> Int64 {
        world.strikes(.staleEnds, 0.3) ? world.uniform(0...log.visibleEnd) : log.visibleEnd
    }

    private func append(barrier: LedgerBarrier, to partition: Int32) -> Int64 {
        broker.ledgers[Int(partition)]
            .append(key: barrier.key, value: barrier.value, milliseconds: world.wall, transaction: nil)
    }

    func writeBarrier(_ epoch: PartitionEpoch, _ barrier: LedgerBarrier) {
        queryThread { [self] in
            let failure = Event.barrierFailed(epoch, reason: "timed out")
            if world.strikes(.barrierFails, 0.1) { return later(sec(1)) { [self] in finished([failure]) } }
            rpc(.brokers) { [self] answer in
                guard !broker.ledgersWithoutLeader.contains(epoch.partition) else {
                    return answer { self.later(sec(2)) { self.finished([failure]) } }
                }
                let offset = append(barrier: barrier, to: epoch.partition)
                answer { self.finished([.barrierWritten(epoch, ledgerOffset: offset)]) }
            } failed: { [self] in
                finished([failure])
            }
        }
    }

    func fetchEnds(_ epochs: [PartitionEpoch]) {
        queryThread { [self] in
            rpc(.brokers) { [self] answer in
                var ends: [PartitionEpoch: Int64] = [:]
                for epoch in epochs { ends[epoch] = end(of: broker.commands[Int(epoch.partition)]) }
                answer { self.finished([.endsFetched(ends)]) }
            } failed: { [self] in
                finished([])
            }
        }
    }

    /// On a thread of its own: what it waits for may hold up a restore.
    func fence(_ ids: [String]) {
        for id in ids {
            rpc(.brokers) { [self] answer in
                broker.initialise(broker.producer(id)) { _ in answer {} }
            } failed: {
            }
        }
    }

    func readLedger(
        _ epoch: PartitionEpoch,
        from: Int64,
        through barrier: Int64,
        horizon: LedgerRestore.Horizon,
        timeout: Duration
    ) {
        queryThread { [self] in
            let failure = Event.restoreFailed(epoch, reason: "reading timed out")
            if world.strikes(.queryFails, 0.1) { return later(sec(1)) { [self] in finished([failure]) } }
            let reading = Reading(
                epoch: epoch,
                position: from,
                target: target(barrier, of: epoch.partition),
                horizon: horizon,
                deadline: world.now + timeout.nanoseconds
            )
            read(reading, failure)
        }
    }

    private final class Reading {
        let epoch: PartitionEpoch
        var position: Int64
        let target: Int64
        let horizon: LedgerRestore.Horizon
        let deadline: Int64
        var restore: LedgerRestore?
        /// Since when the stable end has stood before the barrier, and whether that was said.
        var stuck: (position: Int64, since: Int64)?
        var saidStuck = false

        init(
            epoch: PartitionEpoch,
            position: Int64,
            target: Int64,
            horizon: LedgerRestore.Horizon,
            deadline: Int64
        ) {
            self.epoch = epoch
            self.position = position
            self.target = target
            self.horizon = horizon
            self.deadline = deadline
        }
    }

    /// The position that must be passed.
    private func target(_ barrier: Int64, of partition: Int32) -> Int64 {
        let isStale = shellFaults.contains(.restoreEndsAtStaleEnd)
        return isStale ? world.uniform(0...barrier) : barrier + 1
    }

    /// Polls until the position has passed the target: a part of what is stable at a time.
    private func read(_ reading: Reading, _ failure: Event) {
        if reading.restore == nil { reading.restore = LedgerRestore(reading.horizon, process: processID, at: wallTime) }
        rpc(.brokers) { [self] answer in
            let log = broker.ledgers[Int(reading.epoch.partition)]
            let stable = log.stableEnd
            // A poll may bring less than there is, and more than was asked for.
            let isStill = broker.ledgersWithoutLeader.contains(reading.epoch.partition)
            let some = world.flip(0.3) ? min(stable, reading.position + world.uniform(1...20)) : stable
            let limit = isStill ? min(stable, reading.position) : some
            let entries = log.committed(from: reading.position, to: limit)
            answer { [self] in
                for entry in entries {
                    reading.restore?.apply(
                        key: entry.key,
                        value: entry.value,
                        offset: entry.offset,
                        timestamp: WallTime(milliseconds: entry.milliseconds),
                        digest: digest
                    )
                }
                reading.position = max(reading.position, limit)
                if reading.position >= reading.target
                    || (shellFaults.contains(.restoreStopsAtStable) && limit == stable)
                {
                    return restored(reading)
                }
                guard world.now < reading.deadline else { return finished([failure]) }
                noteStuck(reading)
                later(limit < stable ? ms(1) : ms(100)) { [self] in read(reading, failure) }
            }
        } failed: { [self] in
            finished([failure])
        }
    }

    private func noteStuck(_ reading: Reading) {
        guard let stuck = reading.stuck, stuck.position == reading.position else {
            reading.stuck = (reading.position, world.now)
            return
        }
        guard world.now - stuck.since >= Limits.predecessorPatience.nanoseconds, !reading.saidStuck else { return }
        reading.saidStuck = true
        toLoop(.queries, .restoreHeldUp(reading.epoch, by: reading.restore?.predecessor))
    }

    private func restored(_ reading: Reading) {
        guard let restore = reading.restore.take() else { return }
        finished([.restored(reading.epoch, restore.finished(), at: wallTime)])
    }

    func resolve(_ id: BatchID, _ questions: [CommitQuestion]) {
        queryThread { [self] in inquire(CommitInquiry(id, questions)) }
    }

    private func inquire(_ inquiry: CommitInquiry) {
        switch inquiry.step {
        case .askOffsets(let epochs): askOffsets(epochs, inquiry)
        case .askLedger(let question): ask(question, inquiry)
        case .tell(let found): finished([.commitResolved(inquiry.id, found)])
        }
    }

    private func askOffsets(_ epochs: [PartitionEpoch], _ inquiry: CommitInquiry) {
        let deadline = world.now + sec(60)
        rpc(.group) { [self] answer in
            broker.whenStable(epochs.map(\.partition), until: deadline) { [self] isStable in
                guard isStable else { return answer { self.inquire(inquiry.offsetsUnanswered()) } }
                let word = epochs.first { offsetNames(inquiry.id, $0.partition) }
                answer { self.inquire(inquiry.offsetsTold(word)) }
            }
        } failed: {
            self.inquire(inquiry.offsetsUnanswered())
        }
    }

    private func offsetNames(_ id: BatchID, _ partition: Int32) -> Bool {
        let isStale = world.strikes(.staleOffsets, 0.2)
        let offset = isStale ? broker.formerOffset(partition, atLeast: 1) : broker.committedOffset(partition)
        return offset.flatMap { OffsetMetadata($0.metadata) }?.batch == id
    }

    private func ask(_ question: CommitQuestion, _ inquiry: CommitInquiry) {
        let number = question.epoch.partition
        let unread = { [self] in inquire(inquiry.ledgerTold(nil)) }
        if world.strikes(.traceFails, 0.3) { return later(sec(1)) { unread() } }
        rpc(.brokers) { [self] answer in
            guard !broker.ledgersWithoutLeader.contains(number) else {
                return answer { self.later(sec(2)) { unread() } }
            }
            let barrier = append(barrier: question.barrier, to: number)
            answer { [self] in
                read(question, through: barrier, until: world.now + sec(5)) { [self] in inquire(inquiry.ledgerTold($0))
                }
            }
        } failed: {
            unread()
        }
    }

    private func read(
        _ question: CommitQuestion,
        through barrier: Int64,
        until deadline: Int64,
        _ done: @escaping (_ isCommitted: Bool?) -> Void
    ) {
        let number = question.epoch.partition
        rpc(.brokers) { [self] answer in
            let log = broker.ledgers[Int(number)]
            let isReadable = log.stableEnd > barrier && !broker.ledgersWithoutLeader.contains(number)
            let isEarly = shellFaults.contains(.proofNotAwaited)
            let limit = min(log.stableEnd, barrier + 1)
            let start = question.start(readingThrough: barrier) ?? 0
            let found = log.committed(from: min(start, limit), to: limit)
            answer { [self] in
                if isReadable || isEarly {
                    return done(found.contains { question.isAnswered(byKey: $0.key, value: $0.value) })
                }
                guard world.now < deadline else { return done(nil) }
                later(ms(100)) { [self] in read(question, through: barrier, until: deadline, done) }
            }
        } failed: {
            done(nil)
        }
    }
}
