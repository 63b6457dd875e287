extension Unicode.Scalar {
    /// It shows nothing of itself and steers what shows it: a control character (C0, DEL, C1), a format character such as those that
    /// turn a line's direction or have no width, a line or paragraph separator.
    ///
    /// What others wrote may hold them; a terminal acts on them, and an eye cannot see them.
    package var steersDisplay: Bool {
        switch value {
        case 0..<0x20, 0x7f..<0xa0, 0xad: true
        // Latin, Greek, Cyrillic: the usual case, without a look-up.
        case 0x20..<0x7f, 0xa1..<0x600: false
        default:
            switch properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: true
            default: false
            }
        }
    }

    /// Appends the scalar as JSON writes it in a string where it must not stand itself: `\u` and four hexadecimal digits, twice for
    /// one beyond U+FFFF.
    package func appendJSONEscape(to bytes: inout [UInt8]) {
        for unit in UTF16.encode(self) ?? .init() {
            let digits = String(unit, radix: 16)
            bytes += "\\u".utf8
            bytes += String(repeating: "0", count: 4 - digits.utf8.count).utf8
            bytes += digits.utf8
        }
    }
}

extension String {
    /// The text with every scalar that steers a display shown as `·`, so that none can; with `lines`, line feeds stay.
    package func visible(lines: Bool = false) -> String {
        let isPlain = unicodeScalars.allSatisfy { !$0.steersDisplay || (lines && $0 == "\n") }
        guard !isPlain else { return self }
        var shown = String.UnicodeScalarView()
        for scalar in unicodeScalars { shown.append(scalar.steersDisplay && !(lines && scalar == "\n") ? "·" : scalar) }
        return String(shown)
    }
}

/// A JSON text on one line that a terminal can be shown: equal in meaning, byte for byte where nothing in it steers a display.
///
/// The JSON must be valid: line breaks outside of strings are only white space then, and become spaces.
package func visibleJSON(_ json: [UInt8]) -> [UInt8] {
    var isHarmless = true
    for byte in json where byte < 0x20 || byte > 0x7e { isHarmless = false }
    guard !isHarmless else { return json }
    var shown: [UInt8] = []
    shown.reserveCapacity(json.count)
    for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
        switch scalar {
        case "\n", "\r", "\t": shown.append(UInt8(ascii: " "))
        case _ where scalar.steersDisplay: scalar.appendJSONEscape(to: &shown)
        default: shown += UTF8.encode(scalar) ?? .init()
        }
    }
    return shown
}
