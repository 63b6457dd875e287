/// What a request asks for: a path without its slash, and the values of its query.
package struct Request: Equatable, Sendable {
    package var path: String
    private var query: [(name: String, value: String)]

    /// Bytes of an address: a session of 256 bytes, each as three characters, and some to spare.
    package static let maximumBytes = 2_048
    private static let maximumValues = 16

    package static func == (left: Request, right: Request) -> Bool {
        left.path == right.path && left.query.elementsEqual(right.query) { $0 == $1 }
    }

    /// Nil for an address that is too long, or is none of a path.
    package init?(target: String) {
        guard target.utf8.count <= Self.maximumBytes, target.hasPrefix("/") else { return nil }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0].dropFirst())
        let pairs = parts.count > 1 ? parts[1].split(separator: "&") : []
        guard pairs.count <= Self.maximumValues else { return nil }
        query = pairs.map { pair in
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (Self.decoded(halves[0]), halves.count > 1 ? Self.decoded(halves[1]) : "")
        }
    }

    /// The first value of that name.
    package subscript(name: String) -> String? { query.first { $0.name == name }?.value }

    /// As a form sends it: a plus is a blank, `%` and two digits are a byte; what is no UTF-8 is replaced.
    static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                let digits = rest.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
                guard digits.count == 2 else {
                    bytes.append(byte)
                    continue
                }
                bytes.append(UInt8(digits[0] * 16 + digits[1]))
                rest = rest.dropFirst(2)
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
