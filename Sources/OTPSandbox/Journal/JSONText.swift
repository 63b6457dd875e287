/// A JSON object under construction, field by field, in the order in which they are added.
///
/// Written by hand because it is a tenth of the cost of an encoder, and shares no code with what it tests.
struct JSONText {
    private var text = "{"

    /// The finished object.
    var object: String { text + "}" }

    mutating func add(_ name: StaticString, _ value: String) {
        open(name)
        Self.append(value, to: &text)
    }

    mutating func add(_ name: StaticString, _ value: Int) {
        open(name)
        text += String(value)
    }

    mutating func add(_ name: StaticString, _ value: Bool) {
        open(name)
        text += value ? "true" : "false"
    }

    /// Adds a value that is JSON already.
    mutating func add(_ name: StaticString, json: String) {
        open(name)
        text += json
    }

    /// `values` as an object with its names in order.
    static func object(_ values: [String: Int]) -> String {
        var text = "{"
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            if text.utf8.count > 1 { text += "," }
            append(name, to: &text)
            text += ":\(value)"
        }
        return text + "}"
    }

    private mutating func open(_ name: StaticString) {
        text += text.utf8.count > 1 ? ",\"" : "\""
        text += name.description
        text += "\":"
    }

    private static func append(_ value: String, to text: inout String) {
        text += "\""
        if value.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
            for scalar in value.unicodeScalars {
                switch scalar {
                case "\"": text += "\\\""
                case "\\": text += "\\\\"
                case "\u{0}"..<"\u{20}":
                    let hex = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
                default: text.unicodeScalars.append(scalar)
                }
            }
        } else {
            text += value
        }
        text += "\""
    }
}
