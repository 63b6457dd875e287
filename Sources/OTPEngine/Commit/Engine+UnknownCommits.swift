import OTPContract

// Nobody knows how a transaction ended: a new producer makes the broker decide, and the ledger tells.
extension Engine {
    mutating func commitUnknown(_ id: BatchID, isFenced: Bool, reason: String, at now: Instant) {
        guard let open = committing.becameUnknown(id, reason: reason) else { return }
        report(.unknownCommit(reason: reason))
        if isFenced { fenced(since: open.formed, reason: reason, at: now) }
        effects.append(committing.replacement())
    }

    mutating func producerReady(at now: Instant) {
        if let open = committing.producerReady() { resolve(open, at: now) }
        subscribeIfReady()
    }

    /// That an id is locked says that whatever was open under it is decided, so that it can be traced, and the rest goes on
    /// under the slot's other id.
    mutating func producerFailed(isLocked: Bool, _ reason: String) {
        committing.producerLost(reason: reason)
        report(.producerFailed(reason: reason))
        if isLocked { report(committing.switched()) }
        effects.append(committing.replacement())
    }

    /// Asks the ledgers of those partitions that nobody else can have committed for since.
    mutating func resolve(_ open: TransactionState.Open, at now: Instant) {
        let barrier = LedgerBarrier(transactionalID: configuration.transactionalID, process: configuration.processID)
        let questions = evidence(in: open).map { epoch in
            let share = open.shares[epoch] ?? .init()
            let finished = Set(share.offsets).union(share.newestFinished.map { [$0] } ?? [])
            return CommitQuestion(epoch: epoch, from: share.floor, barrier: barrier, finished: finished)
        }
        guard !questions.isEmpty else { return commitResolved(open.id, [:], at: now) }
        effects.append(.resolveCommit(open.id, questions, timeout: configuration.restoreTimeout))
    }

    /// The partitions of a batch that tell whether it committed: owned ever since, and with records that it finished.
    private func evidence(in open: TransactionState.Open) -> [PartitionEpoch] {
        open.shares.filter { partitions[$0.key] != nil && $0.value.newestFinished != nil }.keys
            .sorted { $0.partition < $1.partition }
    }

    mutating func commitResolved(_ id: BatchID, _ found: [PartitionEpoch: Bool], at now: Instant) {
        guard let open = committing.transaction.inResolution(id) else { return }
        let evidence = evidence(in: open)
        let words = evidence.compactMap { found[$0] }
        guard evidence.isEmpty || !words.isEmpty else {
            committing.unresolved(id, at: now)
            return
        }
        committing.resolved(id)
        if words.contains(true) {
            report(.commitResolved(counted: true))
            counted(open, ledgerOffsets: [], at: now)
        } else {
            // Without evidence every partition with an outcome in it has gone: the next owners see what it left. What else is in it
            // can be written twice.
            report(.commitResolved(counted: evidence.isEmpty ? nil : false))
            requeue(open, at: now)
        }
    }
}
