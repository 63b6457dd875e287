/// A JSON text as a value, exactly as it was written: numbers keep their literal, objects keep their order.
///
/// Reading is strict (RFC 8259, and no duplicate keys; a byte order mark before the text is ignored), total (any input gives a
/// value or a failure) and bounded in depth.
package enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    /// The literal as written: what it means is the caller's question.
    case number(String)
    case string(String)
    case array([JSON])
    case object([Member])

    package struct Member: Equatable, Sendable {
        package var name: String
        package var value: JSON

        package init(name: String, value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// Why a text is no JSON.
    ///
    /// Says where, never what: the text may hold a secret.
    package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        package enum Kind: String, Sendable, CaseIterable {
            case empty = "nothing but white space"
            case unexpectedEnd = "the text ends too early"
            case unexpectedByte = "an unexpected byte"
            case trailingBytes = "more bytes after the end of the value"
            case tooDeep = "nested too deeply"
            case duplicateKey = "a key that occurs twice in one object"
            case invalidUTF8 = "a string that is not valid UTF-8"
            case loneSurrogate = "half of a surrogate pair"
            case controlCharacter = "an unescaped control character in a string"
            case invalidEscape = "an unknown escape sequence"
            case invalidNumber = "a malformed number"
        }

        package var kind: Kind
        /// The byte at which it was noticed, counted from 0.
        ///
        /// For a duplicate key, that of its second opening quote.
        package var offset: Int

        package init(kind: Kind, offset: Int) {
            self.kind = kind
            self.offset = offset
        }

        package var description: String { "\(kind.rawValue) at byte \(offset)" }
    }

    /// How strictly text within JSON is read.
    package enum Strictness: Sendable {
        case strict
        /// Its structure and its numbers as strictly as ever, but its text whatever it holds: bytes that are not UTF-8, raw control
        /// characters, half surrogate pairs.
        ///
        /// Each of them becomes U+FFFD within a string, and a control character white space elsewhere.
        case repairing
    }

    /// What stands for a character that could not be read.
    package static let replacement: Unicode.Scalar = "\u{FFFD}"

    /// Reads one JSON text, which begins at `start` and ends with the bytes.
    ///
    /// `maximumDepth` counts nested arrays and objects, the outermost one included; it is itself limited to 128, because
    /// each level costs stack.
    package static func parse(
        _ bytes: [UInt8],
        from start: Int = 0,
        maximumDepth: Int = 16,
        _ strictness: Strictness = .strict
    ) throws(JSON.Failure) -> JSON {
        var parser = JSONParser(bytes: bytes, from: start, maximumDepth: min(maximumDepth, 128), strictness)
        return try parser.parseText()
    }

    /// Whether an object may begin here: white space and a byte order mark aside, the next byte is a brace.
    static func begins(_ bytes: ArraySlice<UInt8>) -> Bool {
        let text = bytes.starts(with: JSONParser.byteOrderMark) ? bytes.dropFirst(3) : bytes
        return text.first { ![0x20, 0x09, 0x0a, 0x0d].contains($0) } == UInt8(ascii: "{")
    }

    /// The member of that name; `nil` if there is none or this is not an object.
    package subscript(key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.hasSameBytes(as: key) }?.value
    }

    /// The text, if this is a string.
    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The number, if this is one written without fraction and exponent that an `Int` can hold.
    package var integer: Int? {
        if case .number(let literal) = self { Int(literal) } else { nil }
    }

    /// The truth value, if this is one.
    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }
}
