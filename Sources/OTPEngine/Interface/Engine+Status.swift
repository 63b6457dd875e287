package import OTPContract

// What the engine says of itself.
extension Engine {
    /// The state at `now`; costs a look at every command in memory.
    package func status(at now: Instant) -> EngineStatus {
        let oldest = partitions.values.lazy.flatMap(\.commands.values).map(\.receivedAt).min()
        return EngineStatus(
            hasProducer: settlement.hasProducer && intentProducerFailure == nil,
            producerFailure: producerFailure ?? intentProducerFailure,
            overdue: overdue(at: now),
            deadLettersDenied: lettersDenied?.reason,
            isSubscribed: isSubscribed,
            consumerFailure: consumerFailure,
            isTrusted: membership.isTrusted,
            distrust: membership.cause,
            isDraining: !drain.isRunning,
            isIntakeClosed: admission.isClosed,
            commandsInMemory: admission.inMemory,
            unconcluded: unconcluded,
            inFlight: slots,
            upstream: upstreamStatus(at: now),
            oldestAge: oldest.map { now - $0 },
            stalledFor: watchdog.stalled(at: now),
            partitions: partitions.values.map { status(of: $0) }.sorted { $0.number < $1.number }
        )
    }

    private func overdue(at now: Instant) -> EngineStatus.Overdue? {
        guard let open = settlement.unended, now - open.formed >= Limits.overdueTransaction else { return nil }
        return .init(age: now - open.formed, partitions: open.shares.keys.map(\.partition).sorted())
    }

    /// A record that is in memory, and when it was received; nil once it is settled, or another worker's.
    ///
    /// For anyone who tells about it.
    package func inMemory(_ id: RecordID) -> (record: ReceivedRecord, since: WallTime)? {
        partition(id.place)?.commands[id.offset].map { ($0.record, $0.receivedWall) }
    }

    /// Nothing to do, or something outside stands in the way and is named among the conditions of readiness.
    var isExcused: Bool {
        admission.inMemory == 0 || !settlement.hasProducer || consumerFailure != nil || !membership.isTrusted
            || nextDispatch != nil || partitions.values.allSatisfy { !$0.isWritable || $0.commands.isEmpty }
    }

    private func upstreamStatus(at now: Instant) -> EngineStatus.Upstream {
        var status = EngineStatus.Upstream(
            state: .serving,
            concurrencyLimit: protection.concurrency.limit,
            rateShare: protection.rateShare,
            waiting: ready.count + backOffs.count
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
            switch partition.phase {
            case .positioning, .writingBarrier, .reading, .retrying: "restoring"
            case .active: partition.isWritable && partition.unreadable == nil ? "active" : "parked"
            case .revoking: "revoking"
            }
        return EngineStatus.Partition(
            number: partition.place.partition,
            phase: phase,
            parkedFor: partition.unwritable ?? partition.parking?.reason ?? partition.unreadable?.reason,
            isUnread: partition.reading.isStalled,
            end: partition.reading.end,
            watermark: partition.progress.committed,
            next: partition.progress.next,
            commands: partition.commands.count,
            waitingSessions: partition.lanes.values.count { !$0.waiting.isEmpty },
            sessions: partition.ledger.count,
            sessionsInDoubt: partition.ledger.inDoubt,
            isPaused: !partition.pauses.isEmpty
        )
    }
}
