import Contract
import Testing

@Suite("Scrub: the upstream's words without the user's")
struct ScrubTests {
    private func scrubbed(_ message: String, code: String = "ART2") throws -> String {
        scrub(
            message,
            phone: try #require(PhoneNumber(normalising: "5324818942")),
            code: try #require(OTPCode(trimming: code))
        )
    }

    @Test(arguments: [
        "5324818942", "05324818942", "905324818942", "+905324818942", "00905324818942", "+90 532 481 89 42",
        "+90 (532) 481-89-42", "0532 481 89 42", "532.481.89.42", "532 - 481 – 89 – 42", "532\u{a0}4818942",
    ])
    func anyFormOfThePhoneGoes(phone: String) throws {
        #expect(try scrubbed("Numara \(phone) bulunamadı") == "Numara *** bulunamadı")
        #expect(try scrubbed("tel:\(phone);\(phone)") == "tel:***;***")
        #expect(try scrubbed(phone) == "***")
    }

    @Test func thePhoneGoesOutOfLongerNumbersToo() throws {
        #expect(try scrubbed("id 775324818942551") == "id 77***551")
        #expect(try scrubbed("0090 0532 481 89 42") == "0090 ***")
    }

    @Test(arguments: [
        ("Kod ART2 yanlış", "Kod *** yanlış"), ("kod 'art2'.", "kod '***'."), ("ART2", "***"),
        ("OTP=aRt2,ART2", "OTP=***,***"),
        ("xART2x", "x***x"), ("_ART2_", "_***_"), ("şART2", "ş***"),
    ])
    func theCodeGoes(message: String, expected: String) throws {
        #expect(try scrubbed(message) == expected)
    }

    @Test(arguments: [
        ("7", "hata 7, kod 17", "hata ***, kod 17"), ("12", "12 123 a12 12ş", "*** 123 a12 12ş"),
        ("kart", "KART kartınız", "*** kartınız"),
        ("KI", "kı kİ ki", "*** *** ***"), ("1234567890abcdef", "1234567890ABCDEF", "***"),
    ])
    func aShortOrWordlikeCodeGoesOnlyAsAWord(code: String, message: String, expected: String) throws {
        #expect(try scrubbed(message, code: code) == expected)
    }

    @Test(arguments: [
        "", "Başarılı İşlem", "Hatalı kod (1), 3 deneme kaldı", "5324818941", "532 481", "+90", "e\u{301}\u{200d}😀",
    ])
    func otherWordsStay(message: String) throws {
        #expect(try scrubbed(message).unicodeScalars.elementsEqual(message.unicodeScalars))
    }

    @Test func itIsCutBetweenCharactersAndAfterScrubbing() throws {
        let exact = String(repeating: "x", count: 512)
        #expect(try scrubbed(exact) == exact)
        #expect(try scrubbed(exact + "y") == exact)
        #expect(try scrubbed("x" + String(repeating: "ş", count: 300)) == "x" + String(repeating: "ş", count: 255))
        let family = "👨‍👩‍👧‍👦"
        #expect(try scrubbed(String(repeating: "x", count: 500) + family) == String(repeating: "x", count: 500))
        #expect(
            try scrubbed(String(repeating: "x", count: 505) + " 5324818942") == String(repeating: "x", count: 505)
                + " ***"
        )
        #expect(try scrubbed("a" + String(repeating: "\u{301}", count: 600)) == "")
    }
}
