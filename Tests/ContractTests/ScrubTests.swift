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
        "", "Başarılı İşlem", "Hatalı kod (1), 3 deneme kaldı", "532", "+90", "e\u{301}\u{200d}😀",
        "2026-11-23T10:00:00.000Z",
        "12345 numaralı işlem", "R2A T", "QVJU", "415254", "kart",
    ])
    func otherWordsStay(message: String) throws {
        #expect(try scrubbed(message).unicodeScalars.elementsEqual(message.unicodeScalars))
    }

    @Test(arguments: [
        "A R T 2", "a-r-t-2", "A, R, T, 2", "2TRA", "2 t r a", "ＡＲＴ２", "ａｒｔ２", "a\u{200b}r\u{200b}t\u{200b}2",
        "QVJUMg==",
        "QVJUMg", "YXJ0Mg==", "eyJvdHAiOiJBUlQyIn0=", "b3RwPUFSVDI", "41525432", "0x41525432", "41 52 54 32",
        "61:72:74:32",
        "%41%52%54%32", #"\x41\x52\x54\x32"#,
    ])
    func theCodeGoesInDisguiseToo(code: String) throws {
        #expect(try scrubbed("Kod: \(code).") == "Kod: ***.")
    }

    @Test(arguments: ["1 2 3 4", "4321", "١٢٣٤", "MTIzNA==", "31323334", "１２３４"])
    func aCodeOfDigitsGoesInDisguiseToo(code: String) throws {
        #expect(try scrubbed("\(code) geçersiz", code: "1234") == "*** geçersiz")
    }

    /// A single digit in hexadecimal is any number, and what is spaced is any list.
    @Test func aShortCodeIsNotLookedForInDisguise() throws {
        #expect(try scrubbed("1, 2: hata 37, MTI=", code: "12") == "1, 2: hata 37, ***")
        #expect(try scrubbed("Nw== 37 x7", code: "7") == "*** 37 x7")
    }

    @Test(arguments: [
        ("532***8942", "532******"), ("...8942", "...***"), ("8942 ile biten numara", "*** ile biten numara"),
        ("5324 81", "***"), ("5324818941", "***1"), ("532 481 ** **", "*** ** **"), ("a8942b", "a8942b"),
        ("18942", "***"),
        ("2498184235", "***"), ("NTMyNDgxODk0Mg==", "***"), ("35333234383138393432", "***"), ("５３２４８１８９４２", "***"),
        ("5\u{200b}3\u{200b}2\u{200b}4\u{200b}8\u{200b}1\u{200b}8\u{200b}9\u{200b}4\u{200b}2", "***"),
    ])
    func partsAndDisguisesOfThePhoneGo(message: String, expected: String) throws {
        #expect(try scrubbed(message) == expected)
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
