import OTPContract

// How the open transaction ended, and what follows from each way in which it can.
extension Engine {
    /// A transaction that certainly did not commit.
    struct Abort {
        var cause: AbortCause
        /// The outputs that were refused, where the broker names them.
        var faults: [OutputReference]
        /// The producer is of no more use.
        var isProducerLost: Bool
        var reason: String
    }

    mutating func committed(_ id: BatchID, ledgerOffsets: [Int64?], at now: Instant) {
        guard let open = committing.committed(id, at: now) else { return }
        counted(open, ledgerOffsets: ledgerOffsets, at: now)
    }

    /// The batch is visible: its records are finished, and its ledger writes are what the next owner reads.
    mutating func counted(_ open: TransactionState.Open, ledgerOffsets: [Int64?], at now: Instant) {
        committing.counted(at: now)
        group.gotOn()
        report(.transaction(records: open.results.count, after: now - open.formed, committed: true))
        if !open.deadLetters.isEmpty { report(.deadLettersWritten(open.deadLetters.count)) }
        for (epoch, share) in open.shares.sorted(by: { $0.key.partition < $1.key.partition }) {
            guard let partition = partitions[epoch] else { continue }
            group.gotFurther(with: epoch.partition, at: now)
            partition.outputs.written()
            partition.progress.committed(share.offsets, upTo: share.committedOffset)
            partition.uncommitted.committed(skipped: share.skipped)
            for void in share.voids {
                partition.ledger.voided(void.fingerprint, of: void.session, source: void.source)
                partition.uncommitted.voided(void.session)
            }
            for state in share.states {
                let offset = state.index < ledgerOffsets.count ? ledgerOffsets[state.index] : nil
                partition.tail.acknowledged(offset, producedAfter: share.floor)
                partition.ledger.committed(state.codes, of: state.session, ledgerOffset: offset ?? share.floor)
            }
            finish(share.offsets, partition, at: now)
            for void in share.voids { advance(void.session, partition, at: now) }
            acceptHeld(partition, at: now)
        }
        report(ifAny: group.committed(formedAfter: open.leaseLosses, at: now))
    }

    private mutating func finish(_ offsets: [Int64], _ partition: Partition, at now: Instant) {
        var bytes = 0
        for offset in offsets {
            guard let command = partition.finished(offset) else { continue }
            bytes += command.record.bytes
            if let outcome = command.conclusion?.outcome {
                report(.published(outcome.reason.status, reason: outcome.reason, after: now - command.receivedAt))
            }
        }
        intakeChanged(intake.finished(offsets.count, bytes: bytes))
    }

    // MARK: Not committed

    mutating func commitAborted(_ id: BatchID, _ end: Abort, at now: Instant) {
        // What was refused for its content is formed again at once; everything else is given time.
        let isCorrected =
            switch end.cause {
            case .outputs: !end.faults.isEmpty
            case .denied, .tooLarge: true
            case .stale, .unknownMember, .fenced, .transient: false
            }
        guard let open = committing.aborted(id, isCorrected: isCorrected, at: now) else { return }
        report(.transaction(records: open.results.count, after: now - open.formed, committed: false))
        report(.aborted(end.cause, reason: end.reason))
        requeue(open, at: now)
        var needsProducer = end.isProducerLost
        if needsProducer { committing.producerLost(reason: end.reason) }
        switch end.cause {
        // A coordinator looks for the member first: what a member of the next generation owns stays its own until it gives it back.
        case .stale: break
        case .unknownMember: report(ifAny: group.fenced())
        case .fenced: fenced(since: open.formed, reason: end.reason, at: now)
        case .transient:
            if committing.abortedTransiently(records: open.results.count, after: now - open.formed) {
                needsProducer = true
            }
        case .outputs where end.faults.isEmpty: suspect(open, reason: end.reason, at: now)
        case .outputs: for fault in end.faults { blame(fault, open, reason: end.reason, at: now) }
        case .denied: denied(open, reason: end.reason, at: now)
        case .tooLarge: if tooLarge(open, end, at: now) { needsProducer = true }
        }
        // The coordinator has accepted the abort, which is certain, and cannot write it down for a partition without a leader:
        // until that is back nothing begins under this id.
        if open.shares.keys.contains(where: { partitions.unwritable[$0.partition] != nil }) {
            report(committing.switched())
            needsProducer = true
        }
        if needsProducer, let replacement = committing.abandoned() { effects.append(replacement) }
    }

    /// The broker fences a producer as well whose transaction it has timed out: no other process need have our id.
    mutating func fenced(since formed: Instant, reason: String, at now: Instant) {
        report(.producerFenced(isTimedOut: now - formed >= configuration.transactionTimeout, reason: reason))
        report(ifAny: group.fenced())
    }

    /// A right is missing, and nobody says for which topic: what can be done without goes first, in the order of its worth.
    private mutating func denied(_ open: TransactionState.Open, reason: String, at now: Instant) {
        if !open.deadLetters.isEmpty {
            committing.deniedLetters(reason: reason, at: now)
            report(.deadLettersDenied(reason: reason))
        } else if !open.replies.isEmpty {
            for record in open.replies { blameResult(of: record, reason: reason, at: now) }
        } else {
            for partition in partitions.inOrder(where: { open.shares[$0.epoch] != nil }) {
                park(partition, reason: reason, at: now)
            }
        }
    }

    /// A topic's limit is one of what is sent together: neighbours that were too large are each sent in smaller company before
    /// any is blamed.
    /// - Returns: whether that takes a new producer.
    private mutating func tooLarge(_ open: TransactionState.Open, _ end: Abort, at now: Instant) -> Bool {
        if end.faults.count > 1, let bytes = committing.cutBatchBytes() {
            report(.batchBytesCut(to: bytes))
            return true
        }
        if end.faults.isEmpty { suspect(open, reason: end.reason, at: now) }
        for fault in end.faults { blame(fault, open, reason: end.reason, at: now) }
        return false
    }

    /// A topic's limit was lowered: a new producer keeps below it, before one is refused.
    ///
    /// While a transaction is open it waits for the next look, and what is refused meanwhile is cut. A limit that was raised is
    /// for the next start: nothing fails without it.
    mutating func batchLimitRead(_ bytes: Int) {
        guard committing.lowered(batchBytes: max(bytes, Limits.leastBatchBytes)) else { return }
        report(.batchBytesCut(to: committing.transaction.producer.batchBytes))
        effects.append(committing.replacement(after: .zero))
    }

    /// The outcomes are only in memory again, in the order they had.
    ///
    /// An abort never repeats a call.
    mutating func requeue(_ open: TransactionState.Open, at now: Instant) {
        for (epoch, share) in open.shares {
            guard let partition = partitions[epoch] else { continue }
            group.gotFurther(with: epoch.partition, at: now)
            for offset in share.offsets.reversed() {
                guard let command = partition[offset], command.state == .batched else { continue }
                command.unbatched()
                partition.progress.unbatched(offset)
                partition.uncommitted.requeued(command)
            }
            let voids = partition.inOrder { command in
                command.state == .abandoned && share.voids.contains { $0.source == command.offset }
            }
            partition.uncommitted.requeued(voids: voids)
            if !partition.uncommitted.concluded.isEmpty { committing.outcomeWaits() }
        }
    }

    /// Something in the batch is at fault and nobody says what: half of it at a time, until one record stands alone.
    private mutating func suspect(_ open: TransactionState.Open, reason: String, at now: Instant) {
        if committing.suspected(records: open.results.count) { return }
        if open.results.count > 1 {
            // Of one session, whose records stay together.
            for record in open.results { blameResult(of: record, reason: reason, at: now) }
        } else if let record = open.results.first {
            blameResult(of: record, reason: reason, at: now)
        } else {
            for partition in partitions.inOrder(where: { open.shares[$0.epoch] != nil }) {
                park(partition, reason: reason, at: now)
            }
        }
    }

    private mutating func blame(
        _ fault: OutputReference,
        _ open: TransactionState.Open,
        reason: String,
        at now: Instant
    ) {
        switch fault {
        case .result(let index) where index < open.results.count:
            blameResult(of: open.results[index], reason: reason, at: now)
        case .ledger(let index) where index < open.ledger.count:
            if let partition = partitions[open.ledger[index]] { park(partition, reason: reason, at: now) }
        case .deadLetter(let index) where index < open.deadLetters.count:
            dropLetter(of: open.deadLetters[index])
        case .result, .ledger, .deadLetter: preconditionFailure("\(fault) is not in the batch")
        }
    }

    private mutating func blameResult(of record: RecordID, reason: String, at now: Instant) {
        guard let partition = partitions[record.epoch], let command = partition[record.offset] else { return }
        if command.isUndeliverable {
            park(partition, reason: reason, at: now)
        } else {
            command.becameUndeliverable()
            report(.undeliverable(record))
        }
    }

    /// The result says what the letter would have said, less where to find the record.
    mutating func dropLetter(of record: RecordID) {
        guard let partition = partitions[record.epoch] else { return }
        partition[record.offset]?.letterDropped()
        partition.uncommitted.letterDropped(record.offset)
        report(.deadLetterDropped(record))
    }
}
