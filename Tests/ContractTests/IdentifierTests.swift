import OTPContract
import Testing

@Suite("Identifiers: sessions, phones, codes")
struct IdentifierTests {
    @Test func sessionBounds() {
        #expect(SessionID("1")?.text == "1")
        #expect(SessionID(String(repeating: "x", count: 256)) != nil)
        #expect(SessionID(String(repeating: "x", count: 257)) == nil)
        #expect(SessionID(String(repeating: "ş", count: 129)) == nil, "the bound counts bytes")
        #expect(SessionID("") == nil)
    }

    @Test(arguments: ["a\u{0}", "\n", "a\u{1f}b", "\u{7f}", "\u{80}", "\u{9f}x", "tab\t"])
    func sessionRefusesControlCharacters(text: String) {
        #expect(SessionID(text) == nil)
    }

    @Test(arguments: ["\u{a0}", "é", "oturum-çğış", "\u{2028}", "😀", "a b"])
    func sessionKeepsOtherCharacters(text: String) {
        #expect(SessionID(text)?.text == text)
    }

    @Test func sessionsAreComparedByBytes() throws {
        let composed = try #require(SessionID("caf\u{e9}"))
        let decomposed = try #require(SessionID("cafe\u{301}"))
        #expect(composed.text == decomposed.text, "equal to the eye")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed, composed]).count == 2)
    }

    @Test func coordinatesReadAsAPath() {
        #expect(Sample.source.description == "otp.verify.commands/3/42")
        #expect("\(Coordinates(topic: "t", partition: .max, offset: -1))" == "t/2147483647/-1")
    }

    @Test(arguments: [
        "5324818942", "05324818942", "905324818942", "+905324818942", "00905324818942", "+90 532 481 89 42",
        "0090 532 481 89 42", "(0532) 481-89-42", "0532.481.89.42", " 5324818942 ", "+90\u{a0}532\u{a0}4818942",
        "+90(532)4818942", "+90 (0) 532 481 89 42", "+90 0532 481 89 42", "0090 (0)532 481 89 42", "90 0532 4818942",
        "0532/481 89 42", "0532\u{2011}481\u{2013}89\u{2212}42", "\u{200e}+90 532 481 89 42\u{200e}",
        "\u{202a}+90 532 481 89 42\u{202c}", "\u{2068}0532\u{2069}4818942", "\u{feff}5324818942",
        "532\u{ad}481\u{200b}8942",
        "5\u{34F}3\u{180B}2\u{115F}4\u{3164}8\u{2800}1\u{E0020}8\u{E0100}9\u{1D173}4\u{17B4}2\u{FFA0}",
        "[532] 481 89 42", "+90 [532] 4818942", "532\u{FF0D}481\u{FE63}89\u{FE58}42", "（０５３２）４８１－８９－４２",
        "＋９０（５３２）４８１８９４２",
        "\u{FE62}90 ［532］ 481．89／42", "\u{FE59}0532\u{FE5A}4818942", "٥٣٢٤٨١٨٩٤٢", "+۹۰ ۵۳۲ ۴۸۱ ۸۹ ۴۲", "५३२४८१८९४२",
        "𝟓𝟑𝟐4818942",
        "\u{202b}٠٥٣٢ ٤٨١ ٨٩ ٤٢\u{202c}",
    ])
    func phoneIsNormalised(text: String) {
        #expect(PhoneNumber(normalising: text)?.revealed == "5324818942")
    }

    @Test(arguments: [
        "", " ", "532481894", "53248189422", "4324818942", "04324818942", "904324818942", "+5324818942",
        "+05324818942", "++905324818942", "90+5324818942", "+00905324818942", "0905324818942", "915324818942",
        "+90005324818942", "000905324818942", "+009005324818942", "1905324818942", "0090005324818942",
        "+445324818942", "5324818942x", "٤٣٢٤٨١٨٩٤٢", "٥٣٢٤٨١٨٩٤", "5324818942;5324818942", "532481894\u{0}2",
        "532481894\u{7f}2", "532481894\u{fffe}2", "532_481_89_42", "⑤③②④⑧①⑧⑨④②", "++905324818942", "+＋905324818942",
        "5+324818942", "5324818942+",
    ])
    func phoneIsRefused(text: String) {
        #expect(PhoneNumber(normalising: text) == nil)
    }

    @Test func phoneIsMasked() {
        #expect(PhoneNumber(normalising: "5324818942")?.masked == "532*****42")
    }

    @Test func codeIsTrimmedAndKeepsItsCase() {
        #expect(OTPCode(trimming: "ART2")?.revealed == "ART2")
        #expect(OTPCode(trimming: " \t\r\n\u{a0}\u{2003}aRt2 ")?.revealed == "aRt2")
        #expect(OTPCode(trimming: "a") != OTPCode(trimming: "A"))
        #expect(OTPCode(trimming: "0")?.revealed == "0")
        #expect(OTPCode(trimming: "1234567890abcdef")?.revealed.count == 16)
    }

    @Test(arguments: [
        "١٢٣٤", "۱۲۳۴", "１２３４", "१२३४", "𝟏𝟐𝟑𝟒", "1٢3４", "\u{200f}١٢٣٤\u{200f}", "\u{feff}1234\u{200b}",
        "\u{34F}\u{180B}1234\u{115F}\u{3164}", "\u{2800}1234\u{E0020}\u{E0100}\u{1D173}", "1234\u{FE0F}",
    ])
    func digitsOfAnyScriptAreThoseDigits(text: String) {
        #expect(OTPCode(trimming: text)?.revealed == "1234")
        #expect(OTPCode(trimming: text)?.canBeRight == true)
    }

    /// The user's slip: it is rejected without a call, and the producer has done nothing wrong.
    @Test(arguments: [
        "AR T2", "AR-2", "şifre", "12\u{0}4", "1234.", "K\u{212a}", "O’Neil", "12\u{200b}34", "Ａ123", "²345", "①②③④",
        "😀",
        "1234567890abcde\u{131}", "1234567890abcdef\u{301}", "1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣", "👨‍👩‍👧‍👦👨‍👩‍👧‍👦", "ş\u{301}ifre",
    ])
    func anyOtherCharacterCanNeverBeRight(text: String) {
        #expect(OTPCode(trimming: text)?.revealed == text)
        #expect(OTPCode(trimming: text)?.canBeRight == false)
    }

    @Test func aCodesCharactersAreThoseThatAReaderSees() {
        let keycaps = String(repeating: "1\u{FE0F}\u{20E3}", count: 16)
        #expect(OTPCode(trimming: keycaps)?.canBeRight == false)
        #expect(OTPCode(trimming: keycaps + "1") == nil)
        #expect(OTPCode(trimming: "a" + String(repeating: "\u{301}", count: 63))?.revealed.utf8.count == 127)
        #expect(OTPCode(trimming: "ab" + String(repeating: "\u{301}", count: 63))?.revealed.utf8.count == 128)
    }

    @Test func whatCanBeRightIsLettersAndDigits() {
        #expect(OTPCode(trimming: "aRt2")?.canBeRight == true)
        #expect(OTPCode(trimming: String(repeating: "٣", count: 16))?.revealed == "3333333333333333")
    }

    /// The producer's mistake.
    @Test(arguments: [
        "", " ", "\u{200b}\u{feff}", "1234567890abcdefg", "1234567890 123456",
        "1234567890abcdefg\u{301}", "a" + String(repeating: "\u{301}", count: 64), String(repeating: "👨‍👩‍👧‍👦", count: 6),
        String(repeating: "٣", count: 17), String(repeating: "x", count: 60_000),
    ])
    func codeIsRefused(text: String) {
        #expect(OTPCode(trimming: text) == nil)
    }
}
