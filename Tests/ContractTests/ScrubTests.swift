import Foundation
import OTPContract
import Testing

@Suite("Scrub: the upstream's words without the user's")
struct ScrubTests {
    /// Whatever is scrubbed here, one that remembers must scrub in the same way, the first time and the second.
    private func scrubbed(_ message: String, code: String = "ART2") throws -> String {
        let phone = try #require(PhoneNumber(normalising: "5324818942"))
        let code = try #require(OTPCode(trimming: code))
        let scrubbed = scrub(message, phone: phone, code: code)
        var remembering = MessageScrubber()
        for _ in 1...2 { #expect(remembering.scrub(message, phone: phone, code: code) == scrubbed) }
        return scrubbed
    }

    @Test func whatIsRememberedOfAMessageHoldsForNumbersAlone() throws {
        let phone = try #require(PhoneNumber(normalising: "5324818942"))
        var scrubber = MessageScrubber()
        for (code, expected) in [("482913", "Yanlis kod"), ("Yanlis", "*** kod"), ("4829", "Yanlis kod")] {
            #expect(scrubber.scrub("Yanlis kod", phone: phone, code: try #require(OTPCode(trimming: code))) == expected)
        }
    }

    /// In base64 digits may be letters alone, wherever they begin in a group of three bytes.
    @Test(arguments: ["", "x", "xy", "xyz"], ["4829", "482913", "0000", "5324818942"])
    func noMessageIsRememberedThatMayHoldDigits(before: String, code: String) throws {
        for text in [code, String(code.reversed())] {
            let encoded = Data("\(before)\(text)z".utf8).base64EncodedString()
            var scrubber = MessageScrubber()
            let phone = try #require(PhoneNumber(normalising: "5324818942"))
            let other = try #require(OTPCode(trimming: "7777"))
            let own = try #require(OTPCode(trimming: code.count == 10 ? "482913" : code))
            _ = scrubber.scrub("yanıt \(encoded)", phone: phone, code: other)
            #expect(!scrubber.scrub("yanıt \(encoded)", phone: phone, code: own).contains(encoded.prefix(6)))
        }
    }

    @Test(arguments: [
        "5324818942", "05324818942", "905324818942", "+905324818942", "00905324818942", "+90 532 481 89 42",
        "+90 (532) 481-89-42", "0532 481 89 42", "532.481.89.42", "532 - 481 – 89 – 42", "532\u{a0}4818942",
        "532_481_89_42", "532, 481, 89, 42", "532·481·89·42", "532:481:8942",
        "532          481          89          42",
        "532\u{3164}481\u{34F}8942", "&#53;&#51;&#50;4818942", #"53248189\u00342"#, "532%34818942",
        "532%20481%2089%2042",
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
        "A          R          T          2", "A\u{3164}R\u{115F}T\u{E0020}2", "&#65;&#82;&#84;&#50;",
        "&#x41;&#X52;T&#0050;",
        "&#65&#82&#84&#50",
        #"\u0041\u0052\u0054\u0032"#, #"\\u0041RT2"#, #"\\\\u0041RT2"#, #"\u{41}RT2"#, #"\U00000041RT2"#, #"AR\x542"#,
        "U+0041 U+0052 U+0054 U+0032",
        "U+0041U+0052u+0054U+0032", "A%52T2", "%u0041RT2", "A%2552T2", "%26%2365;RT2", "%5Cu0041RT2", #"A\nR\tT\n2"#,
        "QVJU\nMg==", "QV JU Mg", "Q V J U Mg", "Q\u{200B}VJUMg==", "QVJUMg%3D%3D", #"QVJU\r\nMg=="#,
        "MlRSQQ==", "MnRyYQ==", "32545241", "32 74 72 61", "0x32, 0x54, 0x52, 0x41", "41 |  52 |  54 |  32",
    ])
    func theCodeGoesInDisguiseToo(code: String) throws {
        #expect(try scrubbed("Kod: \(code).") == "Kod: ***.")
    }

    @Test(arguments: ["1 2 3 4", "4321", "١٢٣٤", "MTIzNA==", "31323334", "１２３４"])
    func aCodeOfDigitsGoesInDisguiseToo(code: String) throws {
        #expect(try scrubbed("\(code) geçersiz", code: "1234") == "*** geçersiz")
    }

    @Test(arguments: [
        ("A%52T247", "***"), ("kod%20ART247%20yok", "kod%20***%20yok"), ("QVJU MjQ3", "***"),
        ("x QVJU\nMjQ3 y", "x *** y"),
        ("NzQyVFJB", "***"), ("373432545241", "***"),
    ])
    func soDoesALongerOne(message: String, expected: String) throws {
        #expect(try scrubbed(message, code: "ART247") == expected)
    }

    /// What looks like an escape and is none hides nothing either.
    @Test func aTextIsLookedAtAsItStandsToo() throws {
        #expect(try scrubbed("%5324818942") == "%***")
        #expect(try scrubbed(#"\x5324818942"#) == #"\x***"#)
        for text in [#"100%41 &#; &#x; &# \ \u %zz U+ u+00 &#1114112; %"#, "Hata&#58; %C5%9E &amp; 5 &lt; 7"] {
            #expect(try scrubbed(text) == text)
        }
    }

    @Test(.timeLimit(.minutes(1))) func itsCostIsBounded() throws {
        for part in ["5", "5 ", "A ", "%2", "&#53;", "\\", "QVJ ", "Mz", "35 ", "53248189 "] {
            _ = try scrubbed(String(repeating: part, count: 8_192 / part.utf8.count))
        }
    }

    /// A single digit in hexadecimal is any number, and what is spaced is any list.
    @Test func aShortCodeIsNotLookedForInDisguise() throws {
        #expect(try scrubbed("1, 2: hata 37, MTI=", code: "12") == "1, 2: hata 37, ***")
        #expect(try scrubbed("Nw== 37 x7", code: "7") == "*** 37 x7")
    }

    @Test(arguments: [
        ("532***8942", "532******"), ("...8942", "...***"), ("8942 ile biten numara", "*** ile biten numara"),
        ("5324 81", "***"), ("5324818941", "***1"), ("532 481 ** **", "*** ** **"), ("a8942b", "a8942b"),
        ("18942", "***"), ("MjQ5ODE4NDIzNQ==", "***"), ("32343938313834323335", "***"), ("NTMyNDgx\r\nODk0Mg==", "***"),
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
