/// Reads a record of the command topic into a command, or says what is wrong with it.
///
/// A record's value is a JSON object, or a CloudEvent in structured mode that carries one. Total: every record gives one or the
/// other. Never throws and never repeats what a record says.
package struct CommandDecoder: Sendable {
    /// Arrays and objects within one another, the outermost included.
    package static let maximumDepth = 16

    private let requireKey: Bool
    private let key: KeyRule
    private let maximumBytes: Int
    private let fields: CommandFields
    private let framing: Framing

    /// What a record says.
    package struct Reading: Sendable {
        package var content: Result<VerifyCommand, Rejection>
        /// `traceparent` and `tracestate`, where the record's event has them and its headers do not.
        package var trace: [Header]
    }

    /// - Parameters:
    ///   - requireKey: whether a record without a key is refused; without keys, order within a session is the producer's luck.
    ///   - key: what a key must be.
    ///   - maximumBytes: the most that key and value may take together.
    ///   - fields: where the fields are; in a CloudEvent, within its data.
    ///   - framing: what may stand before the JSON.
    package init(
        requireKey: Bool = true,
        key: KeyRule = .any,
        maximumBytes: Int = 65_536,
        fields: CommandFields = CommandFields(),
        framing: Framing = .auto
    ) {
        self.requireKey = requireKey
        self.key = key
        self.maximumBytes = maximumBytes
        self.fields = fields
        self.framing = framing
    }

    /// See ``read(key:value:headers:size:at:)``.
    package func decode(
        key: [UInt8]?,
        value: [UInt8]?,
        headers: [Header],
        at source: Coordinates
    ) -> Result<VerifyCommand, Rejection> {
        read(key: key, value: value, headers: headers, at: source).content
    }

    /// Judges in this order: size, content type, framing, JSON, the event around it, key, then the fields in the order of `Field`.
    ///
    /// An empty key counts as missing. An event is known by its content type, else by its form, unless the value has fields of a
    /// command besides. `size` is the bytes of key and value, where not all of them are here.
    package func read(
        key: [UInt8]?,
        value: [UInt8]?,
        headers: [Header],
        size: Int? = nil,
        at source: Coordinates
    ) -> Reading {
        var event = CloudEvent(headers: headers)
        var draft = Draft(commandID: event.id ?? source.description, fields: fields)
        let content: Result<VerifyCommand, Rejection>
        do throws(Refusal) {
            guard size ?? ((key?.count ?? 0) + (value?.count ?? 0)) <= maximumBytes else {
                throw Refusal(.tooLarge, "key and value are over the limit of \(maximumBytes) bytes")
            }
            let isSaidToBe = try CloudEvent.isStructured(headers)
            var object = try self.object(in: value, from: try framing.start(in: value), called: "value")
            if isSaidToBe || (CloudEvent.isStructured(object) && !fields.hasAny(in: object)) {
                event = CloudEvent(object)
                if let id = event.id { draft.commandID = id }
                draft.location = .event
                object = try data(of: object)
            } else if CloudEvent.resembles(object) {
                draft.location = .almostAnEvent
            }
            draft.readIdentity(of: object)
            try judge(key, of: draft)
            content = .success(try draft.command(from: object))
        } catch {
            content = .failure(
                Rejection(
                    reason: error.reason,
                    detail: error.detail,
                    commandID: draft.commandID,
                    sessionID: draft.sessionID
                )
            )
        }
        let isTraced = headers.contains { $0.name == "traceparent" || $0.name == "tracestate" }
        return Reading(content: content, trace: isTraced ? [] : event.trace)
    }

    private func judge(_ key: [UInt8]?, of draft: Draft) throws(Refusal) {
        if requireKey || self.key == .session, key?.isEmpty ?? true {
            throw Refusal(.keyMissing, "the record has no key: use \(Field.sessionID.rawValue) as the key")
        }
        // Where there is no usable session, that is said instead.
        if self.key == .session, let key, let session = draft.sessionID, !session.text.utf8.elementsEqual(key) {
            throw Refusal(.keyNotSession, "the record's key must be its \(Field.sessionID.rawValue), byte for byte")
        }
    }

    private func data(of event: JSON) throws(Refusal) -> JSON {
        switch try CloudEvent.data(of: event) {
        case .json(let data): data
        case .bytes(let bytes): try object(in: bytes, called: "data_base64")
        }
    }

    private func object(
        in bytes: [UInt8]?,
        from start: Int = 0,
        called name: StaticString
    ) throws(Refusal) -> JSON {
        guard let bytes, !bytes.isEmpty else {
            throw Refusal(.malformed, "the \(name) is \(bytes == nil ? "null" : "empty"): send a JSON object")
        }
        let json: JSON
        do throws(JSON.Failure) {
            json = try JSON.parse(bytes, from: start, maximumDepth: Self.maximumDepth)
        } catch {
            throw Refusal(.malformed, "the \(name) is not usable JSON: \(error)" + duplicateName(in: bytes, error))
        }
        guard case .object = json else { throw Refusal(.malformed, "the \(name) is not a JSON object") }
        return json
    }

    /// Names the fields to which a doubled key leads, if it is one of ours; any other could be content.
    private func duplicateName(in bytes: [UInt8], _ failure: JSON.Failure) -> String {
        guard failure.kind == .duplicateKey, let name = JSONParser.string(in: bytes, at: failure.offset) else {
            return ""
        }
        let names = fields.fields(behind: name).map(\.rawValue)
        return names.isEmpty ? "" : " (\(names.joined(separator: ", ")))"
    }
}

/// What the key of a command's record must be.
package enum KeyRule: Equatable, Sendable {
    /// Whatever is constant for a session.
    case any
    /// The session, byte for byte: then no producer can have a session handled in several partitions.
    case session
}

/// Why a record is no usable command, on its way into a `Rejection`.
struct Refusal: Error {
    let reason: InvalidReason
    let detail: String

    init(_ reason: InvalidReason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }
}

/// What is known of a command while it is being read; a rejection tells it too.
private struct Draft {
    var commandID: String
    var sessionID: SessionID?
    var location = Location.value
    let fields: CommandFields

    /// Where the fields are looked for.
    enum Location: String {
        case value = ""
        case event = " from the CloudEvent's data"
        case almostAnEvent = """
             from the value, which is read as a plain command: a CloudEvent has specversion and data, or the header content-type: \
            application/cloudevents+json
            """
    }

    init(commandID: String, fields: CommandFields) {
        self.commandID = commandID
        self.fields = fields
    }

    /// Takes what is usable of the identifiers, before anything else is judged.
    mutating func readIdentity(of object: JSON) {
        sessionID = object[fields.sessionID]?.string.flatMap { SessionID(clear: $0) }
        if let text = object[fields.commandID]?.string, Identifier.isClear(text) { commandID = text }
    }

    func command(from object: JSON) throws(Refusal) -> VerifyCommand {
        guard let sessionID else {
            try judge(try required(.sessionID, in: object), .sessionID)
            throw refusal(.sessionID, "is unusable")
        }
        guard let phone = PhoneNumber(normalising: try required(.phone, in: object)) else {
            throw refusal(.phone, "must be a Turkish mobile number, as 5XXXXXXXXX")
        }
        guard let code = OTPCode(trimming: try required(.code, in: object)) else {
            throw refusal(.code, "must have 1 to \(OTPCode.maximumCharacters) characters")
        }
        if let text = try optional(.commandID, in: object) { try judge(text, .commandID) }
        var expiresAt: WallTime?
        if let text = try optional(.expiresAt, in: object) {
            expiresAt = WallTime(iso8601: text)
            guard expiresAt != nil else {
                throw refusal(.expiresAt, "must be an ISO 8601 time with an offset, as 2026-11-23T13:00:00.000+03:00")
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

    private func judge(_ identifier: String, _ field: Field) throws(Refusal) {
        guard Identifier.isUsable(identifier) else {
            throw refusal(field, "must have 1 to \(Identifier.maximumBytes) bytes and no control characters")
        }
        guard Identifier.isClear(identifier) else {
            throw refusal(field, "must not begin or end with white space, nor hold what cannot be seen")
        }
    }

    private func refusal(_ field: Field, _ requirement: String) -> Refusal {
        Refusal(.field(field), "\(fields.label(field)) \(requirement)")
    }

    private func required(_ field: Field, in object: JSON) throws(Refusal) -> String {
        guard let value = object[fields[field]] else { throw refusal(field, "is missing\(location.rawValue)") }
        guard let text = value.string else { throw refusal(field, "must be a string") }
        return text
    }

    /// Many serialisers write `null` for what is not there.
    private func optional(_ field: Field, in object: JSON) throws(Refusal) -> String? {
        guard let value = object[fields[field]], value != .null else { return nil }
        guard let text = value.string else { throw refusal(field, "must be a string") }
        return text
    }
}
