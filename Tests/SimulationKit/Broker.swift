import Engine

/// One transaction as its coordinator knows it.
final class Transaction {
    enum Outcome { case open, committed, aborted }

    let producer: TransactionalID
    let process: Process
    let batch: Batch
    var outcome = Outcome.open
    var ledgers: [LedgerLog] = []
    /// Ledger offsets of the batch's writes, in its order.
    var ledgerOffsets: [Int64] = []
    var offsets: [Int32: CommittedOffset] = [:]
    var markersLeft = 0

    init(producer: TransactionalID, process: Process, batch: Batch) {
        self.producer = producer
        self.process = process
        self.batch = batch
    }
}

/// Who may write under one transactional id: only the newest epoch.
final class TransactionalID {
    let name: String
    var epoch = 0
    /// Open, or decided with markers still to be written.
    var current: Transaction?
    var waiters: [() -> Void] = []

    init(name: String) { self.name = name }
}

struct CommittedOffset {
    var offset: Int64
    var metadata: String
}

/// Who sends offsets, as the consumer knew it when it was asked.
struct GroupMetadata {
    var memberID: String
    var generation: Int
}

enum BrokerReply { case done, fenced, stale }

/// The cluster: ledger and command partitions, transactions, and the group's offsets.
///
/// Strict: it fences by producer epoch and by generation, and shows nothing undecided to a read_committed reader.
final class Broker {
    let world: World
    let oracle: Oracle
    let commands: [CommandLog]
    let ledgers: [LedgerLog]
    let group: Group
    private var producers: [String: TransactionalID] = [:]
    private var committed: [Int32: CommittedOffset] = [:]
    private var pending: [Int32: [Transaction]] = [:]
    private var offsetWaiters: [() -> Void] = []
    /// The ledger partitions, and the default topic (-1), that refuse records for now.
    var refusing: Set<Int32> = []

    init(world: World, oracle: Oracle) {
        self.world = world
        self.oracle = oracle
        commands = (0..<world.plan.partitions).map { CommandLog(partition: $0) }
        ledgers = (0..<world.plan.partitions).map { _ in LedgerLog() }
        group = Group(world: world)
    }

    func tearDown() {
        for producer in producers.values {
            producer.current = nil
            producer.waiters = []
        }
        for ledger in ledgers { ledger.tearDown() }
        pending = [:]
        offsetWaiters = []
        group.tearDown()
    }

    // MARK: Transactions

    func producer(_ name: String) -> TransactionalID {
        if let known = producers[name] { return known }
        let new = TransactionalID(name: name)
        producers[name] = new
        return new
    }

    /// `init_transactions`: fences every older producer of that id and decides what it left open.
    func initialise(_ producer: TransactionalID, _ reply: @escaping (Int) -> Void) {
        producer.epoch += 1
        let epoch = producer.epoch
        guard let current = producer.current else { return reply(epoch) }
        if current.outcome == .open { decide(current, .aborted) }
        producer.waiters.append { reply(epoch) }
    }

    func begin(
        _ producer: TransactionalID,
        epoch: Int,
        _ process: Process,
        _ batch: Batch,
        _ reply: @escaping (Transaction?) -> Void
    ) {
        guard epoch == producer.epoch else { return reply(nil) }
        if producer.current != nil {
            producer.waiters.append { [self] in begin(producer, epoch: epoch, process, batch, reply) }
            return
        }
        let transaction = Transaction(producer: producer, process: process, batch: batch)
        producer.current = transaction
        world.after(Plan.transactionTimeout + world.delay(0, sec(10))) { [self] in
            guard transaction.outcome == .open else { return }
            producer.epoch += 1
            world.trace("broker: \(producer.name)'s transaction timed out")
            decide(transaction, .aborted)
        }
        reply(transaction)
    }

    /// Appends the batch's ledger writes `range`.
    func append(_ transaction: Transaction, epoch: Int, _ range: Range<Int>) -> BrokerReply {
        guard epoch == transaction.producer.epoch, transaction.outcome == .open else { return .fenced }
        for index in range {
            let write = transaction.batch.ledger[index]
            let ledger = ledgers[Int(write.partition)]
            if !transaction.ledgers.contains(where: { $0 === ledger }) { transaction.ledgers.append(ledger) }
            let offset = ledger.append(
                key: write.record.key,
                value: write.record.value,
                milliseconds: world.wall,
                transaction: transaction
            )
            transaction.ledgerOffsets.append(offset)
        }
        return .done
    }

    func send(_ transaction: Transaction, epoch: Int, metadata: GroupMetadata?) -> BrokerReply {
        guard epoch == transaction.producer.epoch, transaction.outcome == .open else { return .fenced }
        // Without a member the broker does not fence; it is the worker that must not send that.
        if let metadata, !group.accepts(metadata) { return .stale }
        for offset in transaction.batch.offsets {
            let partition = offset.place.partition
            if offset.metadata.utf8.count > Limits.offsetMetadataBytes { world.violate("metadata beyond the limit") }
            transaction.offsets[partition] = CommittedOffset(offset: offset.offset, metadata: offset.metadata)
            pending[partition, default: []].append(transaction)
        }
        return .done
    }

    func end(_ transaction: Transaction, epoch: Int, commits: Bool) -> BrokerReply {
        guard epoch == transaction.producer.epoch, transaction.outcome == .open else { return .fenced }
        decide(transaction, commits ? .committed : .aborted)
        return .done
    }

    private func decide(_ transaction: Transaction, _ outcome: Transaction.Outcome) {
        transaction.outcome = outcome
        world.trace("broker: \(transaction.producer.name)'s batch \(transaction.batch.id.counter) \(outcome)")
        if outcome == .committed { oracle.committed(transaction) }
        let markers =
            transaction.ledgers.map { ledger in { ledger.complete(transaction) } } + [
                { self.completeOffsets(transaction) }
            ]
        transaction.markersLeft = markers.count
        for marker in markers {
            let slow = world.strikes(.slowMarkers, 0.05) ? world.delay(0, sec(8)) : 0
            world.after(world.delay(ms(1), ms(20)) + slow) { [self] in
                marker()
                transaction.markersLeft -= 1
                if transaction.markersLeft == 0 { completed(transaction) }
            }
        }
    }

    private func completeOffsets(_ transaction: Transaction) {
        for (partition, offset) in transaction.offsets {
            pending[partition]?.removeAll { $0 === transaction }
            if transaction.outcome == .committed { committed[partition] = offset }
        }
        let due = offsetWaiters
        offsetWaiters = []
        for body in due { body() }
    }

    private func completed(_ transaction: Transaction) {
        let producer = transaction.producer
        producer.current = nil
        let due = producer.waiters
        producer.waiters = []
        for body in due { body() }
    }

    // MARK: The group's offsets

    /// Answers as soon as no transactional offset of these partitions is pending; false after `timeout`.
    func whenStable(_ partitions: [Int32], until deadline: Int64, _ reply: @escaping (Bool) -> Void) {
        if partitions.allSatisfy({ pending[$0]?.isEmpty ?? true }) { return reply(true) }
        var isAnswered = false
        world.at(deadline) {
            if !isAnswered {
                isAnswered = true
                reply(false)
            }
        }
        offsetWaiters.append { [self] in
            guard !isAnswered else { return }
            isAnswered = true
            whenStable(partitions, until: deadline, reply)
        }
    }

    func committedOffset(_ partition: Int32) -> CommittedOffset? { committed[partition] }
}
