/// Writes JSON strings that are also safe on a terminal: whatever could move the cursor, break the line or turn its direction is
/// escaped.
enum JSONText {
    /// Appends `text` in quotes.
    ///
    /// What exceeds `limit` bytes of escaped text is cut off and replaced by an ellipsis.
    static func append(_ text: String, to bytes: inout [UInt8], limit: Int = .max) {
        bytes.append(UInt8(ascii: "\""))
        let start = bytes.count
        for scalar in text.unicodeScalars {
            guard bytes.count - start < limit else {
                bytes += "…".utf8
                break
            }
            append(scalar, to: &bytes)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func append(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
        switch scalar {
        case "\"": bytes += #"\""#.utf8
        case "\\": bytes += #"\\"#.utf8
        case "\n": bytes += #"\n"#.utf8
        case "\r": bytes += #"\r"#.utf8
        case "\t": bytes += #"\t"#.utf8
        default:
            if isUnsafe(scalar) {
                // Every scalar of `isUnsafe` is below U+10000, so one escape is enough.
                let digits = String(scalar.value, radix: 16)
                bytes += #"\u"#.utf8
                bytes += String(repeating: "0", count: max(0, 4 - digits.count)).utf8
                bytes += digits.utf8
            } else {
                bytes += UTF8.encode(scalar).map { Array($0) } ?? []
            }
        }
    }

    /// Control characters, line and paragraph separators, and the marks that override a line's direction.
    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff: true
        default: false
        }
    }
}
