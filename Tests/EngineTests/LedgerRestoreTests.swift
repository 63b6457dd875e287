import Contract
import Engine
import Testing

@Suite("Reading a ledger back")
struct LedgerRestoreTests {
    private func plan(_ recorded: Int64?, accepts: Bool = false) -> LedgerRestore.Plan {
        LedgerRestore.Plan(recorded: recorded, start: 10, end: 100, acceptsLoss: accepts)
    }

    @Test func whichStretchIsRead() {
        #expect(plan(nil) == .read(from: 10, to: 100))
        #expect(plan(50) == .read(from: 50, to: 100))
        #expect(plan(100) == .read(from: 100, to: 100))
        #expect(plan(3) == .read(from: 10, to: 100))
        #expect(plan(101) == .recreated)
        #expect(plan(101, accepts: true) == .read(from: 10, to: 100))
    }

    @Test func whatIsNoneOfOursIsCountedAndPassedOver() {
        var restore = LedgerRestore(.init(retention: .seconds(1), committed: 0), at: Sample.ledgerTime)
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
        let ledger = restore.finished()
        #expect(ledger.oldestOffset == 7)
        #expect(ledger[Sample.digest("s")].isInDoubt(keyID: 1))
    }
}
