import Contract
import DequeModule

// How the open transaction ended, and what follows from each way in which it can.
extension Engine {
    mutating func committed(_ id: BatchID, ledgerOffsets: [Int64?], at now: Instant) {
        guard let open = settlement.committed(id) else { return }
        counted(open, ledgerOffsets: ledgerOffsets, at: now)
    }

    /// The batch is visible: its records are finished, and its ledger writes are what the next owner reads.
    private mutating func counted(_ open: Settlement.Open, ledgerOffsets: [Int64?], at now: Instant) {
        lastCommit = now
        settleBackOff.succeeded()
        producerBackOff.succeeded()
        consumerBackOff.succeeded()
        consumerFailure = nil
        batchLimit = min(configuration.maximumBatch, batchLimit * 2)
        report(.transaction(records: open.results.count, after: now - open.formed, committed: true))
        for (place, share) in open.shares.sorted(by: { $0.key.partition < $1.key.partition }) {
            guard let partition = partition(place) else { continue }
            partition.parkingBackOff.succeeded()
            partition.progress.committed(share.offsets, watermark: share.watermark)
            for void in share.voids {
                partition.ledger.voided(void.fingerprint, of: void.session, source: void.source)
                let left = (partition.tombstones[void.session] ?? 1) - 1
                partition.tombstones[void.session] = left > 0 ? left : nil
            }
            for state in share.states {
                let offset = state.index < ledgerOffsets.count ? ledgerOffsets[state.index] : nil
                partition.acknowledge(offset)
                partition.ledger.committed(state.codes, of: state.session, ledgerOffset: offset ?? share.floor)
            }
            finish(share.offsets, partition, at: now)
            for void in share.voids { advance(void.session, partition, at: now) }
            takeHeld(partition, at: now)
        }
        if membership.proven(by: open.distrusts, at: now) { report(.trusted) }
    }

    private mutating func finish(_ offsets: [Int64], _ partition: Partition, at now: Instant) {
        for offset in offsets {
            guard let command = partition.commands.removeValue(forKey: offset) else { continue }
            partition.unacknowledged[offset] = nil
            if let outcome = command.conclusion?.outcome {
                report(.published(outcome.reason.status, reason: outcome.reason, after: now - command.receivedAt))
            }
        }
        finishedInMemory(offsets.count)
    }

    // MARK: Not committed

    mutating func commitAborted(
        _ id: BatchID,
        _ cause: AbortCause,
        faults: [OutputReference],
        reason: String,
        at now: Instant
    ) {
        // What was refused for its content is formed anew at once; everything else is given time.
        let until = cause == .outputs && !faults.isEmpty ? nil : now + settleBackOff.failed()
        guard let open = settlement.aborted(id, until: until) else { return }
        report(.transaction(records: open.results.count, after: now - open.formed, committed: false))
        report(.aborted(cause, reason: reason))
        if cause == .stale, membership.fenced() { distrusted() }
        takeBack(open, at: now)
        // Under a quota, or on slow disks, as much again would take as long again, and never come through.
        if cause == .transient, now - open.formed >= Limits.longTransaction {
            batchLimit = max(1, min(batchLimit, open.results.count) / 2)
        }
        guard cause == .outputs else { return }
        if faults.isEmpty {
            suspect(open, reason: reason, at: now)
        } else {
            for fault in faults { blame(fault, open, reason: reason, at: now) }
        }
    }

    /// The outcomes are only in memory again, in the order they had.
    ///
    /// An abort never repeats a call.
    private mutating func takeBack(_ open: Settlement.Open, at now: Instant) {
        for (place, share) in open.shares {
            guard let partition = partition(place) else { continue }
            for offset in share.offsets.reversed() {
                guard let command = partition.commands[offset], command.state == .batched else { continue }
                command.state = .concluded
                partition.progress.unbatched(offset)
                partition.concluded.prepend(command)
            }
            partition.voids += partition.inOrder { command in
                command.state == .abandoned && share.voids.contains { $0.source == command.offset }
            }
            if !partition.concluded.isEmpty, oldestConclusion == nil { oldestConclusion = now }
        }
    }

    /// Something in the batch is at fault and nobody says what: half of it at a time, until one record stands alone.
    private mutating func suspect(_ open: Settlement.Open, reason: String, at now: Instant) {
        if open.results.count > 1 {
            batchLimit = max(1, open.results.count / 2)
        } else if let record = open.results.first {
            blameResult(of: record, reason: reason, at: now)
        } else {
            for partition in owned(where: { open.shares[$0.place] != nil }) {
                park(partition, reason: reason, at: now)
            }
        }
    }

    private mutating func blame(_ fault: OutputReference, _ open: Settlement.Open, reason: String, at now: Instant) {
        switch fault {
        case .result(let index) where index < open.results.count:
            blameResult(of: open.results[index], reason: reason, at: now)
        case .ledger(let index) where index < open.ledger.count:
            if let partition = partition(open.ledger[index]) { park(partition, reason: reason, at: now) }
        case .deadLetter(let index) where index < open.deadLetters.count:
            let record = open.deadLetters[index]
            partition(record.place)?.commands[record.offset]?.isLetterDropped = true
            report(.deadLetterDropped(record))
        case .result, .ledger, .deadLetter: preconditionFailure("\(fault) is not in the batch")
        }
    }

    private mutating func blameResult(of record: RecordID, reason: String, at now: Instant) {
        guard let partition = partition(record.place), let command = partition.commands[record.offset] else { return }
        if command.isUndeliverable {
            park(partition, reason: reason, at: now)
        } else {
            command.isUndeliverable = true
            report(.undeliverable(record))
        }
    }

    // MARK: Nobody knows

    mutating func commitUnknown(_ id: BatchID, isFenced: Bool, reason: String) {
        guard settlement.becameUnknown(id) else { return }
        producerFailure = reason
        report(.unknownCommit(reason: reason, isFenced: isFenced))
        if isFenced, membership.fenced() { distrusted() }
        effects.append(.replaceProducer(after: producerBackOff.failed()))
    }

    mutating func producerReady() {
        producerFailure = nil
        if let open = settlement.producerReady() { trace(open) }
        subscribeIfReady()
    }

    mutating func producerFailed(_ reason: String) {
        producerFailure = reason
        report(.producerFailed(reason: reason), then: .replaceProducer(after: producerBackOff.failed()))
    }

    /// Asks what is committed for those partitions that nobody else can have committed for since.
    mutating func trace(_ open: Settlement.Open) {
        let owned = open.shares.keys.filter { partition($0) != nil }.sorted { $0.partition < $1.partition }
        effects.append(.traceBatch(open.id, owned, timeout: configuration.restoreTimeout))
    }

    mutating func batchTraced(_ id: BatchID, _ found: [PartitionEpoch: OffsetMetadata?]?, at now: Instant) {
        guard let found else {
            settlement.untraceable(id, retryAt: now + settleBackOff.failed())
            return
        }
        guard let open = settlement.traced(id) else { return }
        let evidence = open.shares.keys.filter { partition($0) != nil && found[$0] != nil }
        if evidence.isEmpty {
            // Every partition of it has gone: its outcomes went with them, and the next owners see what it left.
            report(.traced(counted: nil))
        } else if evidence.contains(where: { found[$0]??.batch == id }) {
            report(.traced(counted: true))
            counted(open, ledgerOffsets: [], at: now)
        } else {
            report(.traced(counted: false))
            takeBack(open, at: now)
        }
    }
}
