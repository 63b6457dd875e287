import OTPContract
import Testing

@Suite("What others wrote steers nobody's terminal")
struct VisibleTextTests {
    /// Escape, C1's control sequence introducer, a direction override, a soft hyphen, no width, a separator, a tag.
    private static let steering = [
        "\u{1b}", "\u{9b}", "\u{7f}", "\u{202e}", "\u{2066}", "\u{ad}", "\u{200b}", "\u{2028}", "\u{feff}", "\u{e0041}",
    ]

    @Test(arguments: steering) func itIsShownAsADot(character: String) {
        #expect("a\(character)b".visible() == "a·b")
    }

    @Test func lettersStayAndLineFeedsWhereTheyAreMeant() {
        #expect("İşlem – başarılı 漢字 😀 e\u{301}\u{a0}x".visible() == "İşlem – başarılı 漢字 😀 e\u{301}\u{a0}x")
        #expect("a\nb\r\n".visible() == "a·b··")
        #expect("a\nb\r\n".visible(lines: true) == "a\nb·\n")
    }

    @Test(arguments: steering) func theWriterEscapesIt(character: String) throws {
        var json = JSONWriter()
        json.string("ş\(character)\"")
        let text = String(decoding: json.bytes, as: UTF8.self)
        #expect(text.hasPrefix("\"ş\\u") && text.unicodeScalars.allSatisfy { !$0.steersDisplay })
        #expect(try JSON.parse(json.bytes).string == "ş\(character)\"")
    }

    @Test(arguments: steering) func rawJSONIsEscapedAndMeansTheSame(character: String) throws {
        guard character != "\u{1b}" else { return }
        let raw = Array("{\"a\":\"ş\(character)x\",\r\n\t\"b\":1}".utf8)
        let shown = visibleJSON(raw)
        #expect(String(decoding: shown, as: UTF8.self).unicodeScalars.allSatisfy { !$0.steersDisplay })
        #expect(try JSON.parse(shown) == JSON.parse(raw))
    }

    @Test func whatSteersNothingIsByteForByteTheSame() {
        let raw = Array(#"{"a":"İşlem","b":[1,"\u0007","x\"y"]}"#.utf8)
        #expect(visibleJSON(raw) == raw)
    }
}
