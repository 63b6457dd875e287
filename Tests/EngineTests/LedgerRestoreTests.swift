import OTPContract
import OTPEngine
import Testing

@Suite("Reading a ledger back")
struct LedgerRestoreTests {
    private func plan(_ recorded: Int64?, accepts: Bool = false) -> LedgerRestore.Plan {
        LedgerRestore.Plan(recorded: recorded, barrier: 100, acceptsLoss: accepts)
    }

    @Test func whereItBegins() {
        #expect(plan(nil) == .read(from: nil))
        #expect(plan(50) == .read(from: 50))
        #expect(plan(100) == .read(from: 100))
        #expect(plan(101) == .recreated)
        #expect(plan(101, accepts: true) == .read(from: nil))
    }

    private func restore(committed: Int64 = 0, finished: Set<Int64>? = nil) -> LedgerRestore {
        LedgerRestore(
            .init(retention: .seconds(1_800), committed: committed, finished: finished),
            process: 7,
            at: Sample.ledgerTime
        )
    }

    private func apply(_ record: LedgerRecord, to restore: inout LedgerRestore, at offset: Int64 = 0) {
        restore.apply(key: record.key, value: record.value, offset: offset, timestamp: Sample.ledgerTime) {
            Sample.digest($0.text)
        }
    }

    @Test func aStateOfARecordThatIsNotFinishedProvesTheOffsetStale() {
        func beyond(_ source: Int64, committed: Int64 = 10, finished: Set<Int64>? = [12]) -> Int64? {
            var restore = restore(committed: committed, finished: finished)
            apply(Sample.state("s", Sample.concluded("A", Outcome(.wrongCode), source: source)), to: &restore)
            return restore.finished().finishedBeyond
        }
        #expect(beyond(9) == nil)
        #expect(beyond(10) == 10)
        #expect(beyond(11) == 11)
        #expect(beyond(12) == nil)
        // An offset that somebody moved says nothing of what was finished beyond it.
        #expect(beyond(11, finished: nil) == nil)
    }

    @Test func anIntentProvesNothingOfTheOffset() {
        var restore = restore(committed: 10, finished: [])
        apply(Sample.intent("s", "A", source: 15), to: &restore)
        #expect(restore.finished().finishedBeyond == nil)
    }

    @Test func theLastBarrierOfAnotherProcessNamesThePredecessor() {
        var restore = restore()
        func write(_ slot: String, _ process: UInt64) {
            let barrier = LedgerBarrier(transactionalID: slot, process: process)
            restore.apply(key: barrier.key, value: barrier.value, offset: 0, timestamp: Sample.ledgerTime) { _ in
                Sample.digest("")
            }
        }
        #expect(restore.predecessor == nil)
        write("one", 1)
        write("two", 2)
        write("own", 7)
        #expect(restore.predecessor == LedgerBarrier(transactionalID: "two", process: 2))
        // The slot's last process is a predecessor too.
        write("own", 3)
        #expect(restore.predecessor == LedgerBarrier(transactionalID: "own", process: 3))
        #expect(restore.ignored == 0)
    }

    @Test func whatIsNoneOfOursIsCountedAndPassedOver() {
        var restore = LedgerRestore(
            .init(retention: .seconds(1), committed: 0, finished: nil),
            process: 7,
            at: Sample.ledgerTime
        )
        func apply(_ key: [UInt8]?, _ value: [UInt8]?, at offset: Int64) {
            restore.apply(key: key, value: value, offset: offset, timestamp: Sample.ledgerTime) {
                Sample.digest($0.text)
            }
        }
        apply(nil, [1], at: 0)
        apply(Array("x".utf8), nil, at: 1)
        let record = Sample.intent("s", "A", source: 5)
        apply(record.key, record.value, at: 7)
        #expect(restore.ignored == 2 && restore.applied == 1)
        let ledger = restore.finished().ledger
        #expect(ledger.oldestOffset == 7)
        #expect(ledger[Sample.digest("s")].isInDoubt(keyID: 1))
    }
}
