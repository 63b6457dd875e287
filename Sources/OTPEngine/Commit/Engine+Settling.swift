import DequeModule
import OTPContract

// Outcomes become visible: one transaction at a time, formed here and carried out by the shell.
extension Engine {
    /// When the outcomes that wait are to be settled at the latest; nil while none do.
    func nextSettling(at now: Instant) -> Instant? {
        if let oldestConclusion {
            let isUnhurried = unconcluded > 0 && drain.isRunning && revocation == nil
            return isUnhurried ? oldestConclusion + configuration.commitInterval : now
        }
        if partitions.values.contains(where: { $0.settles && (!$0.voids.isEmpty || !$0.skipped.isEmpty) }) {
            return now
        }
        if needsProof(at: now), partitions.values.contains(where: \.settles) { return now }
        if partitions.values.contains(where: { $0.settles && ($0.progress.hasMoved || $0.lacksOffset) }) {
            return lastCommit + Limits.idleCommit
        }
        return nil
    }

    private func needsProof(at now: Instant) -> Bool { !membership.isTrusted && membership.canProve(at: now) }

    mutating func formBatchIfDue(at now: Instant) {
        guard settlement.canForm(at: now) else { return }
        let waiting = partitions.values.reduce(0) { $0 + ($1.settles ? $1.concluded.count : 0) }
        guard waiting >= batchLimit || nextSettling(at: now).map({ $0 <= now }) == true else { return }
        formBatch(at: now)
    }

    private mutating func formBatch(at now: Instant) {
        if let denied = lettersDenied, now >= denied.until { lettersDenied = nil }
        var batch = Batch(id: BatchID(process: configuration.processID, counter: batchCounter + 1))
        var open = Settlement.Open(
            id: batch.id,
            formed: now,
            distrusts: membership.distrusts,
            results: [],
            ledger: [],
            deadLetters: [],
            shares: [:]
        )
        let settling = owned(where: \.settles)
        rotation = settling.isEmpty ? 0 : (rotation + 1) % settling.count
        var room = batchLimit
        for index in settling.indices {
            let partition = settling[(index + rotation) % settling.count]
            let share = share(of: partition, room: &room, batch: &batch, open: &open, at: now)
            let isWorthIt =
                !share.offsets.isEmpty || !share.voids.isEmpty || !share.skipped.isEmpty || partition.progress.hasMoved
                || partition.lacksOffset
            // An unchanged watermark proves that the broker still takes us for the owner.
            let isProof = needsProof(at: now) && open.shares.isEmpty && index == settling.count - 1
            if isWorthIt || isProof { add(share, of: partition, to: &batch, &open) }
        }
        let isEverythingTaken = settling.allSatisfy(\.concluded.isEmpty)
        oldestConclusion = isEverythingTaken ? nil : now
        guard !batch.offsets.isEmpty else { return }
        batchCounter += 1
        settlement.formed(open)
        effects.append(.commit(batch))
    }

    /// Puts as many of a partition's outcomes into the batch as there is room for.
    private mutating func share(
        of partition: Partition,
        room: inout Int,
        batch: inout Batch,
        open: inout Settlement.Open,
        at now: Instant
    ) -> Settlement.Share {
        var share = Settlement.Share()
        share.floor = partition.newestLedgerOffset
        var changed: [(SessionID, SessionDigest)] = []
        var seen: Set<SessionDigest> = []
        var isTold = false
        for command in takeConcluded(of: partition, room: &room) {
            command.state = .batched
            partition.progress.batched(command.offset)
            share.offsets.append(command.offset)
            appendResult(of: command, to: &batch, &open)
            guard case .command(let verify, let session, let fingerprint) = command.record.content,
                let conclusion = command.conclusion
            else { continue }
            isTold = isTold || conclusion.settles
            let entry = partition.ledger[session]
            if conclusion.leavesIntent {
                share.voids.append(.init(session: session, fingerprint: fingerprint, source: command.offset))
                append(.void(fingerprint), verify.sessionID, partition, to: &batch, &open)
            }
            // A doubt that the voided intent stood for must live on in the state.
            let keepsDoubt = conclusion.leavesIntent && entry.code(fingerprint)?.isDoubtful == true
            if conclusion.settles || keepsDoubt, seen.insert(session).inserted {
                changed.append((verify.sessionID, session))
            }
        }
        for command in partition.voids {
            guard case .command(let verify, let session, let fingerprint) = command.record.content else { continue }
            share.voids.append(.init(session: session, fingerprint: fingerprint, source: command.offset))
            append(.void(fingerprint), verify.sessionID, partition, to: &batch, &open)
            // The tombstone takes with it what an earlier record's intent of the same code stood for.
            if partition.ledger[session].code(fingerprint)?.isDoubtful == true, seen.insert(session).inserted {
                changed.append((verify.sessionID, session))
            }
        }
        partition.voids.removeAll()
        appendSkipped(of: partition, to: &share, &batch, &open, at: now)
        if !isTold, let finished = share.newestFinished { appendBarrier(of: partition, finished, to: &batch, &open) }
        for (id, session) in changed {
            let entry = partition.ledger[session]
            share.states.append(.init(index: batch.ledger.count, session: session, codes: entry.codes))
            append(.state(entry.codes, isClosed: entry.isClosed), id, partition, to: &batch, &open)
            let notes = entry.notes
            if !notes.isEmpty { append(.notes(notes), id, partition, to: &batch, &open) }
        }
        return share
    }

    /// The next outcomes, as many as there is room for, and whatever else has come of their sessions.
    ///
    /// A state speaks of the whole session, and is proof that the records it names are finished (``LedgerRestore/Horizon``): so
    /// none may be left for a later batch.
    private func takeConcluded(of partition: Partition, room: inout Int) -> [Command] {
        var sessions: Set<SessionDigest> = []
        for command in partition.voids { command.session.map { _ = sessions.insert($0) } }
        var taken: [Command] = []
        while room > 0, let command = partition.concluded.popFirst() {
            room -= 1
            taken.append(command)
            command.session.map { _ = sessions.insert($0) }
        }
        guard !partition.concluded.isEmpty, !sessions.isEmpty else { return taken }
        let isTaken = { (command: Command) in command.session.map(sessions.contains) ?? false }
        taken += partition.concluded.filter(isTaken)
        partition.concluded.removeAll(where: isTaken)
        room = max(0, room)
        return taken
    }

    /// A dead letter for each stretch that could not be decoded, naming where it lay.
    private mutating func appendSkipped(
        of partition: Partition,
        to share: inout Settlement.Share,
        _ batch: inout Batch,
        _ open: inout Settlement.Open,
        at now: Instant
    ) {
        for range in partition.skipped {
            let record = RecordID(place: partition.place, offset: range.lowerBound)
            guard lettersDenied == nil else {
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
            batch.deadLetters.append(.init(record: record, letter: letter))
            open.deadLetters.append(record)
        }
    }

    /// Where no state tells of a record that is finished here: see ``LedgerBarrier``.
    private func appendBarrier(
        of partition: Partition,
        _ finished: Int64,
        to batch: inout Batch,
        _ open: inout Settlement.Open
    ) {
        let barrier = LedgerBarrier(
            transactionalID: configuration.transactionalID,
            process: configuration.processID,
            finished: finished
        )
        batch.ledger.append(.init(partition: partition.place.partition, barrier: barrier))
        open.ledger.append(partition.place)
    }

    private func add(
        _ share: Settlement.Share,
        of partition: Partition,
        to batch: inout Batch,
        _ open: inout Settlement.Open
    ) {
        let (watermark, finished) = partition.progress.snapshot()
        let metadata = OffsetMetadata(
            clusterID: configuration.clusterID,
            watermark: watermark,
            batch: batch.id,
            ledgerOffset: max(partition.ledgerFloor, 0),
            finished: finished
        )
        var share = share
        share.watermark = watermark
        open.shares[partition.place] = share
        batch.offsets.append(.init(place: partition.place, offset: watermark, metadata: metadata.encoded))
    }

    private func append(
        _ content: LedgerRecord.Content,
        _ session: SessionID,
        _ partition: Partition,
        to batch: inout Batch,
        _ open: inout Settlement.Open
    ) {
        let record = LedgerRecord(session: session, content: content)
        batch.ledger.append(.init(partition: partition.place.partition, record: record))
        open.ledger.append(partition.place)
    }

    private mutating func appendResult(of command: Command, to batch: inout Batch, _ open: inout Settlement.Open) {
        guard let conclusion = command.conclusion else { return }
        let record = command.record
        let reply = command.isUndeliverable ? nil : record.reply
        batch.results.append(.init(record: record.id, event: result(of: command, conclusion), reply: reply))
        open.results.append(record.id)
        if reply != nil { open.replies.append(record.id) }
        guard case .unusable(let rejection) = record.content, !command.isLetterDropped else { return }
        guard lettersDenied == nil else { return dropLetter(of: record.id) }
        let letter = DeadLetter(
            source: coordinates(of: record.id),
            timestamp: record.timestamp,
            key: record.key,
            consumerGroup: configuration.group,
            reason: rejection.reason,
            headers: record.headers,
            replayCount: record.replayCount,
            value: record.value
        )
        batch.deadLetters.append(.init(record: record.id, letter: letter))
        open.deadLetters.append(record.id)
    }

    func coordinates(of id: RecordID) -> Coordinates {
        Coordinates(topic: configuration.topic, partition: id.place.partition, offset: id.offset)
    }

    private func result(of command: Command, _ conclusion: Command.Conclusion) -> ResultEvent {
        let outcome = conclusion.outcome
        var event = ResultEvent(
            commandID: "",
            sessionID: nil,
            status: outcome.reason.status,
            reason: outcome.reason,
            retryable: outcome.retryable,
            inDoubt: conclusion.inDoubt,
            replayed: conclusion.replayed,
            first: conclusion.first.map { first in
                let place = RecordID(place: command.record.id.place, offset: first.offset)
                return ResultEvent.First(source: coordinates(of: place), commandID: first.commandID)
            },
            code: outcome.code,
            message: command.isUndeliverable ? nil : outcome.message,
            httpStatus: outcome.httpStatus,
            calls: command.attempts,
            maskedPhone: nil,
            receivedAt: command.receivedWall,
            completedAt: conclusion.at,
            source: coordinates(of: command.record.id),
            worker: configuration.worker,
            echo: command.isUndeliverable ? [] : EchoHeaders.select(from: command.record.headers),
            undeliverable: command.isUndeliverable
        )
        switch command.record.content {
        case .command(let verify, _, _):
            event.commandID = verify.commandID
            event.sessionID = verify.sessionID
            event.maskedPhone = verify.phone.masked
        case .unusable(let rejection):
            event.commandID = rejection.commandID
            event.sessionID = rejection.sessionID
        }
        return event
    }

    func isInOpenBatch(_ place: PartitionEpoch) -> Bool {
        switch settlement.state {
        case .committing(let open), .unknown(let open), .resolving(let open), .resolvingAgain(let open, _):
            open.shares[place] != nil
        case .waitingForProducer, .idle, .backingOff: false
        }
    }
}
