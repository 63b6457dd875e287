/// Appends JSON to bytes: separators and escapes are its business, the shape is the caller's.
///
/// Never fails and never looks back further than one byte. A `key` outside an object or a missing `end` is the caller's error.
package struct JSONWriter: Sendable {
    /// What has been written so far.
    package private(set) var bytes: [UInt8] = []

    package init(capacity: Int = 768) {
        bytes.reserveCapacity(capacity)
    }

    package mutating func beginObject() {
        separate()
        bytes.append(UInt8(ascii: "{"))
    }

    package mutating func endObject() {
        bytes.append(UInt8(ascii: "}"))
    }

    package mutating func beginArray() {
        separate()
        bytes.append(UInt8(ascii: "["))
    }

    package mutating func endArray() {
        bytes.append(UInt8(ascii: "]"))
    }

    /// The name of the member whose value is written next: one of ours, which needs no escape and is not searched for any.
    package mutating func key(_ name: String) {
        separate()
        var name = name
        name.withUTF8 { name in
            assert(!name.contains(where: Self.needsEscape), "a name that would have to be escaped")
            bytes.append(UInt8(ascii: "\""))
            bytes.append(contentsOf: name)
        }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    package mutating func string(_ text: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { appendEscaped($0) }
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func integer(_ value: some BinaryInteger) {
        separate()
        if let small = Int64(exactly: value) {
            bytes.appendDecimal(small)
        } else {
            bytes.append(contentsOf: String(value).utf8)
        }
    }

    package mutating func bool(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    package mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    /// The moment as an ISO 8601 string.
    package mutating func time(_ value: WallTime) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        value.appendISO8601(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// A comma, unless this is the first of its container or the value of a key.
    ///
    /// Strings end with a quote, so that the last byte is never content.
    private mutating func separate() {
        switch bytes.last {
        case nil, UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ":"): break
        default: bytes.append(UInt8(ascii: ","))
        }
    }

    private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        guard Self.isNotPlain(text), text.contains(where: Self.needsEscape) else {
            bytes.append(contentsOf: text)
            return
        }
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            switch scalar {
            case "\"", "\\": bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: scalar)])
            case "\u{8}": bytes.append(contentsOf: #"\b"#.utf8)
            case "\t": bytes.append(contentsOf: #"\t"#.utf8)
            case "\n": bytes.append(contentsOf: #"\n"#.utf8)
            case "\u{c}": bytes.append(contentsOf: #"\f"#.utf8)
            case "\r": bytes.append(contentsOf: #"\r"#.utf8)
            // Anyone who looks at the raw JSON must not be steered by it.
            case _ where scalar.steersDisplay: scalar.appendJSONEscape(to: &bytes)
            default: bytes.append(contentsOf: UTF8.encode(scalar) ?? .init())
            }
        }
    }

    /// Whether a byte is anything but a printable one of ASCII that stands for itself, looked at eight at a time.
    private static func isNotPlain(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        let bytes = UnsafeRawBufferPointer(text)
        let low: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = 0x8080_8080_8080_8080
        /// Its high bits tell of a zero byte (and of some bytes above one, which costs a second look).
        func zero(_ word: UInt64) -> UInt64 { (word &- low) & ~word }
        var index = 0
        while index + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let control = (word &- low &* 0x20) & ~word
            let others = zero(word ^ low &* 0x22) | zero(word ^ low &* 0x5c) | zero(word ^ low &* 0x7f)
            if (word | control | others) & high != 0 { return true }
            index += 8
        }
        return bytes[index...].contains { needsEscape($0) || $0 >= 0x80 }
    }

    /// Whether something must be escaped, or may have to: in UTF-8, what steers a display and is not ASCII begins with one of these
    /// bytes, and no letter of Turkish does.
    private static func needsEscape(_ byte: UInt8) -> Bool {
        // Nearly all that is ever written.
        if byte < 0x7f { return byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") }
        return switch byte {
        case 0x7f, 0xc2, 0xd8, 0xdb, 0xdc, 0xe0...0xe2, 0xef...0xff: true
        default: false
        }
    }
}
