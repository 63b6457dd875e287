import OTPEngine

/// One transaction as its coordinator knows it.
final class Transaction {
    enum Outcome { case open, committed, aborted }

    let producer: TransactionalID
    let process: Process
    let batch: Batch
    var outcome = Outcome.open
    var ledgers: [LedgerLog] = []
    /// Partitions of the results, and of the ledger, that it was begun for: each needs its marker.
    let results: Set<Int32>
    let touchedLedgers: Set<Int32>
    /// Ledger offsets of the batch's writes, in its order.
    var ledgerOffsets: [Int64] = []
    var offsets: [Int32: CommittedOffset] = [:]
    var markersLeft = 0

    init(producer: TransactionalID, process: Process, batch: Batch) {
        self.producer = producer
        self.process = process
        self.batch = batch
        results = Set(batch.results.map(\.record.epoch.partition))
        touchedLedgers = Set(batch.ledger.map(\.partition))
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
    /// Its position in the log of the group's offsets: a marker that comes late makes nothing older win.
    var position: Int
}

/// Who sends offsets, as the consumer knew it when it was asked.
struct GroupMetadata {
    var memberID: String
    var generation: Int
}

enum BrokerReply { case done, fenced, stale, unknownMember }

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
    /// All that was ever committed, for a coordinator that has been deposed and does not know it.
    private var history: [Int32: [CommittedOffset]] = [:]
    private var pending: [Int32: [Transaction]] = [:]
    private var offsetsWritten = 0
    private var offsetWaiters: [() -> Void] = []
    /// The ledger partitions, and the default topic (-1), that refuse records for now.
    var refusing: Set<Int32> = []
    /// Partitions of the ledger and of the results without a leader.
    private(set) var ledgersWithoutLeader: Set<Int32> = []
    private(set) var resultsWithoutLeader: Set<Int32> = []
    private var leaderWaiters: [() -> Void] = []
    /// Bytes of a batch that the results take; nil: any.
    var largestBatch: Int?
    var areLettersDenied = false

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
        leaderWaiters = []
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
    ///
    /// The reply is nil where that could not be written down everywhere within the caller's patience.
    func initialise(_ producer: TransactionalID, _ reply: @escaping (Int?) -> Void) {
        producer.epoch += 1
        let epoch = producer.epoch
        guard let current = producer.current else { return reply(epoch) }
        if current.outcome == .open { decide(current, .aborted) }
        var isAnswered = false
        producer.waiters.append {
            guard !isAnswered else { return }
            isAnswered = true
            reply(epoch)
        }
        world.after(sec(2)) {
            guard !isAnswered else { return }
            isAnswered = true
            reply(nil)
        }
    }

    // MARK: Leaders

    func lose(ledger partition: Int32) { ledgersWithoutLeader.insert(partition) }
    func lose(results partition: Int32) { resultsWithoutLeader.insert(partition) }

    func restoreLeaders(ledger: Int32? = nil, results: Int32? = nil) {
        if let ledger { ledgersWithoutLeader.remove(ledger) }
        if let results { resultsWithoutLeader.remove(results) }
        let due = leaderWaiters
        leaderWaiters = []
        for body in due { body() }
    }

    func restoreAllLeaders() {
        ledgersWithoutLeader = []
        resultsWithoutLeader = []
        restoreLeaders()
    }

    private func whenLed(ledger: Int32? = nil, results: Int32? = nil, _ body: @escaping () -> Void) {
        if ledger.map(ledgersWithoutLeader.contains) ?? resultsWithoutLeader.contains(results ?? -1) {
            leaderWaiters.append { [self] in whenLed(ledger: ledger, results: results, body) }
        } else {
            body()
        }
    }

    /// Whether some partition that the batch is to be written to has no leader.
    func isStuck(_ batch: Batch) -> Bool {
        batch.results.contains { resultsWithoutLeader.contains($0.record.epoch.partition) }
            || batch.ledger.contains { ledgersWithoutLeader.contains($0.partition) }
    }

    /// What the cluster's metadata says.
    var unwritable: [Int32: String] {
        var found: [Int32: String] = [:]
        for partition in resultsWithoutLeader { found[partition] = "results without a leader" }
        for partition in ledgersWithoutLeader { found[partition] = "ledger without a leader" }
        return found
    }

    func begin(
        _ producer: TransactionalID,
        epoch: Int,
        _ process: Process,
        _ batch: Batch,
        isWanted: @escaping () -> Bool,
        _ reply: @escaping (Transaction?) -> Void
    ) {
        guard isWanted() else { return }
        guard epoch == producer.epoch else { return reply(nil) }
        if producer.current != nil {
            producer.waiters.append { [self] in
                begin(producer, epoch: epoch, process, batch, isWanted: isWanted, reply)
            }
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

    /// Not one partition was added to it: it does not exist.
    func forget(_ transaction: Transaction) {
        transaction.outcome = .aborted
        completed(transaction)
    }

    /// Appends the batch's ledger writes `range`.
    func append(_ transaction: Transaction, epoch: Int, _ range: Range<Int>) -> BrokerReply {
        guard epoch == transaction.producer.epoch, transaction.outcome == .open else { return .fenced }
        for index in range {
            let write = transaction.batch.ledger[index]
            let ledger = ledgers[Int(write.partition)]
            if !transaction.ledgers.contains(where: { $0 === ledger }) { transaction.ledgers.append(ledger) }
            let offset = ledger.append(
                key: write.key,
                value: write.value,
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
        if let metadata, !group.accepts(metadata) {
            return group.knows(metadata.memberID) ? .stale : .unknownMember
        }
        for offset in transaction.batch.offsets {
            let partition = offset.epoch.partition
            if offset.metadata.utf8.count > Limits.offsetMetadataBytes { world.violate("metadata beyond the limit") }
            offsetsWritten += 1
            transaction.offsets[partition] = CommittedOffset(
                offset: offset.offset,
                metadata: offset.metadata,
                position: offsetsWritten
            )
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
        let marked = { [self] in
            transaction.markersLeft -= 1
            if transaction.markersLeft == 0 { completed(transaction) }
        }
        var markers: [() -> Void] = [
            {
                self.completeOffsets(transaction)
                marked()
            }
        ]
        for partition in transaction.touchedLedgers.sorted() {
            markers.append { [self] in
                whenLed(ledger: partition) { [self] in
                    ledgers[Int(partition)].complete(transaction)
                    marked()
                }
            }
        }
        for partition in transaction.results.sorted() {
            markers.append { [self] in whenLed(results: partition, marked) }
        }
        transaction.markersLeft = markers.count
        for marker in markers {
            let slow = world.strikes(.slowMarkers, 0.05) ? world.delay(0, sec(8)) : 0
            world.after(world.delay(ms(1), ms(20)) + slow) { marker() }
        }
    }

    private func completeOffsets(_ transaction: Transaction) {
        for (partition, offset) in transaction.offsets {
            pending[partition]?.removeAll { $0 === transaction }
            if transaction.outcome == .committed, committed[partition].map({ $0.position < offset.position }) ?? true {
                committed[partition] = offset
                history[partition, default: []].append(offset)
            }
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

    /// What a coordinator that has been deposed says: anything that was true once.
    func formerOffset(_ partition: Int32, atLeast behind: Int) -> CommittedOffset? {
        guard let history = history[partition], history.count > behind else { return committed[partition] }
        return world.pick(Array(history.dropLast(behind)))
    }
}
