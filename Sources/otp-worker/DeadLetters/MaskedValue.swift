package import OTPContract

/// What may be told of an unusable command's value: its shape, and of its fields what is no secret.
///
/// A field is what the mapping in use says it is (`commands.fields`), wherever else its name may stand. Never a code, a full phone
/// number, or any text that is not known to be harmless: a producer that confuses its fields may have put a secret anywhere, in a name
/// too. Where there is a doubt, only the shape is shown.
package struct MaskedValue {
    /// Lines that are shown of one value.
    package static let maximumLines = 200

    package let lines: [String]
    /// The texts in the fields of code and phone number, as they may stand elsewhere too.
    private let secrets: Secrets

    /// Of a record whose fields are where the mapping says.
    package init(_ value: [UInt8]?, fields: CommandFields = CommandFields()) {
        guard let value else {
            lines = ["null"]
            secrets = Secrets()
            return
        }
        let json: JSON
        do throws(JSON.Failure) {
            // No JSON begins with a zero: those are the five bytes of a schema registry.
            json = try JSON.parse(value, from: value.first == 0 && value.count > 5 ? 5 : 0)
        } catch {
            lines = ["<\(value.count) bytes, not usable JSON: \(error)>"]
            secrets = Secrets()
            return
        }
        // An event in structured mode holds the command in its data; its id may be the command's.
        let isEvent = json["specversion"] != nil && json["data"] != nil
        secrets = Secrets(in: json, fields, isEvent: isEvent)
        var text = Text(secrets: secrets, fields: fields, isEvent: isEvent)
        text.append(json, at: [], prefix: "", indent: 0)
        let more = text.lines.count - Self.maximumLines
        lines = more > 0 ? text.lines.prefix(Self.maximumLines) + ["<and \(more) lines>"] : text.lines
    }

    /// Whether a text from elsewhere in the record may be shown beside the value.
    package func isHarmless(_ text: String) -> Bool { !secrets.mayBe(text) && PhoneNumber(normalising: text) == nil }

    /// What must not be seen of a record.
    private struct Secrets {
        private var texts: Set<String> = []

        init() {}

        init(in json: JSON, _ fields: CommandFields, isEvent: Bool) {
            for root in [json, json["data"]].compactMap({ $0 }) {
                for field in [Field.code, .phone] { add(root[fields[field]]) }
            }
            collect(in: json)
        }

        /// Also under the contract's own names, wherever they are: a producer may not know of the mapping.
        private mutating func collect(in json: JSON) {
            switch json {
            case .object(let members):
                for member in members {
                    let isSecret = member.name == Field.code.rawValue || member.name == Field.phone.rawValue
                    if isSecret { add(member.value) }
                    collect(in: member.value)
                }
            case .array(let elements): for element in elements { collect(in: element) }
            case .null, .bool, .number, .string: break
            }
        }

        /// Whatever is there, even where it is not the text that it should be.
        private mutating func add(_ json: JSON?) {
            switch json {
            case .string(let text)?, .number(let text)?: texts.insert(Self.plain(text))
            case .array(let elements)?: for element in elements { add(element) }
            case .object(let members)?: for member in members { add(member.value) }
            case .null?, .bool?, nil: break
            }
        }

        /// Whether it is one of them, whatever stands between its characters.
        func mayBe(_ text: String) -> Bool {
            let plain = Self.plain(text)
            guard !plain.isEmpty else { return false }
            return texts.contains(plain) || texts.contains(String(plain.reversed()))
        }

        private static func plain(_ text: String) -> String {
            String(String.UnicodeScalarView(text.unicodeScalars.compactMap(\.plain)))
        }
    }

    private struct Text {
        let secrets: Secrets
        let fields: CommandFields
        let isEvent: Bool
        var lines: [String] = []

        mutating func append(_ json: JSON, at path: [String], prefix: String, indent: Int) {
            let space = String(repeating: "  ", count: indent)
            switch json {
            case .object(let members):
                lines.append(space + prefix + "{")
                for member in members {
                    let inner = path + [member.name]
                    append(
                        member.value,
                        at: inner,
                        prefix: shown(name: member.name, at: inner) + ": ",
                        indent: indent + 1
                    )
                }
                lines.append(space + "}")
            case .array(let elements):
                lines.append(space + prefix + "[")
                for (index, element) in elements.enumerated() {
                    append(element, at: path + ["\(index)"], prefix: "", indent: indent + 1)
                }
                lines.append(space + "]")
            case .null: lines.append(space + prefix + "null")
            case .bool(let value): lines.append(space + prefix + "\(value)")
            case .number(let literal): lines.append(space + prefix + "<number, \(literal.count) characters>")
            case .string(let text): lines.append(space + prefix + shown(text, at: path))
            }
        }

        /// Names on the way to a field are the settings', and so is what an event's envelope is called; any other could be content.
        private func shown(name: String, at path: [String]) -> String {
            let inner = commandPath(path) ?? []
            let isMapped = Field.allCases.contains { !inner.isEmpty && fields[$0].names.starts(with: inner) }
            let isKnown =
                isMapped || Field(rawValue: name) != nil
                || (path.count == 1 && ["data", "id", "specversion"].contains(name))
            return isKnown && !secrets.mayBe(name) ? "\"\(name)\"" : "<name, \(name.count) characters>"
        }

        private func shown(_ text: String, at path: [String]) -> String {
            let shape = "<string, \(text.count) characters>"
            let field = commandPath(path).flatMap { inner in Field.allCases.first { fields[$0].names == inner } }
            switch field {
            case .phone: return PhoneNumber(normalising: text).map { "\"\($0.masked)\"" } ?? shape
            case .expiresAt: return WallTime(iso8601: text) == nil || secrets.mayBe(text) ? shape : "\"\(text)\""
            case .sessionID, .commandID: return isHarmless(text) ? "\"\(text)\"" : shape
            case .code: return shape
            case nil: return isEvent && path == ["id"] && isHarmless(text) ? "\"\(text)\"" : shape
            }
        }

        /// The path within the command; nil for what stands beside it.
        private func commandPath(_ path: [String]) -> [String]? {
            guard isEvent else { return path }
            return path.first == "data" ? Array(path.dropFirst()) : nil
        }

        private func isHarmless(_ text: String) -> Bool {
            SessionID(text) != nil && !secrets.mayBe(text) && PhoneNumber(normalising: text) == nil
        }
    }
}
