/// One partition of the ledger topic: records, transaction markers, the last stable offset and compaction.
///
/// Deleting and recreating the topic is an empty log that begins at 0.
final class LedgerLog {
    struct Entry {
        var offset: Int64
        var key: [UInt8]
        var value: [UInt8]?
        var milliseconds: Int64
        /// Nil for a record outside any transaction.
        var transaction: Transaction?
    }

    private(set) var entries: [Entry] = []
    /// High watermark.
    private(set) var end: Int64 = 0
    private(set) var start: Int64 = 0
    private(set) var incarnation = 0
    private var open: [(transaction: Transaction, first: Int64)] = []
    private var waiters: [() -> Void] = []

    /// Last stable offset: nothing below it is undecided.
    var stableEnd: Int64 { open.map(\.first).min() ?? end }

    func append(key: [UInt8], value: [UInt8]?, milliseconds: Int64, transaction: Transaction?) -> Int64 {
        let offset = end
        entries.append(
            Entry(offset: offset, key: key, value: value, milliseconds: milliseconds, transaction: transaction)
        )
        end += 1
        if let transaction, !open.contains(where: { $0.transaction === transaction }) {
            open.append((transaction, offset))
        }
        if transaction == nil { wakeReaders() }
        return offset
    }

    /// The transaction's marker is written here.
    func complete(_ transaction: Transaction) {
        guard open.contains(where: { $0.transaction === transaction }) else { return }
        open.removeAll { $0.transaction === transaction }
        end += 1
        wakeReaders()
    }

    func onChange(_ body: @escaping () -> Void) { waiters.append(body) }

    private func wakeReaders() {
        let due = waiters
        waiters = []
        for body in due { body() }
    }

    /// What a read_committed reader sees from `from` up to `to`.
    func committed(from: Int64, to: Int64) -> [Entry] {
        let limit = min(to, stableEnd)
        return entries.filter {
            $0.offset >= from && $0.offset < limit && ($0.transaction?.outcome ?? .committed) == .committed
        }
    }

    /// Keeps the newest record of each key below the last stable offset.
    ///
    /// Tombstones go too if so wished.
    func compact(dropsTombstones: Bool) {
        let limit = stableEnd
        var newest: [[UInt8]: Int64] = [:]
        for entry in entries where entry.offset < limit && (entry.transaction?.outcome ?? .committed) == .committed {
            newest[entry.key] = entry.offset
        }
        entries.removeAll { entry in
            guard entry.offset < limit else { return false }
            if newest[entry.key] != entry.offset { return true }
            return dropsTombstones && entry.value == nil
        }
    }

    func recreate() {
        entries = []
        open = []
        end = 0
        start = 0
        incarnation += 1
        wakeReaders()
    }

    /// Lets go of what readers asked for.
    func tearDown() {
        waiters = []
        entries = []
        open = []
    }
}
