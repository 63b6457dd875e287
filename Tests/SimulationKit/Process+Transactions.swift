import OTPContract
import OTPEngine

// The transaction thread: begin, produce, flush, send offsets, commit; or a new producer.
extension Process {
    private func transactionThread(_ job: @escaping () -> Void) {
        world.after(world.delay(0, ms(1))) { [self] in
            gate { [self] in
                if let next = transactionJobs.add(job) { next() }
            }
        }
    }

    private func finished(_ event: Event) {
        toLoop(.transactions, event)
        if let next = transactionJobs.finished() { next() }
    }

    // MARK: A new producer

    private var producer: TransactionalID { producers[choice.isAlternate ? 1 : 0] }

    func replaceProducer(_ choice: ProducerChoice, after delay: Duration) {
        transactionThread { [self] in
            later(delay.nanoseconds) { [self] in
                self.choice = choice
                let fails = world.strikes(.initFails, 0.15)
                rpc(.brokers) { [self] answer in
                    broker.initialise(producer) { epoch in answer { self.initialised(epoch, fails: fails) } }
                } failed: { [self] in
                    finished(.producerFailed(isLocked: false, reason: "timed out"))
                }
            }
        }
    }

    private func initialised(_ epoch: Int?, fails: Bool) {
        guard let epoch else { return finished(.producerFailed(isLocked: true, reason: "locked")) }
        guard !fails else { return finished(.producerFailed(isLocked: false, reason: "refused")) }
        producerEpoch = epoch
        finished(.producerReady)
    }

    // MARK: A transaction

    func commit(_ batch: Batch) {
        oracle.formed(batch, by: self)
        // On the loop, now: what a later moment says of the membership would not fit what the batch holds.
        let captured = consumer?.metadata
        if hasJoinedEarly {
            consumer?.fail("joined again early")
            let reason = "joined again before everything was given back"
            return toLoop(.transactions, aborted(batch.id, .unknownMember, [], isProducerLost: false, reason))
        }
        transactionThread { [self] in
            let attempt = Attempt(batch: batch, metadata: captured, epoch: producerEpoch)
            crashMaybe()
            rpc(.brokers) { [self] answer in
                broker.begin(producer, epoch: attempt.epoch, self, batch, isWanted: { !attempt.isGivenUp }) {
                    transaction in
                    answer {
                        guard !attempt.isGivenUp else { return }
                        attempt.isBegun = true
                        self.begun(attempt, transaction)
                    }
                }
                waitForBegin(attempt, until: world.now + Plan.transactionTimeout)
            } failed: { [self] in
                abandoned(attempt, "begin timed out")
            }
        }
    }

    private final class Attempt {
        let batch: Batch
        let metadata: GroupMetadata?
        let epoch: Int
        var transaction: Transaction?
        var isBegun = false
        var isGivenUp = false

        init(batch: Batch, metadata: GroupMetadata?, epoch: Int) {
            self.batch = batch
            self.metadata = metadata
            self.epoch = epoch
        }
    }

    /// Behind a decided transaction of the same id that cannot be written down everywhere, nothing begins.
    private func waitForBegin(_ attempt: Attempt, until end: Int64) {
        later(ms(100)) { [self] in
            guard !attempt.isBegun, !attempt.isGivenUp else { return }
            if world.now >= end || cancelled == attempt.batch.id {
                attempt.isGivenUp = true
                abandoned(attempt, "begin timed out")
            } else {
                waitForBegin(attempt, until: end)
            }
        }
    }

    private func crashMaybe() {
        if world.strikes(.crashInTransaction, 0.01) { crash("in a transaction") }
    }

    private func begun(_ attempt: Attempt, _ transaction: Transaction?) {
        guard let transaction else { return lost(attempt, isFenced: true, "fenced at begin") }
        attempt.transaction = transaction
        waitForLeaders(attempt, transaction, until: world.now + Plan.transactionTimeout)
    }

    /// Records for a partition without a leader are kept until it has one, until the time-out, or until somebody gives up.
    private func waitForLeaders(_ attempt: Attempt, _ transaction: Transaction, until end: Int64) {
        if broker.areLettersDenied, !attempt.batch.deadLetters.isEmpty {
            // Refused as a whole: nothing was added to the transaction, and its abort is refused too.
            broker.forget(transaction)
            return finished(aborted(attempt.batch.id, .denied, [], isProducerLost: true, "not authorised"))
        }
        if broker.isStuck(attempt.batch) {
            guard world.now < end, cancelled != attempt.batch.id else {
                return abort(attempt, .transient, [], "no leader")
            }
            return later(ms(100)) { [self] in waitForLeaders(attempt, transaction, until: end) }
        }
        produceAll(attempt, transaction)
    }

    private func produceAll(_ attempt: Attempt, _ transaction: Transaction) {
        let count = attempt.batch.ledger.count
        let middle = count > 1 ? Int(world.uniform(0...Int64(count))) : count
        produce(attempt, transaction, [0..<middle, middle..<count])
    }

    private func produce(_ attempt: Attempt, _ transaction: Transaction, _ ranges: [Range<Int>]) {
        crashMaybe()
        guard let range = ranges.first else { return flushed(attempt, transaction) }
        rpc(.brokers) { [self] answer in
            let reply = broker.append(transaction, epoch: attempt.epoch, range)
            answer { [self] in
                guard case .done = reply else { return lost(attempt, isFenced: true, "fenced at produce") }
                produce(attempt, transaction, Array(ranges.dropFirst()))
            }
        } failed: { [self] in
            abort(attempt, .transient, [], "produce timed out")
        }
    }

    private func flushed(_ attempt: Attempt, _ transaction: Transaction) {
        if let neighbours = tooLarge(attempt.batch) {
            return abort(attempt, .tooLarge, neighbours, "too large")
        }
        let faults = refused(attempt.batch)
        if !faults.isEmpty {
            let isUnnamed = world.strikes(.faultsUnnamed, 0.6)
            world.coverage.hit(.transition(isUnnamed ? .abortedOutputsUnnamed : .abortedOutputsNamed))
            return abort(attempt, .outputs, isUnnamed ? [] : faults, "refused")
        }
        if world.strikes(.transactionTransient, 0.08) { return abort(attempt, .transient, [], "try later") }
        if world.strikes(.fatalProducer, 0.02) { return lost(attempt, isFenced: false, "fatal") }
        let stall = world.strikes(.transactionStalls, 0.05) ? world.delay(sec(1), sec(25)) : 0
        later(stall) { [self] in sendOffsets(attempt, transaction) }
    }

    /// Results of one partition that go together in a request that the topic does not take.
    private func tooLarge(_ batch: Batch) -> [OutputReference]? {
        guard let largest = broker.largestBatch, choice.batchBytes > largest else { return nil }
        let byPartition = Dictionary(grouping: batch.results.indices) { batch.results[$0].record.epoch.partition }
        let neighbours = byPartition.values.filter { $0.count > 1 }.flatMap { $0 }.sorted()
        return neighbours.isEmpty ? nil : neighbours.map { .result($0) }
    }

    /// The outputs that the brokers refuse for good.
    private func refused(_ batch: Batch) -> [OutputReference] {
        var faults: [OutputReference] = []
        for (index, result) in batch.results.enumerated() {
            let record = broker.commands[Int(result.record.epoch.partition)].record(result.record.offset)
            let isTooLarge = record?.isPoison == true && !result.event.echo.isEmpty
            if isTooLarge {
                world.coverage.hit(.fault(.resultRefused))
                faults.append(.result(index))
            } else if broker.refusing.contains(-1) {
                faults.append(.result(index))
            }
        }
        for (index, letter) in batch.deadLetters.enumerated()
        where broker.commands[Int(letter.record.epoch.partition)].record(letter.record.offset)?.isPoison == true {
            world.coverage.hit(.fault(.letterRefused))
            faults.append(.deadLetter(index))
        }
        for (index, write) in batch.ledger.enumerated() where broker.refusing.contains(write.partition) {
            faults.append(.ledger(index))
        }
        return faults
    }

    private func sendOffsets(_ attempt: Attempt, _ transaction: Transaction) {
        crashMaybe()
        let metadata = shellFaults.contains(.metadataNewerThanBatch) ? consumer?.metadata : attempt.metadata
        if metadata == nil, !shellFaults.contains(.metadataWithoutMember) {
            return abort(attempt, .unknownMember, [], "no membership")
        }
        rpc(.group) { [self] answer in
            let reply = broker.send(transaction, epoch: attempt.epoch, metadata: metadata)
            answer { [self] in
                switch reply {
                case .done: end(attempt, transaction)
                case .stale: abort(attempt, .stale, [], "stale generation")
                case .unknownMember: abort(attempt, .unknownMember, [], "unknown member")
                case .fenced: lost(attempt, isFenced: true, "fenced at offsets")
                }
            }
        } failed: { [self] in
            abort(attempt, .transient, [], "the coordinator is silent")
        }
    }

    private func end(_ attempt: Attempt, _ transaction: Transaction) {
        crashMaybe()
        let stall = world.strikes(.transactionStalls, 0.05) ? world.delay(sec(1), sec(25)) : 0
        if world.strikes(.freezeInTransaction, 0.02) { freezeForLong() }
        later(stall) { [self] in
            let isLostBefore = world.strikes(.commitAnswerLostUnapplied, 0.03)
            let isLostAfter = world.strikes(.commitAnswerLost, 0.04)
            if isLostBefore { return unknown(attempt, "the request was lost") }
            rpc(.brokers) { [self] answer in
                let reply = broker.end(transaction, epoch: attempt.epoch, commits: true)
                answer { [self] in
                    if isLostAfter { return unknown(attempt, "the answer was lost") }
                    guard case .done = reply else {
                        return finished(
                            .commitUnknown(attempt.batch.id, isFenced: true, reason: "fenced at commit")
                        )
                    }
                    committed(attempt, transaction)
                }
            } failed: { [self] in
                unknown(attempt, "commit timed out")
            }
            crashMaybe()
        }
    }

    private func committed(_ attempt: Attempt, _ transaction: Transaction) {
        var offsets: [Int64?] = transaction.ledgerOffsets
        if world.strikes(.ledgerOffsetsUnsaid, 0.1) { offsets = offsets.map { world.flip(0.5) ? $0 : nil } }
        crashMaybe()
        finished(.committed(attempt.batch.id, ledgerOffsets: offsets))
    }

    private func unknown(_ attempt: Attempt, _ reason: String) {
        if shellFaults.contains(.unknownTakenForAborted) {
            return finished(aborted(attempt.batch.id, .transient, [], isProducerLost: false, reason))
        }
        finished(.commitUnknown(attempt.batch.id, isFenced: false, reason: reason))
    }

    /// The producer broke or was fenced before its commit, so nothing is or ever will be visible.
    private func lost(_ attempt: Attempt, isFenced: Bool, _ reason: String) {
        finished(aborted(attempt.batch.id, isFenced ? .fenced : .transient, [], isProducerLost: true, reason))
    }

    /// Nothing had begun.
    private func abandoned(_ attempt: Attempt, _ reason: String) {
        finished(aborted(attempt.batch.id, .transient, [], isProducerLost: false, reason))
    }

    private func aborted(
        _ id: BatchID,
        _ cause: AbortCause,
        _ faults: [OutputReference],
        isProducerLost: Bool,
        _ reason: String
    ) -> Event {
        .commitAborted(id, cause, faults: faults, isProducerLost: isProducerLost, reason: reason)
    }

    private func abort(_ attempt: Attempt, _ cause: AbortCause, _ faults: [OutputReference], _ reason: String) {
        guard let transaction = attempt.transaction else { return abandoned(attempt, reason) }
        rpc(.brokers) { [self] answer in
            let reply = broker.end(transaction, epoch: attempt.epoch, commits: false)
            answer { [self] in
                guard case .done = reply else { return lost(attempt, isFenced: true, "fenced at abort") }
                finished(aborted(attempt.batch.id, cause, faults, isProducerLost: false, reason))
            }
        } failed: { [self] in
            // It may stay open until it times out; it will never commit.
            finished(aborted(attempt.batch.id, cause, faults, isProducerLost: true, "abort timed out"))
        }
    }
}
