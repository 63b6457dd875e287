/// The reader behind `JSON.parse`: one pass, no look-behind, every access checked against the end.
///
/// Never keeps or reports content; a failure is a kind and a place.
struct JSONParser {
    static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]

    private let bytes: [UInt8]
    private let maximumDepth: Int
    private let repairs: Bool
    private var position: Int
    private var depth = 0

    init(bytes: [UInt8], from start: Int, maximumDepth: Int, _ strictness: JSON.Strictness) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
        repairs = strictness == .repairing
        position = start
    }

    mutating func parseText() throws(JSON.Failure) -> JSON {
        if bytes[position...].starts(with: Self.byteOrderMark) { position += Self.byteOrderMark.count }
        skipSpace()
        guard position < bytes.count else { throw failure(.empty) }
        let value = try parseValue()
        skipSpace()
        guard position == bytes.count else { throw failure(.trailingBytes) }
        return value
    }

    /// The string that begins at a place, its escapes read.
    static func string(in bytes: [UInt8], at start: Int) -> String? {
        var parser = JSONParser(bytes: bytes, from: start, maximumDepth: 0, .strict)
        return try? parser.parseString()
    }

    private func failure(_ kind: JSON.Failure.Kind, at offset: Int? = nil) -> JSON.Failure {
        JSON.Failure(kind: kind, offset: offset ?? position)
    }

    /// What to report for a byte that does not fit here, or for the lack of one.
    private func misfit() -> JSON.Failure {
        failure(position < bytes.count ? .unexpectedByte : .unexpectedEnd)
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            case 0..<0x20 where repairs: position += 1
            default: return
            }
        }
    }

    private mutating func consume(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func parseValue() throws(JSON.Failure) -> JSON {
        guard position < bytes.count else { throw failure(.unexpectedEnd) }
        switch bytes[position] {
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "{"): return try parseObject()
        case UInt8(ascii: "["): return try parseArray()
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        default: throw failure(.unexpectedByte)
        }
    }

    private mutating func parseWord(_ word: String, _ value: JSON) throws(JSON.Failure) -> JSON {
        for byte in word.utf8 where !consume(byte) { throw misfit() }
        return value
    }

    private mutating func descend() throws(JSON.Failure) {
        guard depth < maximumDepth else { throw failure(.tooDeep) }
        depth += 1
        position += 1
        skipSpace()
    }

    private mutating func parseArray() throws(JSON.Failure) -> JSON {
        try descend()
        var elements: [JSON] = []
        if !consume(UInt8(ascii: "]")) {
            while true {
                elements.append(try parseValue())
                skipSpace()
                if consume(UInt8(ascii: "]")) { break }
                guard consume(UInt8(ascii: ",")) else { throw misfit() }
                skipSpace()
            }
        }
        depth -= 1
        return .array(elements)
    }

    private mutating func parseObject() throws(JSON.Failure) -> JSON {
        try descend()
        var members: [JSON.Member] = []
        if !consume(UInt8(ascii: "}")) {
            var names = NameSet()
            members.reserveCapacity(4)
            while true {
                guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw misfit() }
                let start = position
                let name = try parseString()
                guard names.insert(name, among: members) else { throw failure(.duplicateKey, at: start) }
                skipSpace()
                guard consume(UInt8(ascii: ":")) else { throw misfit() }
                skipSpace()
                members.append(JSON.Member(name: name, value: try parseValue()))
                skipSpace()
                if consume(UInt8(ascii: "}")) { break }
                guard consume(UInt8(ascii: ",")) else { throw misfit() }
                skipSpace()
            }
        }
        depth -= 1
        return .object(members)
    }

    private mutating func parseNumber() throws(JSON.Failure) -> JSON {
        let start = position
        _ = consume(UInt8(ascii: "-"))
        if !consume(UInt8(ascii: "0")) { try parseDigits() }
        if consume(UInt8(ascii: ".")) { try parseDigits() }
        if consume(UInt8(ascii: "e")) || consume(UInt8(ascii: "E")) {
            if !consume(UInt8(ascii: "+")) { _ = consume(UInt8(ascii: "-")) }
            try parseDigits()
        }
        // A digit here can only follow a leading zero.
        if position < bytes.count, isDigit(bytes[position]) { throw failure(.invalidNumber) }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func parseDigits() throws(JSON.Failure) {
        guard position < bytes.count else { throw failure(.unexpectedEnd) }
        guard isDigit(bytes[position]) else { throw failure(.invalidNumber) }
        while position < bytes.count, isDigit(bytes[position]) { position += 1 }
    }

    private func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// Reads a string from its opening quote.
    ///
    /// One without escapes is taken as it stands.
    private mutating func parseString() throws(JSON.Failure) -> String {
        let start = position
        var seen: UInt8 = 0
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                defer { position += 1 }
                let slice = bytes[(start + 1)..<position]
                // ASCII needs no validation, and `decoding` is the cheaper way in.
                return seen < 0x80 ? String(decoding: slice, as: UTF8.self) : try text(slice, at: start)
            }
            if byte == UInt8(ascii: "\\") { return try parseEscapedString(from: start) }
            if byte < 0x20 {
                guard repairs else { throw failure(.controlCharacter) }
                return try parseEscapedString(from: start)
            }
            seen |= byte
            position += 1
        }
        throw failure(.unexpectedEnd)
    }

    private func text(_ slice: ArraySlice<UInt8>, at start: Int) throws(JSON.Failure) -> String {
        if let text = String(validating: slice, as: UTF8.self) { return text }
        guard repairs else { throw failure(.invalidUTF8, at: start) }
        return String(decoding: slice, as: UTF8.self)
    }

    /// Reads on where it can no longer be taken as it stands.
    private mutating func parseEscapedString(from start: Int) throws(JSON.Failure) -> String {
        var unescaped = Array(bytes[(start + 1)..<position])
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return try text(unescaped[...], at: start)
            }
            guard byte >= 0x20 || repairs else { throw failure(.controlCharacter) }
            position += 1
            if byte == UInt8(ascii: "\\") {
                try parseEscape(into: &unescaped)
            } else if byte < 0x20 {
                unescaped.append(contentsOf: String(JSON.replacement).utf8)
            } else {
                unescaped.append(byte)
            }
        }
        throw failure(.unexpectedEnd)
    }

    private mutating func parseEscape(into unescaped: inout [UInt8]) throws(JSON.Failure) {
        guard position < bytes.count else { throw failure(.unexpectedEnd) }
        let byte = bytes[position]
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(byte)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0c)
        case UInt8(ascii: "n"): unescaped.append(0x0a)
        case UInt8(ascii: "r"): unescaped.append(0x0d)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"):
            position += 1
            unescaped.append(contentsOf: try parseUnicodeEscape().utf8)
            return
        default: throw failure(.invalidEscape)
        }
        position += 1
    }

    /// Reads the four digits after `\u`, and the other half if they are the first of a surrogate pair.
    private mutating func parseUnicodeEscape() throws(JSON.Failure) -> Unicode.Scalar {
        let start = position
        let unit = try parseHex()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        let behind = position
        if UTF16.isLeadSurrogate(unit), consume(UInt8(ascii: "\\")), consume(UInt8(ascii: "u")) {
            let other = try parseHex()
            if UTF16.isTrailSurrogate(other),
                let scalar = Unicode.Scalar(0x10000 + (UInt32(unit) - 0xd800) << 10 + (UInt32(other) - 0xdc00))
            {
                return scalar
            }
        }
        guard repairs else { throw failure(.loneSurrogate, at: start) }
        position = behind
        return JSON.replacement
    }

    private mutating func parseHex() throws(JSON.Failure) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard position < bytes.count else { throw failure(.unexpectedEnd) }
            let digit: UInt8
            switch bytes[position] {
            case let byte where isDigit(byte): digit = byte - UInt8(ascii: "0")
            case let byte where (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte):
                digit = byte - UInt8(ascii: "a") + 10
            case let byte where (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte):
                digit = byte - UInt8(ascii: "A") + 10
            default: throw failure(.invalidEscape)
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}

/// The names of one object so far.
///
/// Few are compared one by one; from then on a set keeps a hostile object linear.
private struct NameSet {
    private struct Name: Hashable {
        let text: String
        static func == (lhs: Name, rhs: Name) -> Bool { lhs.text.hasSameBytes(as: rhs.text) }
        func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
    }

    private static let comparedOneByOne = 16
    private var names: Set<Name> = []

    mutating func insert(_ name: String, among members: [JSON.Member]) -> Bool {
        if members.count < Self.comparedOneByOne {
            return !members.contains { $0.name.hasSameBytes(as: name) }
        }
        if names.isEmpty { names = Set(members.map { Name(text: $0.name) }) }
        return names.insert(Name(text: name)).inserted
    }
}
