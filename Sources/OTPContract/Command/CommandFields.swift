/// Where the fields of a command are in the JSON of its record: by default each under its own name.
package struct CommandFields: Equatable, Sendable {
    package var sessionID = JSONPointer(name: Field.sessionID.rawValue)
    package var phone = JSONPointer(name: Field.phone.rawValue)
    package var code = JSONPointer(name: Field.code.rawValue)
    package var commandID = JSONPointer(name: Field.commandID.rawValue)
    package var expiresAt = JSONPointer(name: Field.expiresAt.rawValue)

    package init() {}

    package subscript(field: Field) -> JSONPointer {
        switch field {
        case .sessionID: sessionID
        case .phone: phone
        case .code: code
        case .commandID: commandID
        case .expiresAt: expiresAt
        }
    }

    /// Whether a command's own field, one that every command has, is where it should be.
    func hasAny(in object: JSON) -> Bool {
        [sessionID, phone, code].contains { object[$0] != nil }
    }

    /// The field's name in the contract, with its place where that is another.
    func label(_ field: Field) -> String {
        let pointer = self[field]
        return pointer.names == [field.rawValue] ? field.rawValue : "\(field.rawValue) (\(pointer))"
    }

    /// The fields to whose place a member of this name leads, or could: those of which it is the innermost part, else any part.
    func fields(behind name: String) -> [Field] {
        let innermost = Field.allCases.filter { self[$0].names.last?.hasSameBytes(as: name) ?? false }
        guard innermost.isEmpty else { return innermost }
        return Field.allCases.filter { self[$0].names.contains { $0.hasSameBytes(as: name) } }
    }
}
