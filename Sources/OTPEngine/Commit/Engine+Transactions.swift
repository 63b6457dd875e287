import DequeModule
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
        guard let open = settlement.committed(id) else { return }
        counted(open, ledgerOffsets: ledgerOffsets, at: now)
    }

    /// The batch is visible: its records are finished, and its ledger writes are what the next owner reads.
    private mutating func counted(_ open: Settlement.Open, ledgerOffsets: [Int64?], at now: Instant) {
        lastCommit = now
        settleBackOff.succeeded()
        producerBackOff.succeeded()
        transientAborts = 0
        consumerBackOff.succeeded()
        consumerFailure = nil
        batchLimit = min(configuration.maximumBatch, batchLimit * 2)
        report(.transaction(records: open.results.count, after: now - open.formed, committed: true))
        if !open.deadLetters.isEmpty { report(.deadLettersWritten(open.deadLetters.count)) }
        for (place, share) in open.shares.sorted(by: { $0.key.partition < $1.key.partition }) {
            guard let partition = partition(place) else { continue }
            partition.parkingBackOff.succeeded()
            partition.progress.committed(share.offsets, watermark: share.watermark)
            partition.skipped.removeAll { share.skipped.contains($0) }
            partition.lacksOffset = false
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
        var bytes = 0
        for offset in offsets {
            guard let command = partition.commands.removeValue(forKey: offset) else { continue }
            bytes += command.record.bytes
            partition.unacknowledged[offset] = nil
            if let outcome = command.conclusion?.outcome {
                report(.published(outcome.reason.status, reason: outcome.reason, after: now - command.receivedAt))
            }
        }
        finishedInMemory(offsets.count, bytes: bytes)
    }

    // MARK: Not committed

    mutating func commitAborted(_ id: BatchID, _ end: Abort, at now: Instant) {
        // What was refused for its content is formed again at once; everything else is given time.
        let isMended =
            switch end.cause {
            case .outputs: !end.faults.isEmpty
            case .denied, .tooLarge: true
            case .stale, .fenced, .transient: false
            }
        guard let open = settlement.aborted(id, until: isMended ? nil : now + settleBackOff.failed()) else { return }
        report(.transaction(records: open.results.count, after: now - open.formed, committed: false))
        report(.aborted(end.cause, reason: end.reason))
        takeBack(open, at: now)
        var needsProducer = end.isProducerLost
        if needsProducer { producerFailure = end.reason }
        switch end.cause {
        case .stale: if membership.fenced() { distrusted() }
        case .fenced: fenced(since: open.formed, reason: end.reason, at: now)
        case .transient:
            transientAborts += 1
            // Its id may be locked by what was aborted before; only a new producer learns that.
            needsProducer = needsProducer || transientAborts > 1
            // Under a quota, or on slow disks, as much again would take as long again, and never come through.
            if now - open.formed >= Limits.longTransaction {
                batchLimit = max(1, min(batchLimit, open.results.count) / 2)
            }
        case .outputs where end.faults.isEmpty: suspect(open, reason: end.reason, at: now)
        case .outputs: for fault in end.faults { blame(fault, open, reason: end.reason, at: now) }
        case .denied: denied(open, reason: end.reason, at: now)
        case .tooLarge: if tooLarge(open, end, at: now) { needsProducer = true }
        }
        // The coordinator has accepted the abort, which is certain, and cannot write it down for a partition without a leader:
        // until that is back nothing begins under this id.
        if open.shares.keys.contains(where: { unwritable[$0.partition] != nil }) {
            switchProducer()
            needsProducer = true
        }
        if needsProducer, settlement.producerAbandoned() { replaceProducer(after: producerBackOff.failed()) }
    }

    /// The broker fences a producer as well whose transaction it has timed out: no other process need have our id.
    private mutating func fenced(since formed: Instant, reason: String, at now: Instant) {
        report(.producerFenced(isTimedOut: now - formed >= configuration.transactionTimeout, reason: reason))
        if membership.fenced() { distrusted() }
    }

    private mutating func switchProducer() {
        settlement.switchProducer()
        report(.producerSwitched(isAlternate: settlement.producer.isAlternate))
    }

    mutating func replaceProducer(after wait: Duration) {
        effects.append(.replaceProducer(settlement.producer, after: wait))
    }

    /// A right is missing, and nobody says for which topic: what can be done without goes first, in the order of its worth.
    private mutating func denied(_ open: Settlement.Open, reason: String, at now: Instant) {
        if !open.deadLetters.isEmpty {
            lettersDenied = (now + Limits.deniedPause, reason)
            report(.deadLettersDenied(reason: reason))
        } else if !open.replies.isEmpty {
            for record in open.replies { blameResult(of: record, reason: reason, at: now) }
        } else {
            for partition in owned(where: { open.shares[$0.place] != nil }) {
                park(partition, reason: reason, at: now)
            }
        }
    }

    /// A topic's limit is one of what is sent together: neighbours that were too large are each sent in smaller company before
    /// any is blamed.
    /// - Returns: whether that takes a new producer.
    private mutating func tooLarge(_ open: Settlement.Open, _ end: Abort, at now: Instant) -> Bool {
        if end.faults.count > 1, let bytes = settlement.cutBatchBytes() {
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
        guard settlement.lower(batchBytes: max(bytes, Limits.leastBatchBytes)) else { return }
        report(.batchBytesCut(to: settlement.producer.batchBytes))
        replaceProducer(after: .zero)
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
        if open.results.count > 1, batchLimit > 1 {
            batchLimit = max(1, open.results.count / 2)
        } else if open.results.count > 1 {
            // Of one session, whose records stay together.
            for record in open.results { blameResult(of: record, reason: reason, at: now) }
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
            dropLetter(of: open.deadLetters[index])
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

    /// The result says what the letter would have said, less where to find the record.
    mutating func dropLetter(of record: RecordID) {
        guard let partition = partition(record.place) else { return }
        partition.commands[record.offset]?.isLetterDropped = true
        partition.skipped.removeAll { $0.lowerBound == record.offset }
        report(.deadLetterDropped(record))
    }

    // MARK: Nobody knows

    mutating func commitUnknown(_ id: BatchID, isFenced: Bool, reason: String, at now: Instant) {
        guard let open = settlement.becameUnknown(id) else { return }
        producerFailure = reason
        report(.unknownCommit(reason: reason))
        if isFenced { fenced(since: open.formed, reason: reason, at: now) }
        replaceProducer(after: producerBackOff.failed())
    }

    mutating func producerReady(at now: Instant) {
        producerFailure = nil
        if let open = settlement.producerReady() { resolve(open, at: now) }
        subscribeIfReady()
    }

    /// That an id is locked says that whatever was open under it is decided, so that it can be traced, and the rest goes on
    /// under the slot's other id.
    mutating func producerFailed(isLocked: Bool, _ reason: String) {
        producerFailure = reason
        report(.producerFailed(reason: reason))
        if isLocked { switchProducer() }
        replaceProducer(after: producerBackOff.failed())
    }

    /// Asks the ledgers of those partitions that nobody else can have committed for since.
    mutating func resolve(_ open: Settlement.Open, at now: Instant) {
        let barrier = LedgerBarrier(transactionalID: configuration.transactionalID, process: configuration.processID)
        let questions = evidence(in: open).map { place in
            let share = open.shares[place] ?? .init()
            let finished = Set(share.offsets).union(share.newestFinished.map { [$0] } ?? [])
            return CommitQuestion(place: place, from: share.floor, barrier: barrier, finished: finished)
        }
        guard !questions.isEmpty else { return commitResolved(open.id, [:], at: now) }
        effects.append(.resolveCommit(open.id, questions, timeout: configuration.restoreTimeout))
    }

    /// The partitions of a batch that tell whether it committed: owned ever since, and with records that it finished.
    private func evidence(in open: Settlement.Open) -> [PartitionEpoch] {
        open.shares.filter { partition($0.key) != nil && $0.value.newestFinished != nil }.keys
            .sorted { $0.partition < $1.partition }
    }

    mutating func commitResolved(_ id: BatchID, _ found: [PartitionEpoch: Bool], at now: Instant) {
        guard let open = settlement.inResolution(id) else { return }
        let evidence = evidence(in: open)
        let words = evidence.compactMap { found[$0] }
        guard evidence.isEmpty || !words.isEmpty else {
            settlement.unresolved(id, retryAt: now + settleBackOff.failed())
            return
        }
        settlement.resolved(id)
        if words.contains(true) {
            report(.commitResolved(counted: true))
            counted(open, ledgerOffsets: [], at: now)
        } else {
            // Without evidence every partition with an outcome in it has gone: the next owners see what it left. What else is in it
            // can be written twice.
            report(.commitResolved(counted: evidence.isEmpty ? nil : false))
            takeBack(open, at: now)
        }
    }
}
