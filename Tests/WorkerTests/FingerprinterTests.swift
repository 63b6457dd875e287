import Contract
import Engine
import Testing
import Worker

@Suite("Digests by which sessions and questions are known")
struct FingerprinterTests {
    private func print(_ phone: String, _ code: String, key: String = "sck_one") throws -> Fingerprint {
        let phone = try #require(PhoneNumber(normalising: phone))
        let code = try #require(OTPCode(trimming: code))
        return Fingerprinter(secret: Secret(key)).fingerprint(phone: phone, code: code)
    }

    /// The fleet agrees, today's workers with those of any other version: the ledger is shared.
    ///
    /// The numbers were computed by another implementation of HKDF and HMAC.
    @Test func theyNeverChange() throws {
        let fingerprint = try print("5324818942", "ART2")
        #expect(
            fingerprint
                == Fingerprint(keyID: 1_872_174_138, high: 4_130_078_084_466_095_891, low: 13_786_236_474_169_940_746)
        )
        let session = try #require(SessionID("123456"))
        #expect(
            Fingerprinter.digest(session)
                == SessionDigest(high: 10_202_516_757_047_595_970, low: 11_113_303_411_857_458_895)
        )
    }

    @Test func theyTellQuestionsApart() throws {
        let one = try print("5324818942", "ART2")
        #expect(try print("+90 532 481 89 42", " ART2 ") == one)
        #expect(try print("5324818942", "art2") != one)
        #expect(try print("5324818943", "ART2") != one)
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
        let other = try print("5324818942", "ART2", key: "sck_two")
        #expect(one.keyID != other.keyID)
        #expect(one.high != other.high)
    }
}
