package import OTPContract

// What the engine says of itself.
extension Engine {
    /// The state at `now`; costs a look at every command in memory.
    package func status(at now: Instant) -> EngineStatus {
        let oldest = partitions.all.lazy.flatMap(\.commands.values).map(\.receivedAt).min()
        return EngineStatus(
            hasProducer: committing.hasProducers,
            producerFailure: committing.producerFailure,
            overdue: overdue(at: now),
            deadLettersDenied: committing.lettersDenied?.reason,
            isSubscribed: group.isSubscribed,
            consumerFailure: group.failure,
            isLeaseValid: group.isLeaseValid,
            leaseLoss: group.membership.cause,
            isDraining: !group.isRunning,
            isIntakeClosed: intake.isClosed,
            commandsInMemory: intake.admission.inMemory,
            unconcluded: intake.unconcluded,
            inFlight: dispatch.slots,
            upstream: upstreamStatus(at: now),
            oldestAge: oldest.map { now - $0 },
            stalledFor: watchdog.stalled(at: now),
            partitions: partitions.inOrder { _ in true }.map { status(of: $0) }
        )
    }

    private func overdue(at now: Instant) -> EngineStatus.Overdue? {
        let limit = Limits.overdueTransaction(timeout: configuration.transactionTimeout)
        guard let open = committing.transaction.unended, now - open.formed >= limit else { return nil }
        return .init(age: now - open.formed, partitions: open.shares.keys.map(\.partition).sorted())
    }

    /// A record that is in memory, and when it was received; nil once it is finished, or another worker's.
    ///
    /// For anyone who tells about it.
    package func inMemory(_ id: RecordID) -> (record: ReceivedRecord, since: WallTime)? {
        partitions[id.epoch]?[id.offset].map { ($0.record, $0.receivedWall) }
    }

    /// Nothing to do, or something outside stands in the way and is named among the conditions of readiness.
    var isExcused: Bool {
        intake.isEmpty || !committing.transaction.hasProducer || group.failure != nil || !group.isLeaseValid
            || dispatch.next != nil || partitions.all.allSatisfy { !$0.isWritable || $0.commands.isEmpty }
    }

    private func upstreamStatus(at now: Instant) -> EngineStatus.Upstream {
        var status = EngineStatus.Upstream(
            state: .serving,
            concurrencyLimit: protection.concurrency.limit,
            rateShare: protection.rateShare,
            waiting: dispatch.count
        )
        status.isKeyInQuestion = protection.isKeyInQuestion
        let gate = protection.gate(at: now)
        if case .closed(let until?) = gate { status.reopensIn = until - now }
        if case .halted(let since, let cause, _, _, _) = protection.halt?.state {
            status.state = .halted
            status.cause = cause.description
            status.haltedFor = now - since
        } else if let breaker = protection.breaker, !breaker.isClosed {
            if case .halfOpen = breaker.state { status.state = .probing } else { status.state = .breakerOpen }
        } else if protection.isBlocked(at: now) {
            status.state = .held
        }
        return status
    }

    private func status(of partition: Partition) -> EngineStatus.Partition {
        let phase =
            switch partition.life {
            case .positioning, .writingBarrier, .reading, .retrying: "restoring"
            case .active: partition.isWritable && partition.reading.unreadable == nil ? "active" : "parked"
            case .revoking: "revoking"
            }
        return EngineStatus.Partition(
            number: partition.epoch.partition,
            phase: phase,
            parkedFor: partition.parkedFor,
            isUnread: partition.reading.watch.isStalled,
            end: partition.reading.watch.end,
            committedOffset: partition.progress.committed,
            next: partition.progress.next,
            commands: partition.commands.count,
            waitingSessions: partition.lanes.waiting,
            sessions: partition.ledger.count,
            sessionsInDoubt: partition.ledger.inDoubt,
            isPaused: !partition.reading.isMeantToBeRead
        )
    }
}
