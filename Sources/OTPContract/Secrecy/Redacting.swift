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

    /// Reads `+90 532 481 89 42`, `0090…`, `90532…`, `0532…` and `532…`, and a country code with the zero behind it that is dialled
    /// within the country, `+90 (0) 532…`.
    ///
    /// Digits may be of any script, as a code's may. Spaces, hyphens and dashes, dots, slashes, brackets and invisible characters are
    /// ignored. `nil` for anything else.
    package init?(normalising text: String) {
        var digits: [UInt8] = []
        var international = false
        for scalar in text.unicodeScalars {
            switch scalar.withASCIIDigit {
            case let digit where ("0"..."9").contains(digit):
                guard digits.count < 15 else { return nil }
                digits.append(UInt8(ascii: digit))
            case "+", "\u{FE62}", "\u{FF0B}":
                guard digits.isEmpty, !international else { return nil }
                international = true
            case _ where scalar.separatesDigits || scalar.isInvisible: continue
            default: return nil
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
        case 13 where digits.starts(with: "900".utf8): digits.dropFirst(3)
        case 14 where !international && digits.starts(with: "0090".utf8): digits.dropFirst(4)
        case 15 where !international && digits.starts(with: "00900".utf8): digits.dropFirst(5)
        default: nil
        }
    }

    /// `532*****42`: enough for a support case, too little to call.
    package var masked: String {
        String(unsafeUninitializedCapacity: 10) { text in
            for (index, digit) in revealed.utf8.enumerated() {
                text.initializeElement(at: index, to: 3..<8 ~= index ? UInt8(ascii: "*") : digit)
            }
            return 10
        }
    }
}

/// What the user typed: 1–16 characters, case kept, digits of any script as ASCII digits.
package struct OTPCode: Hashable, Redacting {
    /// Characters as a reader counts them: one may be several Unicode scalars.
    package static let maximumCharacters = 16
    /// Bytes that they may take together: a character may have any number of accents.
    package static let maximumBytes = 128

    package let revealed: String
    /// Whether it is made of ASCII letters and digits, as every code is.
    ///
    /// Another is the user's slip: wrong, whatever the upstream would say, and so never sent to it.
    package let canBeRight: Bool

    /// `nil` if nothing is left once the white space and the invisible characters around it are gone, or more than 16 characters or 128
    /// bytes are.
    package init?(trimming text: String) {
        // As nearly all are: nothing around it, and nothing but letters and digits of ASCII.
        if (1...Self.maximumCharacters).contains(text.utf8.count), text.utf8.allSatisfy(\.isASCIILetterOrDigit) {
            revealed = text
            canBeRight = true
            return
        }
        let isPadding = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace || scalar.isInvisible }
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !isPadding($0) }),
            let last = scalars.lastIndex(where: { !isPadding($0) })
        else { return nil }
        let typed = scalars[first...last]
        let shown = Substring(typed)
        // Bytes first: they bound what there is to count.
        guard shown.utf8.count <= Self.maximumBytes, shown.count <= Self.maximumCharacters else { return nil }
        var code = String.UnicodeScalarView()
        code.append(contentsOf: typed.lazy.map(\.withASCIIDigit))
        revealed = String(code)
        canBeRight = revealed.utf8.allSatisfy(\.isASCIILetterOrDigit)
    }
}

/// Any other text that must not be seen, such as an API key.
package struct Secret: Equatable, Redacting {
    package let revealed: String

    package init(_ revealed: String) {
        self.revealed = revealed
    }
}

extension Unicode.Scalar {
    /// A digit of any script as the ASCII digit of its value; any other as it is.
    fileprivate var withASCIIDigit: Unicode.Scalar {
        guard !isASCII, properties.numericType == .decimal, let value = properties.numericValue else { return self }
        return Unicode.Scalar(UInt8(ascii: "0") + UInt8(value))
    }

    /// What people write between the digits of a telephone number, of common, small and full width.
    fileprivate var separatesDigits: Bool {
        switch self {
        case "-", ".", "(", ")", "[", "]", "/", "\u{2010}"..."\u{2015}", "\u{2212}", "\u{FE58}", "\u{FE59}", "\u{FE5A}",
            "\u{FE63}", "\u{FF08}", "\u{FF09}", "\u{FF0D}"..."\u{FF0F}", "\u{FF3B}", "\u{FF3D}":
            true
        default: properties.isWhitespace
        }
    }

    /// What comes along unseen when text is copied: marks of direction, joiners, byte order marks, soft hyphens, fillers.
    ///
    /// Control characters and noncharacters do not come along: they are somebody's mistake.
    fileprivate var isInvisible: Bool {
        switch value {
        case 0..<0xA0, 0xFDD0...0xFDEF: false
        case _ where value & 0xFFFE == 0xFFFE: false
        default: Visibility.isInvisible(self)
        }
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
