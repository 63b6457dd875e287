import OTPContract

// Outcomes become visible: one transaction at a time, formed here and carried out by the shell.
extension Engine {
    /// When the outcomes that wait are to be committed at the latest; nil while none do.
    func nextCommit(at now: Instant) -> Instant? {
        if committing.hasOutcomes {
            let isUnhurried = intake.unconcluded > 0 && group.isRunning && group.revocation == nil
            return isUnhurried ? committing.nextInPace : now
        }
        let committable = partitions.all.lazy.filter(\.canCommit)
        if committable.contains(where: \.hasNews) { return now }
        if group.needsProof(at: now), !committable.isEmpty { return now }
        if committable.contains(where: \.hasMoved) { return committing.lastCommit + Limits.idleCommit }
        return nil
    }

    mutating func formBatchIfDue(at now: Instant) {
        guard committing.transaction.canForm(at: now) else { return }
        let waiting = partitions.all.reduce(0) { $0 + ($1.canCommit ? $1.uncommitted.concluded.count : 0) }
        guard waiting >= committing.limit || nextCommit(at: now).map({ $0 <= now }) == true else { return }
        formBatch(at: now)
    }

    private mutating func formBatch(at now: Instant) {
        let id = BatchID(process: configuration.processID, counter: committing.begins(at: now))
        var forming = Forming(id: id, at: now, leaseLosses: group.membership.leaseLosses)
        let committable = partitions.inOrder(where: \.canCommit)
        let first = committing.rotated(among: committable.count)
        var room = committing.limit
        for index in committable.indices {
            let partition = committable[(index + first) % committable.count]
            let share = share(of: partition, room: &room, &forming, at: now)
            let isWorthIt =
                !share.offsets.isEmpty || !share.voids.isEmpty || !share.skipped.isEmpty || partition.hasMoved
            // An unchanged offset, committed again, proves that the broker still takes us for the owner.
            let isProof = group.needsProof(at: now) && forming.open.shares.isEmpty && index == committable.count - 1
            if isWorthIt || isProof { add(share, of: partition, to: &forming) }
        }
        committing.collected(isEverything: committable.allSatisfy(\.uncommitted.concluded.isEmpty))
        guard !forming.batch.offsets.isEmpty else { return }
        committing.formed(forming.open)
        effects.append(.commit(forming.batch))
    }

    /// Puts as many of a partition's outcomes into the batch as there is room for.
    private mutating func share(
        of partition: Partition,
        room: inout Int,
        _ forming: inout Forming,
        at now: Instant
    ) -> TransactionState.Share {
        var share = TransactionState.Share()
        share.floor = partition.tail.newest
        var changed: [(SessionID, SessionDigest)] = []
        var seen: Set<SessionDigest> = []
        var isTold = false
        for command in partition.uncommitted.dequeueConcluded(room: &room) {
            command.batched()
            partition.progress.batched(command.offset)
            share.offsets.append(command.offset)
            appendResult(of: command, to: &forming)
            guard case .command(let verify, let session, let fingerprint) = command.record.content,
                let conclusion = command.conclusion
            else { continue }
            isTold = isTold || conclusion.concludesCode
            let entry = partition.ledger[session]
            if conclusion.leavesIntent {
                share.voids.append(.init(session: session, fingerprint: fingerprint, source: command.offset))
                forming.append(.void(fingerprint), verify.sessionID, partition.epoch)
            }
            // A doubt that the voided intent stood for must live on in the state.
            let keepsDoubt = conclusion.leavesIntent && entry.code(fingerprint)?.isDoubtful == true
            if conclusion.concludesCode || keepsDoubt, seen.insert(session).inserted {
                changed.append((verify.sessionID, session))
            }
        }
        for command in partition.uncommitted.dequeueVoids() {
            guard case .command(let verify, let session, let fingerprint) = command.record.content else { continue }
            share.voids.append(.init(session: session, fingerprint: fingerprint, source: command.offset))
            forming.append(.void(fingerprint), verify.sessionID, partition.epoch)
            // The tombstone takes with it what an earlier record's intent of the same code stood for.
            if partition.ledger[session].code(fingerprint)?.isDoubtful == true, seen.insert(session).inserted {
                changed.append((verify.sessionID, session))
            }
        }
        appendSkipped(of: partition, to: &share, &forming, at: now)
        if !isTold, let finished = share.newestFinished { appendBarrier(of: partition, finished, to: &forming) }
        for (id, session) in changed {
            let entry = partition.ledger[session]
            share.states.append(.init(index: forming.batch.ledger.count, session: session, codes: entry.codes))
            forming.append(.state(entry.codes, isClosed: entry.isClosed), id, partition.epoch)
            let notes = entry.notes
            if !notes.isEmpty { forming.append(.notes(notes), id, partition.epoch) }
        }
        return share
    }

    /// A dead letter for each stretch that could not be decoded, naming where it lay.
    private mutating func appendSkipped(
        of partition: Partition,
        to share: inout TransactionState.Share,
        _ forming: inout Forming,
        at now: Instant
    ) {
        // One beyond the window cannot be told as finished yet: it waits for the committed offset, as what comes after it does.
        for range in partition.uncommitted.skipped where partition.hasPassed(range) {
            let record = RecordID(epoch: partition.epoch, offset: range.lowerBound)
            guard committing.lettersDenied == nil else {
                dropLetter(of: record)
                continue
            }
            var letter = DeadLetter(
                source: coordinates(of: record),
                timestamp: wall(at: now),
                key: nil,
                consumerGroup: configuration.group,
                reason: .undecodable,
                headers: []
            )
            letter.lastOffset = range.upperBound - 1
            share.skipped.append(range)
            forming.append(letter, of: record)
        }
    }

    /// Where no state tells of a record that is finished here: see ``LedgerBarrier``.
    private func appendBarrier(of partition: Partition, _ finished: Int64, to forming: inout Forming) {
        let barrier = LedgerBarrier(
            transactionalID: configuration.transactionalID,
            process: configuration.processID,
            finished: finished
        )
        forming.append(barrier, partition.epoch)
    }

    private func add(_ share: TransactionState.Share, of partition: Partition, to forming: inout Forming) {
        let (offset, finished) = partition.progress.snapshot()
        let metadata = OffsetMetadata(
            clusterID: configuration.clusterID,
            committedOffset: offset,
            batch: forming.batch.id,
            ledgerOffset: max(partition.ledgerFloor, 0),
            finished: finished
        )
        forming.append(share, partition.epoch, offset: offset, metadata: metadata.encoded)
    }
}
