import FuzzKit
import OTPContract
import Testing

@Suite("JSON: strict, total, bounded")
struct JSONTests {
    private func parse(_ text: String, maximumDepth: Int = 16) throws(JSON.Failure) -> JSON {
        try JSON.parse(Array(text.utf8), maximumDepth: maximumDepth)
    }

    private func failure(_ bytes: [UInt8], maximumDepth: Int = 16) -> JSON.Failure? {
        do throws(JSON.Failure) {
            _ = try JSON.parse(bytes, maximumDepth: maximumDepth)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        arguments: [
            ("null", .null), (" true ", .bool(true)), ("\t\r\nfalse\n", .bool(false)), ("\"\"", .string("")),
            ("0", .number("0")), ("-0", .number("-0")), ("-12.50e+07", .number("-12.50e+07")), ("1E5", .number("1E5")),
            ("123456789012345678901234567890", .number("123456789012345678901234567890")),
            ("[]", .array([])), ("[ 1 , \"a\" ]", .array([.number("1"), .string("a")])), ("{ }", .object([])),
            (
                "{\"b\" : 1 , \"a\":[{}]}",
                .object([
                    .init(name: "b", value: .number("1")), .init(name: "a", value: .array([.object([])])),
                ])
            ),
            (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{c}\n\r\t")),
            (#""\u0041\u00e7\u20AC\ud83d\uDE00\u0000""#, .string("Aç€😀\u{0}")),
            ("\"Başarılı İşlem \u{2028}\u{7f}\"", .string("Başarılı İşlem \u{2028}\u{7f}")),
        ] as [(String, JSON)]
    )
    func reads(text: String, value: JSON) throws {
        #expect(try parse(text) == value)
    }

    @Test(
        arguments: [
            ("", .empty, 0), (" \n", .empty, 2), ("{", .unexpectedEnd, 1), ("[1,", .unexpectedEnd, 3),
            ("\"abc", .unexpectedEnd, 4),
            ("\"\\", .unexpectedEnd, 2), ("tru", .unexpectedEnd, 3), ("-", .unexpectedEnd, 1),
            ("1.", .unexpectedEnd, 2),
            ("1e", .unexpectedEnd, 2), ("\"\\u00", .unexpectedEnd, 5), ("{\"a\":1", .unexpectedEnd, 6),
            ("nul!", .unexpectedByte, 3), ("{a:1}", .unexpectedByte, 1), ("{'a':1}", .unexpectedByte, 1),
            ("[1,]", .unexpectedByte, 3), ("{\"a\":1,}", .unexpectedByte, 7), ("{\"a\" 1}", .unexpectedByte, 5),
            ("[1 2]", .unexpectedByte, 3),
            ("[", .unexpectedEnd, 1), ("]", .unexpectedByte, 0), ("+1", .unexpectedByte, 0), (".5", .unexpectedByte, 0),
            ("NaN", .unexpectedByte, 0), ("\u{feff}\u{feff}{}", .unexpectedByte, 3), ("\u{feff}", .empty, 3),
            ("\u{a0}1", .unexpectedByte, 0),
            ("/**/1", .unexpectedByte, 0),
            ("{\"a\":}", .unexpectedByte, 5), ("[1}", .unexpectedByte, 2),
            ("1 1", .trailingBytes, 2), ("{}x", .trailingBytes, 2), ("{}\u{0}", .trailingBytes, 2),
            ("1a", .trailingBytes, 1),
            ("01", .invalidNumber, 1), ("-01", .invalidNumber, 2), ("1.e5", .invalidNumber, 2),
            ("-a", .invalidNumber, 1), ("1ex", .invalidNumber, 2),
            ("\"a\nb\"", .controlCharacter, 2), ("\"\\n\u{1}\"", .controlCharacter, 3),
            ("\"\u{0}\"", .controlCharacter, 1),
            ("\"\\x41\"", .invalidEscape, 2), ("\"\\u00g0\"", .invalidEscape, 5), ("\"\\U0041\"", .invalidEscape, 2),
            (#""\ud800""#, .loneSurrogate, 3), (#""\udc00""#, .loneSurrogate, 3),
            (#""\ud800\ud800""#, .loneSurrogate, 3),
            (#""\ud800A""#, .loneSurrogate, 3), (#""\ud800\n""#, .loneSurrogate, 3),
            (#"{"a":1,"b":2,"a":3}"#, .duplicateKey, 13), (#"[{"x":{"a":1,"a":1}}]"#, .duplicateKey, 13),
            (#"{"a":1,"\u0061":1}"#, .duplicateKey, 7),
        ] as [(String, JSON.Failure.Kind, Int)]
    )
    func refuses(text: String, kind: JSON.Failure.Kind, offset: Int) {
        #expect(failure(Array(text.utf8)) == JSON.Failure(kind: kind, offset: offset))
    }

    @Test(
        arguments: [
            [0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80],
            [0xf8, 0x88, 0x80, 0x80, 0x80],
        ] as [[UInt8]]
    )
    func refusesInvalidUTF8(bytes: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        #expect(failure([quote] + bytes + [quote])?.kind == .invalidUTF8)
        #expect(failure(Array("\"\\n".utf8) + bytes + [quote])?.kind == .invalidUTF8)
        #expect(failure(bytes)?.kind == .unexpectedByte)
    }

    @Test func aByteOrderMarkBeforeTheTextIsIgnored() throws {
        #expect(try parse("\u{feff} {\"a\":\"\u{feff}\"}")["a"]?.string == "\u{feff}")
    }

    @Test func aTextMayBeginFurtherOn() throws {
        #expect(try JSON.parse(Array("xx{}".utf8), from: 2) == .object([]))
        #expect(throws: JSON.Failure(kind: .unexpectedByte, offset: 3)) { try JSON.parse(Array("xx{x".utf8), from: 2) }
    }

    /// What stands around a code may be in any charset; the code is read as strictly as ever.
    @Test(
        arguments: [
            (Array(#"{"m":"Ba"#.utf8) + [0xfe] + Array(#"ar"}"#.utf8), "Ba\u{fffd}ar"),
            (Array(#"{"m":"\n"#.utf8) + [0xfe] + Array(#""}"#.utf8), "\n\u{fffd}"),
            (Array("{\"m\":\"a\tb\u{1f}\u{0}\\n\"}".utf8), "a\u{fffd}b\u{fffd}\u{fffd}\n"),
            (Array(#"{"m":"\ud83d"}"#.utf8), "\u{fffd}"), (Array(#"{"m":"\ud83d\u0041"}"#.utf8), "\u{fffd}A"),
            (Array(#"{"m":"\ud83d\n\udc00"}"#.utf8), "\u{fffd}\n\u{fffd}"),
            (Array("\u{0}{\"m\"\u{b}:\"x\"}\u{0}".utf8), "x"),
        ] as [([UInt8], String)]
    )
    func unreadableTextIsRepairedOnRequest(bytes: [UInt8], text: String) throws {
        #expect(throws: JSON.Failure.self) { try JSON.parse(bytes) }
        #expect(try JSON.parse(bytes, .repairing)["m"]?.string == text)
    }

    @Test(arguments: [
        #"{"a":1,"a":2}"#, #"{"a":1"#, #"{"a":"\x"}"#, "{\"a\":1\u{0}2}", #"{"a":01}"#, #"{"a":1}{"#, "\u{0}",
        #"{"a":"\ud8"}"#,
    ])
    func structureIsNeverRepaired(text: String) {
        #expect(throws: JSON.Failure.self) { try JSON.parse(Array(text.utf8), .repairing) }
    }

    @Test func depthIsBounded() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array(String(repeating: "[", count: depth).utf8) + Array(String(repeating: "]", count: depth).utf8)
        }
        #expect(failure(nested(16)) == nil)
        #expect(failure(nested(17)) == JSON.Failure(kind: .tooDeep, offset: 16))
        #expect(failure(nested(1_000_000))?.kind == .tooDeep)
        #expect(failure(nested(1_000_000), maximumDepth: .max)?.offset == 128)
        #expect(failure(Array(String(repeating: "{\"a\":", count: 17).utf8))?.kind == .tooDeep)
        #expect(failure(nested(1), maximumDepth: 0)?.kind == .tooDeep)
        // Siblings are not depth.
        #expect(failure(Array("[\(Array(repeating: "[{}]", count: 100).joined(separator: ","))]".utf8)) == nil)
    }

    @Test func duplicatesAreFoundAmongManyKeysToo() {
        let keys = (0..<5000).map { "\"k\($0)\":0" }
        #expect(failure(Array("{\(keys.joined(separator: ","))}".utf8)) == nil)
        #expect(failure(Array("{\((keys + ["\"k7\":0"]).joined(separator: ","))}".utf8))?.kind == .duplicateKey)
        #expect(failure(Array("{\((keys + ["\"k4999\":0"]).joined(separator: ","))}".utf8))?.kind == .duplicateKey)
    }

    @Test func keysAreComparedByBytes() throws {
        let value = try parse("{\"caf\u{e9}\":1,\"cafe\u{301}\":2}")
        #expect(value["cafe\u{301}"]?.integer == 2)
    }

    @Test func accessors() throws {
        let value = try parse(#"{"code":0,"big":9223372036854775808,"f":1.0,"s":"5","t":true,"n":null}"#)
        #expect(value["code"]?.integer == 0)
        #expect(value["big"]?.integer == nil)
        #expect(value["f"]?.integer == nil)
        #expect(value["s"]?.string == "5")
        #expect(value["s"]?.integer == nil)
        #expect(value["t"]?.bool == true)
        #expect(value["n"] == .null)
        #expect(value["absent"] == nil)
        #expect(value["code"]?["x"] == nil)
    }

    @Test func aFailureSaysWhereAndNotWhat() {
        #expect(failure(Array("{\"secret\" 1}".utf8)).map { "\($0)" } == "an unexpected byte at byte 10")
    }
}

@Suite("JSONWriter: what it writes can be read back")
struct JSONWriterTests {
    private func written(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return utf8(writer.bytes)
    }

    @Test(arguments: [
        ("", #""""#), ("Başarılı İşlem 😀", #""Başarılı İşlem 😀""#), ("\"\\/", #""\"\\/""#),
        ("\u{0}\u{1f}", #""\u0000\u001f""#),
        ("\u{8}\t\n\u{c}\r", #""\b\t\n\f\r""#), ("\u{7f}\u{2028}", #""\u007f\u2028""#), ("a{", #""a{""#),
    ])
    func escapes(text: String, json: String) {
        #expect(written(text) == json)
    }

    /// Text is looked at eight bytes at a time, and what is left one by one.
    @Test(arguments: [
        ("\"", #"\""#), ("\\", #"\\"#), ("\u{0}", #"\u0000"#), ("\u{1f}", #"\u001f"#), ("\u{7f}", #"\u007f"#),
        ("ş", "ş"),
    ])
    func escapesWhereverItStands(character: String, escaped: String) {
        for length in 0..<20 {
            for position in 0...length {
                let (before, after) = (
                    String(repeating: "~", count: position), String(repeating: " ", count: length - position)
                )
                #expect(written(before + character + after) == "\"" + before + escaped + after + "\"")
            }
        }
    }

    @Test(arguments: [0, 1, -1, 9, 10, 99, 100, -100, 999_999_999, .max, .min, .max - 1, .min + 1] as [Int64])
    func writesIntegers(value: Int64) {
        var writer = JSONWriter()
        writer.integer(value)
        #expect(utf8(writer.bytes) == String(value))
    }

    @Test func writesIntegersThatNeedMoreThan63Bits() {
        var writer = JSONWriter()
        writer.integer(UInt64.max)
        #expect(utf8(writer.bytes) == "18446744073709551615")
    }

    @Test func separates() throws {
        var writer = JSONWriter()
        writer.beginArray()
        writer.string("[")
        writer.string("{")
        writer.beginObject()
        writer.endObject()
        writer.beginObject()
        writer.key(":")
        writer.string(":")
        writer.key("n")
        writer.integer(Int64.min)
        writer.key("a")
        writer.beginArray()
        writer.endArray()
        writer.key("b")
        writer.bool(false)
        writer.endObject()
        writer.null()
        writer.time(WallTime(milliseconds: 0))
        writer.endArray()
        let json = #"["[","{",{},{":":":","n":-9223372036854775808,"a":[],"b":false},null,"1970-01-01T00:00:00.000Z"]"#
        #expect(utf8(writer.bytes) == json)
    }

    @Test func anyTextComesBack() throws {
        var generator = SeededGenerator(state: 3)
        for _ in 0..<2000 {
            var scalars = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0..<20, using: &generator) {
                let limit: UInt32 = Bool.random(using: &generator) ? 0x80 : 0x110000
                if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &generator)) {
                    scalars.append(scalar)
                }
            }
            let text = String(scalars)
            let read = try JSON.parse(Array(written(text).utf8)).string
            #expect(read?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
        }
    }
}
