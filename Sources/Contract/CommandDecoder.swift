/// Reads a record of the command topic into a command, or says what is wrong with it.
///
/// Total: every record gives one or the other. Never throws and never repeats what a record says.
package struct CommandDecoder: Sendable {
    private let requireKey: Bool
    private let maximumBytes: Int

    /// - Parameters:
    ///   - requireKey: whether a record without a key is refused; without keys, order within a session is the producer's luck.
    ///   - maximumBytes: the most that key and value may take together.
    package init(requireKey: Bool = true, maximumBytes: Int = 65_536) {
        self.requireKey = requireKey
        self.maximumBytes = maximumBytes
    }

    /// Judges in this order: size, JSON, key, then the fields in the order of `Field`.
    ///
    /// An empty key counts as missing.
    package func decode(
        key: [UInt8]?,
        value: [UInt8]?,
        headers: [Header],
        at source: Coordinates
    ) -> Result<VerifyCommand, Rejection> {
        var draft = Draft(commandID: Self.eventID(in: headers) ?? source.description)
        do throws(Refusal) {
            guard (key?.count ?? 0) + (value?.count ?? 0) <= maximumBytes else {
                throw Refusal(.tooLarge, "key and value are over the limit of \(maximumBytes) bytes")
            }
            let object = try Self.object(in: value)
            draft.readIdentity(of: object)
            if requireKey, key?.isEmpty ?? true {
                throw Refusal(.keyMissing, "the record has no key: use \(Field.sessionID.rawValue) as the key")
            }
            return .success(try draft.command(from: object))
        } catch {
            return .failure(
                Rejection(
                    reason: error.reason,
                    detail: error.detail,
                    commandID: draft.commandID,
                    sessionID: draft.sessionID
                )
            )
        }
    }

    /// The last `ce_id`, if it is usable as an identifier.
    static func eventID(in headers: [Header]) -> String? {
        guard let value = headers.last(where: { $0.name == "ce_id" })?.value, value.count <= Identifier.maximumBytes,
            let text = String(validating: value, as: UTF8.self), Identifier.isUsable(text)
        else { return nil }
        return text
    }

    private static func object(in value: [UInt8]?) throws(Refusal) -> JSON {
        guard let value, !value.isEmpty else {
            throw Refusal(.malformed, "the value is \(value == nil ? "null" : "empty"): send a JSON object")
        }
        let json: JSON
        do throws(JSON.Failure) {
            json = try JSON.parse(value)
        } catch {
            throw Refusal(.malformed, "the value is not usable JSON: \(error)" + duplicateName(in: value, error))
        }
        guard case .object = json else { throw Refusal(.malformed, "the value is not a JSON object") }
        return json
    }

    /// Names the doubled key if it is one of ours; any other could be content.
    private static func duplicateName(in value: [UInt8], _ failure: JSON.Failure) -> String {
        guard failure.kind == .duplicateKey,
            let field = Field.allCases.first(where: { value[failure.offset...].starts(with: "\"\($0.rawValue)\"".utf8) }
            )
        else { return "" }
        return " (\(field.rawValue))"
    }
}

private struct Refusal: Error {
    let reason: InvalidReason
    let detail: String

    init(_ reason: InvalidReason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    init(_ field: Field, _ requirement: String) {
        self.init(.field(field), "\(field.rawValue) \(requirement)")
    }
}

/// What is known of a command while it is being read; a rejection tells it too.
private struct Draft {
    var commandID: String
    var sessionID: SessionID?

    /// Takes what is usable of the identifiers, before anything else is judged.
    mutating func readIdentity(of object: JSON) {
        sessionID = object[Field.sessionID.rawValue]?.string.flatMap(SessionID.init)
        if let text = object[Field.commandID.rawValue]?.string, Identifier.isUsable(text) { commandID = text }
    }

    func command(from object: JSON) throws(Refusal) -> VerifyCommand {
        _ = try Self.required(.sessionID, in: object)
        guard let sessionID else {
            throw Refusal(.sessionID, "must have 1 to \(Identifier.maximumBytes) bytes and no control characters")
        }
        guard let phone = PhoneNumber(normalising: try Self.required(.phone, in: object)) else {
            throw Refusal(.phone, "must be a Turkish mobile number, as 5XXXXXXXXX")
        }
        guard let code = OTPCode(trimming: try Self.required(.code, in: object)) else {
            throw Refusal(.code, "must have 1 to 16 letters (A-Z, a-z) or digits")
        }
        if let text = try Self.optional(.commandID, in: object), !Identifier.isUsable(text) {
            throw Refusal(.commandID, "must have 1 to \(Identifier.maximumBytes) bytes and no control characters")
        }
        var expiresAt: WallTime?
        if let text = try Self.optional(.expiresAt, in: object) {
            expiresAt = WallTime(iso8601: text)
            guard expiresAt != nil else {
                throw Refusal(.expiresAt, "must be an ISO 8601 time with an offset, as 2026-11-23T13:00:00.000+03:00")
            }
        }
        return VerifyCommand(
            commandID: commandID,
            sessionID: sessionID,
            phone: phone,
            code: code,
            expiresAt: expiresAt
        )
    }

    private static func required(_ field: Field, in object: JSON) throws(Refusal) -> String {
        guard let value = object[field.rawValue] else { throw Refusal(field, "is missing") }
        guard let text = value.string else { throw Refusal(field, "must be a string") }
        return text
    }

    /// Many serialisers write `null` for what is not there.
    private static func optional(_ field: Field, in object: JSON) throws(Refusal) -> String? {
        guard let value = object[field.rawValue], value != .null else { return nil }
        guard let text = value.string else { throw Refusal(field, "must be a string") }
        return text
    }
}
