import Contract
import Engine

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

    func fetchPositions(_ places: [PartitionEpoch], timeout: Duration) {
        queryThread { [self] in
            let failure = places.map { Event.restoreFailed($0, reason: "committed timed out") }
            if world.strikes(.queryFails, 0.1) { return later(sec(1)) { [self] in finished(failure) } }
            let early = shellFaults.contains(.targetBeforeCommitted)
            if early { for place in places { earlyTargets[place] = broker.ledgers[Int(place.partition)].stableEnd } }
            let deadline = world.now + timeout.nanoseconds
            rpc(.group) { [self] answer in
                let numbers = shellFaults.contains(.committedNotAwaited) ? [] : places.map(\.partition)
                broker.whenStable(numbers, until: deadline) { [self] isStable in
                    guard isStable else { return answer { self.finished(failure) } }
                    let events = places.map { Event.positionsFetched($0, positions(of: $0.partition)) }
                    answer { self.finished(events) }
                }
            } failed: { [self] in
                finished(failure)
            }
        }
    }

    private func positions(of partition: Int32) -> Positions {
        let committed = broker.committedOffset(partition)
        return Positions(
            committed: committed?.offset,
            metadata: committed?.metadata,
            earliest: broker.commands[Int(partition)].start
        )
    }

    func fetchLedgerEnd(_ place: PartitionEpoch, timeout: Duration) {
        queryThread { [self] in
            let failure = Event.restoreFailed(place, reason: "watermarks timed out")
            if world.strikes(.queryFails, 0.1) { return later(sec(1)) { [self] in finished([failure]) } }
            rpc(.brokers) { [self] answer in
                let log = broker.ledgers[Int(place.partition)]
                var end = shellFaults.contains(.targetLastStable) ? log.stableEnd : log.end
                if let early = earlyTargets[place] { end = early }
                answer { self.finished([.ledgerEndFetched(place, start: log.start, end: end)]) }
            } failed: { [self] in
                finished([failure])
            }
        }
    }

    func readLedger(
        _ place: PartitionEpoch,
        from: Int64,
        to: Int64,
        horizon: LedgerRestore.Horizon,
        timeout: Duration
    ) {
        queryThread { [self] in
            let failure = Event.restoreFailed(place, reason: "reading timed out")
            if world.strikes(.queryFails, 0.1) { return later(sec(1)) { [self] in finished([failure]) } }
            let reading = Reading(
                place: place,
                position: from,
                target: to,
                horizon: horizon,
                deadline: world.now + timeout.nanoseconds
            )
            read(reading, failure)
        }
    }

    private final class Reading {
        let place: PartitionEpoch
        var position: Int64
        let target: Int64
        let horizon: LedgerRestore.Horizon
        let deadline: Int64
        var restore: LedgerRestore?
        var lastRecord: Int64 = -1

        init(
            place: PartitionEpoch,
            position: Int64,
            target: Int64,
            horizon: LedgerRestore.Horizon,
            deadline: Int64
        ) {
            self.place = place
            self.position = position
            self.target = target
            self.horizon = horizon
            self.deadline = deadline
        }
    }

    /// Polls until the position has passed the target: a part of what is stable at a time.
    private func read(_ reading: Reading, _ failure: Event) {
        if reading.restore == nil { reading.restore = LedgerRestore(reading.horizon, at: wallTime) }
        rpc(.brokers) { [self] answer in
            let log = broker.ledgers[Int(reading.place.partition)]
            let stable = log.stableEnd
            // A poll may bring less than there is, and more than was asked for.
            let limit = world.flip(0.3) ? min(stable, reading.position + world.uniform(1...20)) : stable
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
                    reading.lastRecord = entry.offset
                }
                reading.position = max(reading.position, limit)
                let position = shellFaults.contains(.restoreByLastRecord) ? reading.lastRecord + 1 : reading.position
                if position >= reading.target || (shellFaults.contains(.restoreStopsAtStable) && limit == stable) {
                    return restored(reading)
                }
                guard world.now < reading.deadline else { return finished([failure]) }
                later(limit < stable ? ms(1) : ms(100)) { [self] in read(reading, failure) }
            }
        } failed: { [self] in
            finished([failure])
        }
    }

    private func restored(_ reading: Reading) {
        guard let restore = reading.restore.take() else { return }
        finished([.restored(reading.place, restore.finished(), at: wallTime)])
    }

    func trace(_ id: BatchID, _ places: [PartitionEpoch], timeout: Duration) {
        queryThread { [self] in
            if world.strikes(.traceFails, 0.3) { return later(sec(1)) { [self] in finished([.batchTraced(id, nil)]) } }
            let deadline = world.now + timeout.nanoseconds
            rpc(.group) { [self] answer in
                let numbers = shellFaults.contains(.committedNotAwaited) ? [] : places.map(\.partition)
                broker.whenStable(numbers, until: deadline) { [self] isStable in
                    var found: [PartitionEpoch: OffsetMetadata?] = [:]
                    for place in places {
                        found[place] = .some(
                            broker.committedOffset(place.partition).flatMap { OffsetMetadata($0.metadata) }
                        )
                    }
                    let event = Event.batchTraced(id, isStable ? found : nil)
                    answer { self.finished([event]) }
                }
            } failed: { [self] in
                finished([.batchTraced(id, nil)])
            }
        }
    }
}
