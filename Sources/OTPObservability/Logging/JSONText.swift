import OTPContract

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
            if scalar.steersDisplay {
                scalar.appendJSONEscape(to: &bytes)
            } else {
                bytes += UTF8.encode(scalar).map { Array($0) } ?? []
            }
        }
    }
}
