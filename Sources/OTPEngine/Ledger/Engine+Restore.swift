import OTPContract

// A partition that was taken over is restored: where it stands, our barrier in its ledger, all that lies before that.
extension Engine {
    mutating func positionsFetched(_ place: PartitionEpoch, _ positions: Positions, at now: Instant) {
        guard let partition = partition(place), partition.phase == .positioning else { return }
        partition.positions = positions
        // Known from here on, so that nobody has to wait for the first record to learn how far behind we are.
        _ = partition.reading.told(end: positions.end, position: .max, at: now)
        partition.metadata = positions.metadata.flatMap { OffsetMetadata($0) }.flatMap {
            // An offset that a tool moved, or that was mirrored from another cluster, has no metadata that fits it.
            $0.watermark == positions.committed && $0.clusterID == configuration.clusterID ? $0 : nil
        }
        partition.phase = .writingBarrier
        // Only now: what a dead owner committed last lies before it.
        writeBarrier(to: partition)
    }

    private mutating func writeBarrier(to partition: Partition) {
        partition.isBarrierUnderWay = true
        let barrier = LedgerBarrier(transactionalID: configuration.transactionalID, process: configuration.processID)
        effects.append(.writeBarrier(partition.place, barrier))
    }

    mutating func barrierWritten(_ place: PartitionEpoch, ledgerOffset: Int64, at now: Instant) {
        guard let partition = partition(place), partition.isBarrierUnderWay else { return }
        partition.isBarrierUnderWay = false
        partition.barrier = (ledgerOffset, now)
        if partition.phase == .writingBarrier {
            readLedger(of: partition, through: ledgerOffset, at: now)
        } else if partition.isRestored {
            partition.acknowledge(ledgerOffset)
        }
    }

    mutating func barrierFailed(_ place: PartitionEpoch, _ reason: String, at now: Instant) {
        guard let partition = partition(place), partition.isBarrierUnderWay else { return }
        partition.isBarrierUnderWay = false
        if let barrier = partition.barrier { partition.barrier = (barrier.offset, now) }
        if partition.phase == .writingBarrier { restoreFailed(place, reason, at: now) }
    }

    private mutating func readLedger(of partition: Partition, through barrier: Int64, at now: Instant) {
        let place = partition.place
        let recorded = partition.metadata?.ledgerOffset
        if let recorded, recorded > barrier {
            let accepts = configuration.acceptLedgerLoss
            report(.ledgerRecreated(place.partition, recorded: recorded, end: barrier, accepted: accepts))
        }
        switch LedgerRestore.Plan(
            recorded: recorded,
            barrier: barrier,
            acceptsLoss: configuration.acceptLedgerLoss
        )
        {
        case .recreated: restoreFailed(place, "the ledger was recreated", at: now)
        case .read(let from):
            partition.phase = .reading
            partition.newestLedgerOffset = barrier
            report(
                .restoring(place.partition, from: from ?? 0, to: barrier),
                then: .readLedger(
                    place,
                    from: from,
                    through: barrier,
                    horizon: .init(
                        retention: configuration.memory,
                        committed: partition.positions.committed ?? partition.positions.earliest,
                        finished: partition.metadata.map { Set($0.finished) }
                    ),
                    timeout: configuration.restoreTimeout
                )
            )
        }
    }

    /// The transaction that a dead predecessor left open would hold up the restore until the broker's sweep, up to ten seconds
    /// after its time-out: the successor decides it.
    ///
    /// A predecessor that lives recovers in process. Each is fenced once per takeover, so two workers cannot go on fencing each
    /// other: it takes a takeover by each, with the other's transaction undecided for longer than any healthy one is.
    mutating func restoreHeldUp(_ place: PartitionEpoch, by predecessor: LedgerBarrier?) {
        guard let partition = partition(place), partition.phase == .reading, let predecessor,
            partition.fenced.insert(predecessor.process).inserted
        else { return }
        let own = settlement.transactionalID(of: configuration.transactionalID)
        let alternate = ProducerChoice.alternate(of: predecessor.transactionalID)
        let ids = [predecessor.transactionalID, alternate].filter { $0 != own }
        for id in ids { report(.predecessorFenced(place.partition, transactionalID: id)) }
        effects.append(.fence(place, transactionalIDs: ids))
    }

    mutating func restored(_ place: PartitionEpoch, _ restored: LedgerRestore.Result, at now: Instant) {
        guard let partition = partition(place), partition.phase == .reading else { return }
        let positions = partition.positions
        let committed = positions.committed ?? positions.earliest
        if let settled = restored.settledBeyond, isStale(partition) {
            report(.stalePosition(place.partition, committed: committed, settled: settled))
            restoreFailed(place, "the committed offset is older than the ledger", at: now)
            return
        }
        partition.ledger = restored.ledger
        partition.progress = PartitionProgress(committed: committed, finished: partition.metadata?.finished ?? [])
        partition.lacksOffset = positions.committed == nil
        if committed < positions.earliest {
            report(.commandsMissed(place.partition, count: positions.earliest - committed))
            _ = partition.progress.reachedEnd(positions.earliest)
        }
        partition.phase = .active
        partition.restoreBackOff.succeeded()
        report(
            .restored(
                place.partition,
                sessions: partition.ledger.count,
                after: now - partition.restoreBegan,
                offset: partition.progress.next,
                withoutMetadata: partition.metadata == nil
            ),
            then: .resume(place, offset: partition.progress.next)
        )
        if admission.isClosed { pause(partition, for: .admission) }
        if !drain.isRunning { pause(partition, for: .leaving) }
        if partition.unwritable != nil { pause(partition, for: .unwritable) }
    }

    /// An offset older than the ledger is fetched again, and never gone on from; unless the operator has said that the ledger may be of
    /// another topic than the commands, and the same answer came several times.
    private func isStale(_ partition: Partition) -> Bool {
        partition.staleOffsets += 1
        return !configuration.acceptLedgerLoss || partition.staleOffsets < Limits.staleOffsets
    }

    mutating func restoreFailed(_ place: PartitionEpoch, _ reason: String, at now: Instant) {
        guard let partition = partition(place), !partition.isRestored else { return }
        partition.phase = .retrying(at: now + partition.restoreBackOff.failed())
        report(.restoreFailed(place.partition, reason: reason))
    }

    mutating func retryRestores(at now: Instant) {
        for partition in owned(where: { $0.retries(at: now) }) {
            partition.phase = .positioning
            partition.isBarrierUnderWay = false
            effects.append(.fetchPositions([partition.place], timeout: configuration.restoreTimeout))
        }
    }

    /// On the clock's turns only.
    ///
    /// The next owner begins to read at the ledger's floor: behind that it would not see whose the partition was. Without it (for
    /// two seconds after a takeover) a dead owner's transaction is left to the broker's time-out.
    mutating func renewBarriers(at now: Instant) {
        for partition in owned(where: \.isRestored) where !partition.isBarrierUnderWay && partition.isWritable {
            guard let barrier = partition.barrier, now - barrier.since >= Limits.barrierInterval,
                partition.ledgerFloor > barrier.offset
            else { continue }
            writeBarrier(to: partition)
        }
    }
}
