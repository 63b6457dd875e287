import OTPContract
import OTPEngine
import OTPKafka
import Testing
import otp_worker

/// The ledger in words.
struct LedgerTextTests {
    private let fingerprint = Fingerprint(keyID: 7, high: 0x0123_4567_89ab_cdef, low: 1)

    private func text(_ content: LedgerRecord.Content) throws -> [String] {
        let session = try #require(SessionID("s-1"))
        let entry = LedgerRecord(session: session, content: content)
        let record = ConsumedRecord(
            topic: "ledger",
            partition: 2,
            offset: 9,
            timestamp: 1_000,
            key: entry.key,
            value: entry.value
        )
        let line = try #require(LedgerText.cells(record))
        #expect(line.session == session)
        return line.cells
    }

    @Test func eachKindIsReadable() throws {
        let time = WallTime(milliseconds: 0)
        #expect(
            try text(.intent(fingerprint, source: 41, time: time)) == [
                "2/9", "1970-01-01T00:00:01.000Z", "s-1", "intent",
                "about to ask about code #01234567 for the command at 41 (1970-01-01T00:00:00.000Z)",
            ]
        )
        #expect(try text(.void(fingerprint))[3] == "void")
        let wrong = CodeState(
            fingerprint: fingerprint,
            outcome: Outcome(.wrongCode),
            source: 41,
            isDoubtful: true,
            time: time
        )
        #expect(
            try text(.state([wrong], isClosed: false))[4]
                == "open; code #01234567 rejected/wrong_code by the command at 41, in doubt"
        )
        #expect(try text(.state([], isClosed: true))[4] == "verified")
    }

    @Test func whatIsNotALedgerRecordIsNotShownAsOne() {
        let record = ConsumedRecord(topic: "t", partition: 0, offset: 0, key: Array("x".utf8), value: nil)
        #expect(LedgerText.cells(record) == nil)
    }
}
