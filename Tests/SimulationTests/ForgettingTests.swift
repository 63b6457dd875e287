import OTPContract
import OTPEngine
import Testing

/// Found by simulation, in a schedule too rare to be a seed: the fleet away for longer than a session is remembered, after a
/// state was committed ahead of the result of one of its records.
struct ForgettingTests {
    @Test func anOutcomeIsRememberedWhileItsRecordIsUnanswered() {
        let session = SessionDigest(high: 1, low: 2)
        let fingerprint = Fingerprint(keyID: 1, high: 3, low: 4)
        let code = CodeState(
            fingerprint: fingerprint,
            outcome: Outcome(.ok),
            source: 5,
            time: WallTime(milliseconds: 1_000)
        )
        var ledger = SessionLedger(retention: .seconds(20))
        ledger.restore(
            .state([code], isClosed: true),
            session: session,
            ledgerOffset: 0,
            timestamp: WallTime(milliseconds: 1_000)
        )
        ledger.restoreEnded()
        let later = WallTime(milliseconds: 1_000_000)
        #expect(ledger.expire(at: later, committed: 5, limit: 9) == 0)
        #expect(ledger[session].code(fingerprint)?.outcome == Outcome(.ok))
        #expect(ledger.expire(at: later, committed: 6, limit: 9) == 1)
    }
}
