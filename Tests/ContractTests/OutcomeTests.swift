import OTPContract
import Testing

@Suite("Outcome: the contract's words and the ledger's bytes")
struct OutcomeTests {
    private static let contract: [(Status, [String])] = [
        (.verified, ["ok", "already_verified"]),
        (.rejected, ["wrong_code", "unknown_session", "session_used", "too_many_codes"]),
        (.expired, ["deadline_passed"]),
        (
            .invalid,
            [
                "malformed", "field_user_gsm", "field_otp_session_id", "field_otp_code", "field_command_id",
                "field_expires_at", "key_missing", "key_not_session", "too_large",
            ]
        ),
        (
            .failed,
            [
                "upstream_unavailable", "upstream_halted", "refused_by_upstream", "unexpected_answer",
                "outcome_unknown", "session_busy",
            ]
        ),
    ]

    @Test func everyReasonOfTheContractIsThereUnderItsStatus() throws {
        for (status, names) in Self.contract {
            for name in names {
                let reason = try #require(Reason(rawValue: name), "\(name)")
                #expect(reason.rawValue == name)
                #expect(reason.status == status)
            }
        }
        #expect(Status.allCases.map(\.rawValue) == ["verified", "rejected", "expired", "invalid", "failed"])
        #expect(Reason.coded.count + Field.allCases.count + 4 == Self.contract.map(\.1.count).reduce(0, +))
    }

    @Test(arguments: ["", "OK", "field_", "field_x", "invalid", "ok "])
    func otherWordsAreNoReason(name: String) {
        #expect(Reason(rawValue: name) == nil)
    }

    /// Ledgers in the field hold these bytes: a change here makes a worker misread its own past.
    @Test func codesAreStable() {
        let expected: [(UInt8, Reason)] = [
            (1, .ok), (2, .alreadyVerified), (3, .wrongCode), (4, .unknownSession), (5, .sessionUsed),
            (6, .tooManyCodes), (7, .deadlinePassed), (8, .upstreamUnavailable), (9, .upstreamHalted),
            (10, .refusedByUpstream), (11, .unexpectedAnswer), (12, .outcomeUnknown), (13, .sessionBusy),
        ]
        for (code, reason) in expected {
            #expect(reason.code == code)
            #expect(Reason(code: code) == reason)
        }
        #expect(Reason(code: 0) == nil)
        #expect((14...255).allSatisfy { Reason(code: $0) == nil })
        #expect(Reason.invalid(.malformed).code == nil)
    }
}
