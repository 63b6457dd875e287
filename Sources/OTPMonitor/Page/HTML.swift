import OTPContract

/// Markup whose literal parts are ours and whose values are escaped: nothing that a record holds can become markup.
///
///     let cell: HTML = "<td>\(session)</td>"
package struct HTML: Equatable, Sendable, ExpressibleByStringInterpolation {
    package private(set) var text: String

    package init(stringLiteral text: String) { self.text = text }

    package init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 16)
        }

        package mutating func appendLiteral(_ literal: String) { text += literal }

        /// Escaped, and what steers a display shown as a dot.
        package mutating func appendInterpolation(_ value: String) {
            // As nearly all are.
            if value.utf8.allSatisfy({ (0x28...0x3b).contains($0) || (0x3f...0x7e).contains($0) || $0 == 0x20 }) {
                text += value
                return
            }
            for character in value.visible().unicodeScalars {
                switch character {
                case "&": text += "&amp;"
                case "<": text += "&lt;"
                case ">": text += "&gt;"
                case "\"": text += "&quot;"
                case "'": text += "&#39;"
                default: text.unicodeScalars.append(character)
                }
            }
        }

        package mutating func appendInterpolation(_ value: some BinaryInteger) { text += "\(value)" }

        /// As it is: it was made by the same rules.
        package mutating func appendInterpolation(_ html: HTML) { text += html.text }

        package mutating func appendInterpolation(_ list: [HTML]) {
            for html in list { text += html.text }
        }
    }

    /// A text as part of an address: everything but letters, digits and `-._~` in hexadecimal.
    package static func encoded(_ value: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        return String(
            decoding: value.utf8.flatMap { byte -> [UInt8] in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "~"):
                    [byte]
                default: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
                }
            },
            as: UTF8.self
        )
    }
}
