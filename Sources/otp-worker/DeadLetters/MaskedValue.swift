import Contract

/// What may be told of an unusable command's value: its shape, and of its fields what is no secret.
///
/// Never a code, a full phone number, or any text that is not known to be harmless: a producer that confuses its fields may have put
/// a secret anywhere, in a name too.
package enum MaskedValue {
    /// Lines that are shown of one value.
    package static let maximumLines = 200

    package static func lines(_ value: [UInt8]?) -> [String] {
        guard let value else { return ["null"] }
        let json: JSON
        do throws(JSON.Failure) {
            // No JSON begins with a zero: those are the five bytes of a schema registry.
            json = try JSON.parse(value, from: value.first == 0 && value.count > 5 ? 5 : 0)
        } catch {
            return ["<\(value.count) bytes, not usable JSON: \(error)>"]
        }
        var text = Text(secrets: secrets(in: json))
        text.append(json, named: nil, prefix: "", indent: 0)
        let more = text.lines.count - maximumLines
        return more > 0 ? text.lines.prefix(maximumLines) + ["<and \(more) lines>"] : text.lines
    }

    /// The texts of the secret fields, wherever they are.
    private static func secrets(in json: JSON) -> Set<String> {
        switch json {
        case .object(let members):
            members.reduce(into: []) { found, member in
                let isSecret = member.name == Field.code.rawValue || member.name == Field.phone.rawValue
                if isSecret, let text = member.value.string { found.insert(text) }
                found.formUnion(secrets(in: member.value))
            }
        case .array(let elements): elements.reduce(into: []) { $0.formUnion(secrets(in: $1)) }
        case .null, .bool, .number, .string: []
        }
    }

    private struct Text {
        let secrets: Set<String>
        var lines: [String] = []

        init(secrets: Set<String>) { self.secrets = secrets }

        mutating func append(_ json: JSON, named name: String?, prefix: String, indent: Int) {
            let space = String(repeating: "  ", count: indent)
            switch json {
            case .object(let members):
                lines.append(space + prefix + "{")
                for member in members {
                    append(
                        member.value,
                        named: member.name,
                        prefix: shown(name: member.name) + ": ",
                        indent: indent + 1
                    )
                }
                lines.append(space + "}")
            case .array(let elements):
                lines.append(space + prefix + "[")
                for element in elements { append(element, named: nil, prefix: "", indent: indent + 1) }
                lines.append(space + "]")
            case .null: lines.append(space + prefix + "null")
            case .bool(let value): lines.append(space + prefix + "\(value)")
            case .number(let literal): lines.append(space + prefix + "<number, \(literal.count) characters>")
            case .string(let text): lines.append(space + prefix + shown(text, of: name))
            }
        }

        private func shown(name: String) -> String {
            // `data` and `id` are those of a CloudEvent in structured mode.
            let isKnown = Field(rawValue: name) != nil || ["data", "id", "specversion"].contains(name)
            return isKnown ? "\"\(name)\"" : "<name, \(name.count) characters>"
        }

        private func shown(_ text: String, of name: String?) -> String {
            let shape = "<string, \(text.count) characters>"
            switch name.flatMap({ Field(rawValue: $0) }) {
            case .phone: return PhoneNumber(normalising: text).map { "\"\($0.masked)\"" } ?? shape
            case .expiresAt: return WallTime(iso8601: text) == nil ? shape : "\"\(text)\""
            case .sessionID, .commandID: return isHarmless(text) ? "\"\(text)\"" : shape
            case .code: return shape
            case nil: return name == "id" && isHarmless(text) ? "\"\(text)\"" : shape
            }
        }

        private func isHarmless(_ text: String) -> Bool {
            SessionID(text) != nil && !secrets.contains(text) && PhoneNumber(normalising: text) == nil
        }
    }
}
