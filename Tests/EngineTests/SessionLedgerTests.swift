import OTPContract
import OTPEngine
import Testing

@Suite("What a ledger knows of its sessions")
struct SessionLedgerTests {
    private let session = Sample.digest("s")
    private let codeA = Sample.fingerprint("A")
    private let codeB = Sample.fingerprint("B")
    private let wrong = Outcome(.wrongCode)

    private func time(_ seconds: Int64) -> WallTime { WallTime(milliseconds: seconds * 1_000) }

    private func ledger() -> SessionLedger { SessionLedger(retention: .seconds(1_800)) }

    /// What the state of the session would be committed as.
    private func commit(_ ledger: inout SessionLedger, at offset: Int64) {
        ledger.committed(ledger[session].codes, of: session, ledgerOffset: offset)
    }

    @Test func anIntentLivesUntilTheStateThatConcludesItIsCommitted() {
        var ledger = ledger()
        #expect(ledger.oldestOffset == nil)
        ledger.acknowledged(codeA, of: session, source: 5, ledgerOffset: 100, at: time(1))
        #expect(ledger.oldestOffset == 100)
        // Our own call: nothing of it is in doubt.
        #expect(!ledger[session].hasOpenIntent(codeA) && !ledger[session].isInDoubt(keyID: 1))
        ledger.concluded(codeA, of: session, as: wrong, source: 5, at: time(2))
        #expect(ledger.oldestOffset == 100 && ledger[session].intents.count == 1)
        commit(&ledger, at: 107)
        #expect(ledger.oldestOffset == 107 && ledger[session].intents.isEmpty)
    }

    @Test func sessionsInDoubtAreCountedHoweverTheDoubtComesAndGoes() {
        var ledger = ledger()
        let other = Sample.digest("other")
        ledger.acknowledged(codeA, of: session, source: 5, ledgerOffset: 100, at: time(1))
        #expect(ledger.inDoubt == 0)
        ledger.doubted(codeA, of: session, at: time(1))
        ledger.doubted(codeB, of: session, at: time(1))
        #expect(ledger.inDoubt == 1)
        ledger.concluded(codeA, of: session, as: Outcome(.ok), source: 5, at: time(2))
        #expect(ledger.inDoubt == 0)
        commit(&ledger, at: 100)

        // What a dead owner left open, and what cannot be read; then all of it is forgotten, at rest or not.
        let intent = LedgerRecord.Content.intent(codeA, source: 6, time: time(2))
        ledger.restore(intent, session: other, ledgerOffset: 101, timestamp: time(2))
        ledger.restore(.unreadable, session: Sample.digest("newer"), ledgerOffset: 102, timestamp: time(2))
        #expect(ledger.inDoubt == 1)
        ledger.restoreEnded()
        #expect(ledger.inDoubt == 2)
        ledger.concluded(codeA, of: other, as: wrong, source: 6, at: time(3))
        ledger.committed(ledger[other].codes, of: other, ledgerOffset: 103)
        #expect(ledger.inDoubt == 2)
        _ = ledger.expire(at: time(4_000), committed: 7, limit: 10)
        #expect(ledger.inDoubt == 0)
    }

    @Test func anOlderStateVoidsNoLaterIntent() {
        var ledger = ledger()
        ledger.acknowledged(codeA, of: session, source: 5, ledgerOffset: 100, at: time(1))
        ledger.concluded(codeA, of: session, as: Outcome(.upstreamHalted, retryable: true), source: 5, at: time(2))
        let state = ledger[session].codes
        ledger.acknowledged(codeA, of: session, source: 6, ledgerOffset: 103, at: time(3))
        ledger.committed(state, of: session, ledgerOffset: 105)
        #expect(ledger[session].intents.map(\.source) == [6])
        #expect(ledger.oldestOffset == 103)
        ledger.concluded(codeA, of: session, as: wrong, source: 6, at: time(4))
        commit(&ledger, at: 110)
        #expect(ledger.oldestOffset == 110)
    }

    @Test func aTombstoneVoidsAnIntentUpToItsRecord() {
        var ledger = ledger()
        ledger.acknowledged(codeA, of: session, source: 5, ledgerOffset: 100, at: time(1))
        ledger.voided(codeA, of: session, source: 4)
        #expect(ledger.oldestOffset == 100)
        ledger.voided(codeB, of: session, source: 9)
        #expect(ledger.oldestOffset == 100)
        ledger.voided(codeA, of: session, source: 5)
        #expect(ledger.oldestOffset == nil && ledger.count == 0)
    }

    @Test func anAbortedBatchMovesNothing() {
        var ledger = ledger()
        ledger.acknowledged(codeA, of: session, source: 5, ledgerOffset: 100, at: time(1))
        ledger.concluded(codeA, of: session, as: wrong, source: 5, at: time(2))
        ledger.doubted(codeB, of: session, at: time(2))
        #expect(ledger.oldestOffset == 100)
    }

    @Test func acknowledgementsOutOfOrderKeepTheOldestInFront() {
        var ledger = ledger()
        let offsets: [Int64] = [104, 101, 103, 100, 102]
        for (index, offset) in offsets.enumerated() {
            let session = Sample.digest("s\(index)")
            ledger.acknowledged(codeA, of: session, source: Int64(index), ledgerOffset: offset, at: time(1))
        }
        for (index, offset) in offsets.enumerated().sorted(by: { $0.element < $1.element }) {
            #expect(ledger.oldestOffset == offset)
            ledger.voided(codeA, of: Sample.digest("s\(index)"), source: Int64(index))
        }
        #expect(ledger.oldestOffset == nil)
    }

    @Test func doubtSticksUntilTheSessionIsVerified() {
        var ledger = ledger()
        ledger.doubted(codeA, of: session, at: time(1))
        ledger.concluded(codeA, of: session, as: wrong, source: 5, at: time(2))
        ledger.concluded(codeB, of: session, as: wrong, source: 6, at: time(2))
        #expect(ledger[session].isInDoubt(keyID: 1))
        #expect(ledger[session].isAnotherInDoubt(than: codeB))
        #expect(!ledger[session].isAnotherInDoubt(than: codeA))
        ledger.concluded(Sample.fingerprint("C"), of: session, as: Outcome(.ok), source: 7, at: time(3))
        #expect(ledger[session].isClosed && !ledger[session].isInDoubt(keyID: 1))
        #expect(ledger[session].codes.count == 3)
    }

    @Test func entriesUnderAnotherKeyAreDoubtAndEndWithAVerdict() {
        let state = Sample.state("s", Sample.concluded("A", wrong, source: 1, keyID: 2))
        var ledger = Transcript.read([state, Sample.intent("s", "B", source: 3, keyID: 2)])
        #expect(ledger[session].isInDoubt(keyID: 1) && ledger[session].isAnotherInDoubt(than: codeA))
        #expect(ledger[session].code(codeA) == nil)
        ledger.concluded(codeA, of: session, as: Outcome(.ok), source: 7, at: time(3))
        #expect(!ledger[session].isInDoubt(keyID: 1))
        #expect(ledger[session].codes.map(\.fingerprint) == [codeA] && ledger[session].intents.isEmpty)
    }

    @Test func anUnreadableRecordPutsItsSessionInDoubtAndHidesNothing() {
        var ledger = ledger()
        let concluded = [Sample.concluded("A", wrong, source: 1)]
        ledger.restore(.state(concluded, isClosed: false), session: session, ledgerOffset: 10, timestamp: time(1))
        ledger.restore(.unreadable, session: session, ledgerOffset: 50, timestamp: time(1))
        ledger.restoreEnded()
        #expect(ledger[session].isInDoubt(keyID: 1) && ledger[session].code(codeA)?.outcome == wrong)
        // The next owner must read both.
        #expect(ledger.oldestOffset == 10)
        commit(&ledger, at: 60)
        #expect(ledger.oldestOffset == 50)
        ledger.concluded(codeB, of: session, as: Outcome(.ok), source: 7, at: time(3))
        #expect(!ledger[session].isInDoubt(keyID: 1))
        commit(&ledger, at: 61)
        #expect(ledger.oldestOffset == 61)
    }

    @Test func theDoubtOfAnUnreadableRecordOutlivesTheStateThatIsWrittenOverIt() {
        var ledger = ledger()
        ledger.restore(.unreadable, session: session, ledgerOffset: 10, timestamp: time(1))
        ledger.restoreEnded()
        ledger.concluded(codeA, of: session, as: wrong, source: 7, at: time(2))
        let state = LedgerRecord.Content.state(ledger[session].codes, isClosed: ledger[session].isClosed)
        let written = LedgerRecord(session: Sample.session("s"), content: state)
        #expect(LedgerRecord(key: written.key, value: written.value) == written)
        // The next owner reads that state, and the record before it only if compaction left it there.
        for isCompacted in [false, true] {
            var next = self.ledger()
            if !isCompacted { next.restore(.unreadable, session: session, ledgerOffset: 10, timestamp: time(1)) }
            next.restore(state, session: session, ledgerOffset: 20, timestamp: time(2))
            next.restoreEnded()
            #expect(next[session].isInDoubt(keyID: 1) && next[session].isAnotherInDoubt(than: codeA))
            #expect(next[session].code(codeA)?.outcome == wrong)
        }
    }

    // MARK: Restore

    @Test func theOrderOfALedgerDecidesButNotOfWhatIsIndependent() {
        let concluded = Sample.state("s", Sample.concluded("A", wrong, source: 5))
        let rows: [(records: [LedgerRecord], open: Bool)] = [
            ([Sample.intent("s", "A", source: 5), concluded], false),
            ([concluded, Sample.intent("s", "A", source: 5)], false),
            ([Sample.intent("s", "A", source: 4), concluded], false),
            ([concluded, Sample.intent("s", "A", source: 6)], true),
            ([Sample.intent("s", "A", source: 6), concluded], true),
            ([Sample.intent("s", "B", source: 4), concluded], true),
            ([concluded, Sample.intent("s", "B", source: 4)], true),
            ([Sample.intent("s", "A", source: 6), void("A"), concluded], false),
            ([void("A"), Sample.intent("s", "A", source: 6), concluded], true),
            ([Sample.intent("s", "A", source: 6), void("B"), concluded], true),
        ]
        for (index, row) in rows.enumerated() {
            for order in [row.records, [Sample.intent("t", "X", source: 1)] + row.records] {
                let entry = Transcript.read(order)[session]
                #expect(entry.intents.isEmpty != row.open, "row \(index)")
                #expect(entry.isInDoubt(keyID: 1) == row.open, "row \(index)")
                #expect(entry.code(codeA)?.outcome == wrong, "row \(index)")
            }
        }
    }

    private func void(_ code: String) -> LedgerRecord {
        LedgerRecord(session: Sample.session("s"), content: .void(Sample.fingerprint(code)))
    }

    @Test func anIntentRewrittenCountsFromItsLastOffset() {
        let ledger = Transcript.read([
            Sample.intent("s", "A", source: 5), Sample.intent("t", "A", source: 6), Sample.intent("s", "A", source: 5),
        ])
        #expect(ledger.oldestOffset == 1)
        #expect(ledger[session].intents.map(\.ledgerOffset) == [2])
    }

    @Test func theLastStateOfASessionIsTheWholeOfIt() {
        let ledger = Transcript.read([
            Sample.state("s", Sample.concluded("A", wrong, source: 5, doubtful: true)),
            Sample.state("s", closed: true, Sample.concluded("B", Outcome(.ok), source: 6)),
        ])
        #expect(ledger[session].isClosed && ledger[session].codes.map(\.fingerprint) == [codeB])
        #expect(ledger.oldestOffset == 1)
    }

    // MARK: Forgetting

    @Test func aSessionIsForgottenWhenItsLastRecordIsOlderThanTheRetention() {
        var ledger = ledger()
        for index in 0..<5 {
            let session = Sample.digest("s\(index)")
            let second = Int64(index)
            ledger.concluded(codeA, of: session, as: wrong, source: second, at: time(second))
            ledger.committed(ledger[session].codes, of: session, ledgerOffset: 100 + second)
        }
        #expect(ledger.expire(at: time(1_800), committed: 9, limit: 9) == 0)
        #expect(ledger.expire(at: time(1_803), committed: 9, limit: 2) == 2)
        #expect(ledger.oldestOffset == 102)
        #expect(ledger.expire(at: time(1_803), committed: 9, limit: 9) == 1)
        #expect(ledger.count == 2 && ledger.oldestOffset == 103)
    }

    @Test func anIntentIsNotForgottenWhileItsRecordIsNotBelowTheCommittedOffset() {
        var ledger = ledger()
        ledger.acknowledged(codeA, of: session, source: 5, ledgerOffset: 100, at: time(0))
        #expect(ledger.expire(at: time(10_000), committed: 4, limit: 9) == 0)
        #expect(ledger.expire(at: time(10_000), committed: 5, limit: 9) == 0)
        #expect(ledger.expire(at: time(10_000), committed: 6, limit: 9) == 1)
        #expect(ledger.oldestOffset == nil)
    }
}
