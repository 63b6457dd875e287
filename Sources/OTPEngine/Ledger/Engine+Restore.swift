import OTPContract

// A partition that was taken over is restored: where it stands, our barrier in its ledger, all that lies before that.
extension Engine {
    mutating func positionsFetched(_ epoch: PartitionEpoch, _ positions: Positions, at now: Instant) {
        guard let partition = partitions[epoch],
            partition.life.positionsFetched(.init(positions, clusterID: configuration.clusterID))
        else { return }
        // Known from here on, so that nobody has to wait for the first record to learn how far behind we are.
        _ = partition.reading.told(end: positions.end, position: .max, at: now)
        // Only now: what a dead owner committed last lies before it.
        writeBarrier(to: partition)
    }

    private mutating func writeBarrier(to partition: Partition) {
        partition.tail.barrierBegan()
        let barrier = LedgerBarrier(transactionalID: configuration.transactionalID, process: configuration.processID)
        effects.append(.writeBarrier(partition.epoch, barrier))
    }

    mutating func barrierWritten(_ epoch: PartitionEpoch, ledgerOffset: Int64, at now: Instant) {
        guard let partition = partitions[epoch], partition.tail.barrierWritten(at: ledgerOffset, now: now) else {
            return
        }
        if let start = partition.life.awaitingBarrier {
            readLedger(of: partition, start, through: ledgerOffset, at: now)
        } else if partition.isRestored {
            partition.tail.acknowledged(ledgerOffset, producedAfter: nil)
        }
    }

    mutating func barrierFailed(_ epoch: PartitionEpoch, _ reason: String, at now: Instant) {
        guard let partition = partitions[epoch], partition.tail.barrierFailed(at: now) else { return }
        if partition.life.awaitingBarrier != nil { restoreFailed(epoch, reason, at: now) }
    }

    private mutating func readLedger(
        of partition: Partition,
        _ start: PartitionLife.Start,
        through barrier: Int64,
        at now: Instant
    ) {
        let epoch = partition.epoch
        let recorded = start.metadata?.ledgerOffset
        let acceptsLoss = configuration.acceptLedgerLoss
        if let recorded, recorded > barrier {
            report(.ledgerRecreated(epoch.partition, recorded: recorded, end: barrier, accepted: acceptsLoss))
        }
        switch LedgerRestore.Plan(recorded: recorded, barrier: barrier, acceptsLoss: acceptsLoss) {
        case .recreated: restoreFailed(epoch, "the ledger was recreated", at: now)
        case .read(let from):
            partition.life.readingBegan()
            partition.tail.restoreBegan(through: barrier)
            report(
                .restoring(epoch.partition, from: from ?? 0, to: barrier),
                then: .readLedger(
                    epoch,
                    from: from,
                    through: barrier,
                    horizon: .init(
                        retention: configuration.memory,
                        committed: start.committed,
                        finished: start.metadata.map { Set($0.finished) }
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
    mutating func restoreHeldUp(_ epoch: PartitionEpoch, by predecessor: LedgerBarrier?) {
        guard let partition = partitions[epoch], let predecessor, partition.life.heldUp(by: predecessor.process) else {
            return
        }
        let own = committing.transaction.transactionalID(of: configuration.transactionalID)
        let alternate = ProducerChoice.alternate(of: predecessor.transactionalID)
        let ids = [predecessor.transactionalID, alternate].filter { $0 != own }
        for id in ids { report(.predecessorFenced(epoch.partition, transactionalID: id)) }
        effects.append(.fence(epoch, transactionalIDs: ids))
    }

    mutating func restored(_ epoch: PartitionEpoch, _ restored: LedgerRestore.Result, at now: Instant) {
        guard let partition = partitions[epoch], let (takeover, start) = partition.life.underRead else { return }
        let committed = start.committed
        if let finished = restored.finishedBeyond, isStale(partition) {
            report(.stalePosition(epoch.partition, committed: committed, finished: finished))
            restoreFailed(epoch, "the committed offset is older than the ledger", at: now)
            return
        }
        partition.ledger = restored.ledger
        partition.progress = PartitionProgress(committed: committed, finished: start.metadata?.finished ?? [])
        partition.uncommitted.restored(lacksOffset: start.positions.committed == nil)
        if committed < start.positions.earliest {
            report(.commandsMissed(epoch.partition, count: start.positions.earliest - committed))
            _ = partition.progress.reachedEnd(start.positions.earliest)
        }
        partition.life.restored()
        report(
            .restored(
                epoch.partition,
                sessions: partition.ledger.count,
                after: now - takeover.began,
                offset: partition.progress.next,
                withoutMetadata: start.metadata == nil
            ),
            then: .resume(epoch, offset: partition.progress.next)
        )
        if intake.isClosed { pause(partition, for: .admission) }
        if !group.isRunning { pause(partition, for: .leaving) }
        if partition.outputs.unwritable != nil { pause(partition, for: .unwritable) }
    }

    /// An offset older than the ledger is fetched again, and never gone on from; unless the operator has said that the ledger may be of
    /// another topic than the commands, and the same answer came several times.
    private func isStale(_ partition: Partition) -> Bool {
        let times = partition.life.foundStale()
        return !configuration.acceptLedgerLoss || times < Limits.staleOffsets
    }

    mutating func restoreFailed(_ epoch: PartitionEpoch, _ reason: String, at now: Instant) {
        guard let partition = partitions[epoch], partition.life.takeoverFailed(at: now) else { return }
        report(.restoreFailed(epoch.partition, reason: reason))
    }

    mutating func retryRestores(at now: Instant) {
        for partition in partitions.inOrder(where: { $0.life.nextTry.map { now >= $0 } ?? false }) {
            partition.life.triedAgain()
            partition.tail.barrierGivenUp()
            effects.append(.fetchPositions([partition.epoch], timeout: configuration.restoreTimeout))
        }
    }

    /// On the clock's turns only.
    ///
    /// The next owner begins to read at the ledger's floor: behind that it would not see whose the partition was. Without it (for
    /// two seconds after a takeover) a dead owner's transaction is left to the broker's time-out.
    mutating func renewBarriers(at now: Instant) {
        for partition in partitions.inOrder(where: \.canCommit)
        where partition.tail.wantsBarrier(floor: partition.ledgerFloor, at: now) {
            writeBarrier(to: partition)
        }
    }
}
