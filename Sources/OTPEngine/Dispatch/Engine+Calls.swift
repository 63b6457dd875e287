import OTPContract

// A command that needs a call gets a slot, writes its intent, and is asked about.
extension Engine {
    mutating func fillSlots(at now: Instant) {
        dispatch.begins()
        while dispatch.slots < protection.concurrency.limit, group.isAsking, let command = nextInTurn(at: now) {
            // A command of a partition that is gone, given back or parked keeps its state and no place in the queue.
            guard let partition = partitions[command.record.id.epoch], partition.dispatches else { continue }
            if command.needsIntent, !mayWriteIntent(partition) {
                // Before its total time-out begins: it only waits for its partition's turn.
                partition.calls.heldBack(command)
                continue
            }
            command.timesOut(at: now + configuration.totalTimeout)
            if now >= command.end {
                concludeTooLate(command, partition, at: now)
            } else if command.attempts == 0, protection.isHopeless(command.deadline - now, at: now) {
                // It stays where it is answered at its deadline.
                continue
            } else if !command.needsIntent {
                if let next = protection.nextCall, next > now {
                    dispatch.waits(until: next)
                    dispatch.queued(command, at: now)
                    return
                }
                grant(command, partition, at: now)
                call(command, partition, at: now)
            } else {
                writeIntent(command, partition, at: now)
            }
        }
    }

    /// Whether another intent of this partition may take a slot: one whose ledger answers slowly must not hold all of them.
    private func mayWriteIntent(_ partition: Partition) -> Bool {
        partitions.count == 1 || partition.calls.intents < Limits.intentSlots(of: protection.concurrency.limit)
    }

    private mutating func writeIntent(_ command: Command, _ partition: Partition, at now: Instant) {
        guard case .command(let verify, _, let fingerprint) = command.record.content else { return }
        command.intentBegan(at: now)
        partition.calls.intentBegan()
        partition.tail.intentBegan(command.offset)
        grant(command, partition, at: now)
        protection.intended(at: now)
        let intent = LedgerRecord.Content.intent(fingerprint, source: command.offset, time: wall(at: now))
        effects.append(
            .writeIntent(command.record.id, LedgerRecord(session: verify.sessionID, content: intent))
        )
    }

    mutating func intentWritten(_ id: RecordID, ledgerOffset: Int64?, at now: Instant) {
        intentEnded(id, at: now)
        var isAsked = false
        defer { if !isAsked { protection.released(id, at: now) } }
        guard let partition = partitions[id.epoch], let command = partition[id.offset],
            case .writingIntent(let since) = command.state,
            case .command(_, let session, let fingerprint) = command.record.content
        else { return }
        partition.calls.ended()
        group.gotFurther(with: partition.epoch.partition, at: now)
        partition.ledger.acknowledged(
            fingerprint,
            of: session,
            source: id.offset,
            ledgerOffset: partition.tail.intentWritten(id.offset, ledgerOffset: ledgerOffset),
            at: wall(at: now)
        )
        // An acknowledgement that took so long may belong to a lease that has ended: another owner may have restored
        // without seeing the intent. Written again, it is younger than any such owner.
        command.intentWritten(isYoung: now - since <= configuration.sessionTimeout / 4)
        if isLeftToTheNext(partition) {
            abandon(command, partition)
        } else if !partition.dispatches {
            // It is queued again when its partition can be written.
        } else if now >= command.end {
            concludeTooLate(command, partition, at: now)
        } else if command.hasAcknowledgedIntent, group.isLeaseValid, protection.stillAllows(id, at: now) {
            isAsked = true
            acquireSlot(for: partition)
            call(command, partition, at: now)
        } else {
            dispatch.queued(command, at: now)
        }
    }

    mutating func intentFailed(_ id: RecordID, isPermanent: Bool, reason: String, at now: Instant) {
        intentEnded(id, at: now)
        protection.released(id, at: now)
        guard let partition = partitions[id.epoch], let command = partition[id.offset], command.isWritingIntent else {
            return
        }
        partition.calls.ended()
        group.gotFurther(with: partition.epoch.partition, at: now)
        // It may have been written all the same, so its floor stays, and whatever finishes the record voids it.
        command.requeued()
        if isPermanent { park(partition, reason: reason, at: now) }
        if isLeftToTheNext(partition) {
            abandon(command, partition)
        } else if partition.dispatches {
            dispatch.backedOff(command, until: min(now + command.intentWait(), command.end))
        }
    }

    /// The intent of this record came to an end, well or badly: its slot is free, if it was not given back before.
    private mutating func intentEnded(_ id: RecordID, at now: Instant) {
        dispatch.intentEnded(id)
        guard let partition = partitions[id.epoch] else { return }
        if let next = partition.calls.intentEnded() { dispatch.queued(next, at: now) }
    }

    private mutating func call(_ command: Command, _ partition: Partition, at now: Instant) {
        guard case .command(let verify, _, _) = command.record.content else { return }
        precondition(verify.code.canBeRight, "nothing is asked about what is no code")
        command.callBegan(at: now)
        protection.called(at: now)
        let timeout = min(configuration.attemptTimeout, command.end - now)
        effects.append(.call(command.record.id, verify, headers: command.record.headers, timeout: timeout))
    }

    /// A slot of its own, for the intent and the call after it or for the call alone.
    private mutating func grant(_ command: Command, _ partition: Partition, at now: Instant) {
        command.granted(at: now)
        protection.granted(command.record.id, at: now)
        acquireSlot(for: partition)
    }

    private mutating func acquireSlot(for partition: Partition) {
        dispatch.slotAcquired()
        partition.calls.began()
    }

    /// What is not under way is not begun any more.
    func isLeftToTheNext(_ partition: Partition) -> Bool { partition.life.isRevoking || !group.isRunning }

    // MARK: Waiting

    mutating func backOffEnded(_ command: Command, at now: Instant) {
        guard let partition = partitions[command.record.id.epoch], partition.isRestored else { return }
        requeue(command, partition, at: now)
    }

    /// Its wait is over, or its call was withheld: it wants another slot.
    mutating func requeue(_ command: Command, _ partition: Partition, at now: Instant) {
        command.requeued()
        if isLeftToTheNext(partition) {
            abandon(command, partition)
        } else if partition.dispatches {
            dispatch.queued(command, at: now)
        }
    }
}
