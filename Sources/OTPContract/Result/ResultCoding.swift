/// The JSON of a result, written and read in one place so that the two cannot drift apart.
extension ResultEvent {
    fileprivate enum Name {
        static let commandID = "command_id"
        static let sessionID = "otp_session_id"
        static let status = "status"
        static let reason = "reason"
        static let retryable = "retryable"
        static let inDoubt = "in_doubt"
        static let replayed = "replayed"
        static let first = "first"
        static let code = "code"
        static let message = "message"
        static let httpStatus = "http_status"
        static let calls = "calls"
        static let phone = "user_gsm"
        static let receivedAt = "received_at"
        static let completedAt = "completed_at"
        static let source = "source"
        static let topic = "topic"
        static let partition = "partition"
        static let offset = "offset"
        static let worker = "worker"
    }

    /// The value of the record.
    ///
    /// What is absent is left out.
    package func encode() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member(Name.commandID, commandID)
        writer.member(Name.sessionID, sessionID?.text)
        writer.member(Name.status, status.rawValue)
        writer.member(Name.reason, reason.rawValue)
        writer.member(Name.retryable, retryable)
        writer.member(Name.inDoubt, inDoubt)
        writer.member(Name.replayed, replayed)
        if let first {
            writer.key(Name.first)
            writer.beginObject()
            writer.member(Name.commandID, first.commandID)
            writer.member(Name.source, first.source)
            writer.endObject()
        }
        writer.member(Name.code, code)
        writer.member(Name.message, message)
        writer.member(Name.httpStatus, httpStatus)
        writer.member(Name.calls, calls)
        writer.member(Name.phone, maskedPhone)
        writer.member(Name.receivedAt, receivedAt)
        writer.member(Name.completedAt, completedAt)
        writer.member(Name.source, source)
        writer.member(Name.worker, worker)
        writer.endObject()
        return writer.bytes
    }

    /// Why bytes are no result: the JSON, or the first field that is missing or not as it should be.
    package enum DecodingFailure: Error, Equatable, Sendable {
        case json(JSON.Failure)
        case field(String)
    }

    /// Reads a result of any version of v1; unknown fields are ignored.
    ///
    /// What travels in headers (`echo`, `undeliverable`) is left empty. Throws a `DecodingFailure`, a reason that this version does not
    /// know being one unless `allowingNewReasons`.
    package static func decode(
        _ bytes: [UInt8],
        allowingNewReasons: Bool = false
    ) throws(DecodingFailure) -> ResultEvent {
        let reader: FieldReader
        do throws(JSON.Failure) {
            reader = FieldReader(object: try JSON.parse(bytes), path: "")
        } catch {
            throw .json(error)
        }
        let status = try reader.required(Name.status) { $0.string.flatMap(Status.init) }
        return ResultEvent(
            commandID: try reader.required(Name.commandID, \.string),
            sessionID: try reader.optional(Name.sessionID) { $0.string.flatMap { SessionID($0) } },
            status: status,
            reason: try reader.required(Name.reason) { value in
                value.string.flatMap { Reason(rawValue: $0) ?? (allowingNewReasons ? .other($0, status) : nil) }
            },
            retryable: try reader.required(Name.retryable, \.bool),
            inDoubt: try reader.required(Name.inDoubt, \.bool),
            replayed: try reader.required(Name.replayed, \.bool),
            first: try first(reader),
            code: try reader.optional(Name.code, \.integer),
            message: try reader.optional(Name.message, \.string),
            httpStatus: try reader.optional(Name.httpStatus, \.integer),
            calls: try reader.required(Name.calls, \.integer),
            maskedPhone: try reader.optional(Name.phone, \.string),
            receivedAt: try reader.required(Name.receivedAt) { $0.string.flatMap(WallTime.init(iso8601:)) },
            completedAt: try reader.required(Name.completedAt) { $0.string.flatMap(WallTime.init(iso8601:)) },
            source: try coordinates(reader),
            worker: try reader.required(Name.worker, \.string)
        )
    }

    private static func coordinates(_ reader: FieldReader) throws(DecodingFailure) -> Coordinates {
        let source = try reader.object(Name.source)
        return Coordinates(
            topic: try source.required(Name.topic, \.string),
            partition: try source.required(Name.partition) { $0.integer.flatMap(Int32.init(exactly:)) },
            offset: try source.required(Name.offset) { $0.integer.map(Int64.init) }
        )
    }

    private static func first(_ reader: FieldReader) throws(DecodingFailure) -> First? {
        guard let value = reader.object[Name.first], value != .null else { return nil }
        let first = try reader.object(Name.first)
        return First(source: try coordinates(first), commandID: try first.optional(Name.commandID, \.string))
    }
}

private struct FieldReader {
    let object: JSON
    let path: String

    func object(_ name: String) throws(ResultEvent.DecodingFailure) -> FieldReader {
        guard let value = object[name], case .object = value else { throw .field(path + name) }
        return FieldReader(object: value, path: path + name + ".")
    }

    func required<Value>(
        _ name: String,
        _ read: (JSON) -> Value?
    ) throws(ResultEvent.DecodingFailure) -> Value {
        guard let value = object[name].flatMap(read) else { throw .field(path + name) }
        return value
    }

    func optional<Value>(
        _ name: String,
        _ read: (JSON) -> Value?
    ) throws(ResultEvent.DecodingFailure) -> Value? {
        guard let value = object[name], value != .null else { return nil }
        guard let read = read(value) else { throw .field(path + name) }
        return read
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: String, _ value: String?) {
        guard let value else { return }
        key(name)
        string(value)
    }

    fileprivate mutating func member(_ name: String, _ value: Int?) {
        guard let value else { return }
        key(name)
        integer(value)
    }

    fileprivate mutating func member(_ name: String, _ value: Bool) {
        key(name)
        bool(value)
    }

    fileprivate mutating func member(_ name: String, _ value: Coordinates) {
        key(name)
        beginObject()
        member(ResultEvent.Name.topic, value.topic)
        member(ResultEvent.Name.partition, Int(value.partition))
        member(ResultEvent.Name.offset, Int(value.offset))
        endObject()
    }

    fileprivate mutating func member(_ name: String, _ value: WallTime) {
        key(name)
        time(value)
    }
}
