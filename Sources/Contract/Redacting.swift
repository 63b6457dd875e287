/// A value that must not be read by accident: printing, dumping and reflecting all show the same fixed text.
///
/// The value leaves such a type only through a property whose name says so (`revealed`), which makes every use easy to find.
package protocol Redacting: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable, Sendable {}

extension Redacting {
    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// A Turkish mobile number in the form that the upstream asks for, `5XXXXXXXXX`.
package struct PhoneNumber: Hashable, Redacting {
    /// Ten ASCII digits, the first is 5.
    package let revealed: String

    /// Reads `+90 532 481 89 42`, `0090…`, `90532…`, `0532…` and `532…`.
    ///
    /// Spaces, hyphens, dots and brackets between digits are ignored. `nil` for anything else.
    package init?(normalising text: String) {
        var digits: [UInt8] = []
        var international = false
        for scalar in text.unicodeScalars {
            switch scalar {
            case "0"..."9":
                guard digits.count < 14 else { return nil }
                digits.append(UInt8(ascii: scalar))
            case "+":
                guard digits.isEmpty, !international else { return nil }
                international = true
            case "-", ".", "(", ")": continue
            default: guard scalar.properties.isWhitespace else { return nil }
            }
        }
        guard let national = Self.national(digits[...], international: international),
            national.first == UInt8(ascii: "5")
        else { return nil }
        revealed = String(decoding: national, as: UTF8.self)
    }

    private static func national(_ digits: ArraySlice<UInt8>, international: Bool) -> ArraySlice<UInt8>? {
        switch digits.count {
        case 10 where !international: digits
        case 11 where !international && digits.starts(with: "0".utf8): digits.dropFirst(1)
        case 12 where digits.starts(with: "90".utf8): digits.dropFirst(2)
        case 14 where !international && digits.starts(with: "0090".utf8): digits.dropFirst(4)
        default: nil
        }
    }

    /// `532*****42`: enough for a support case, too little to call.
    package var masked: String { "\(revealed.prefix(3))*****\(revealed.suffix(2))" }
}

/// What the user typed: 1–16 ASCII letters or digits, case kept.
package struct OTPCode: Hashable, Redacting {
    package let revealed: String

    /// `nil` if anything but 1–16 ASCII letters or digits is left once the surrounding white space is gone.
    package init?(trimming text: String) {
        let isSpace = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace }
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !isSpace($0) }),
            let last = scalars.lastIndex(where: { !isSpace($0) })
        else { return nil }
        let trimmed = text[first...last]
        guard trimmed.utf8.count <= 16, trimmed.utf8.allSatisfy(\.isASCIILetterOrDigit) else { return nil }
        revealed = String(trimmed)
    }
}

/// Any other text that must not be seen, such as an API key.
package struct Secret: Equatable, Redacting {
    package let revealed: String

    package init(_ revealed: String) {
        self.revealed = revealed
    }
}

extension UInt8 {
    var isASCIILetterOrDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}
