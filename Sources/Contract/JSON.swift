/// A JSON text as a value, exactly as it was written: numbers keep their literal, objects keep their order.
///
/// Reading is strict (RFC 8259, and no duplicate keys), total (any input gives a value or a failure) and bounded in depth.
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

    /// Reads one JSON text.
    ///
    /// `maximumDepth` counts nested arrays and objects, the outermost one included; it is itself limited to 128, because
    /// each level costs stack.
    package static func parse(_ bytes: [UInt8], maximumDepth: Int = 16) throws(JSON.Failure) -> JSON {
        var parser = JSONParser(bytes: bytes, maximumDepth: min(maximumDepth, 128))
        return try parser.parseText()
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
