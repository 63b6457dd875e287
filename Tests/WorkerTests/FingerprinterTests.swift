import OTPContract
import OTPEngine
import OTPWorker
import Testing

@Suite("Digests by which sessions and questions are known")
struct FingerprinterTests {
    private func print(
        _ phone: String,
        _ code: String,
        in session: String = "123456",
        key: String = "sck_one",
        isLedgers: Bool = false
    ) throws -> Fingerprint {
        let session = try #require(SessionID(session))
        let phone = try #require(PhoneNumber(normalising: phone))
        let code = try #require(OTPCode(trimming: code))
        return Fingerprinter(secret: Secret(key), isLedgers: isLedgers)
            .fingerprint(session: session, phone: phone, code: code)
    }

    /// The fleet agrees, today's workers with those of any other version: the ledger is shared.
    ///
    /// The numbers were computed by another implementation of HKDF and HMAC.
    @Test func theyNeverChange() throws {
        #expect(
            try print("5324818942", "ART2")
                == Fingerprint(keyID: 1_354_571_548, high: 13_107_327_070_688_589_230, low: 16_259_967_406_738_091_523)
        )
        #expect(
            try print("5324818942", "ART2", isLedgers: true)
                == Fingerprint(keyID: 2_815_135_091, high: 7_886_087_172_345_050_866, low: 17_702_668_379_644_664_846)
        )
        let phone = try #require(PhoneNumber(normalising: "5324818942"))
        #expect(
            Fingerprinter(secret: Secret("sck_one")).digest(phone) == PhoneDigest(value: 14_809_701_028_699_860_581)
        )
        let session = try #require(SessionID("123456"))
        #expect(
            Fingerprinter.digest(session)
                == SessionDigest(high: 10_202_516_757_047_595_970, low: 11_113_303_411_857_458_895)
        )
    }

    /// An entry of the form before, which did not bind the session, is another key's: in doubt, never misread.
    @Test func theFormBeforeHadAnotherKeyID() throws {
        #expect(try print("5324818942", "ART2").keyID != 1_872_174_138)
    }

    @Test func theyTellQuestionsApart() throws {
        let one = try print("5324818942", "ART2")
        #expect(try print("+90 532 481 89 42", " ART2 ") == one)
        #expect(try print("5324818942", "art2") != one)
        #expect(try print("5324818943", "ART2") != one)
        #expect(try print("5324818942", "ART2", in: "123457") != one)
    }

    /// A dead letter's key stays as it is, unless somebody could be found by it.
    @Test func aRecordsKeyThatCouldBeANumberIsConcealed() throws {
        let one = Fingerprinter(secret: Secret("sck_one"))
        let phone = Array("5324818942".utf8)
        let concealed = String(decoding: one.concealingNumbers(in: phone), as: UTF8.self)
        #expect(concealed.wholeMatch(of: /hmac-sha256:[0-9a-f]{32}/) != nil)
        #expect(one.concealingNumbers(in: phone) == Array(concealed.utf8))
        #expect(one.concealingNumbers(in: Array("5324818943".utf8)) != Array(concealed.utf8))
        // Without the key nobody can find the number by trying all of them.
        #expect(Fingerprinter(secret: Secret("sck_two")).concealingNumbers(in: phone) != Array(concealed.utf8))
        #expect(one.concealingNumbers(in: Array("order-17".utf8)) == Array("order-17".utf8))
    }

    @Test func anotherKeyIsToldByItsID() throws {
        let one = try print("5324818942", "ART2")
        for other in [
            try print("5324818942", "ART2", key: "sck_two"), try print("5324818942", "ART2", isLedgers: true),
        ] {
            #expect(one.keyID != other.keyID)
            #expect(one.high != other.high)
        }
    }
}
