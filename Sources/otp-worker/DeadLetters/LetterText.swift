package import OTPContract
package import OTPKafka

/// Dead letters in words: lines of a table, JSON lines, and all that may be told of one.
package enum LetterText {
    package static let table = TextTable([
        .init("WRITTEN", width: 24, worth: 3), .init("COMMAND", width: 40, least: 24, worth: 6),
        .init("REASON", width: 20, least: 14, worth: 5), .init("REPLAYED", .right, width: 8, worth: 2),
        .init("KEY", width: 26, least: 12, worth: 4), .init("LETTER", width: 12, worth: 1),
    ])

    package static func cells(_ found: FoundLetter) -> [String] {
        [
            found.time.iso8601, found.letter.source.description, found.letter.reason.rawValue,
            "\(found.letter.replayCount)", key(found.letter.key),
            "\(found.coordinates.partition)/\(found.coordinates.offset)",
        ]
    }

    /// A key may be any bytes, a phone number among them.
    package static func key(_ key: [UInt8]?) -> String {
        guard let key else { return "-" }
        guard let text = String(validating: key, as: UTF8.self) else { return "<\(key.count) bytes>" }
        return PhoneNumber(normalising: text)?.masked ?? text
    }

    /// One JSON object on one line.
    package static func json(_ found: FoundLetter) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        write(found, to: &json)
        json.endObject()
        return json.bytes
    }

    /// The members that every form has; for an object that has been begun.
    ///
    /// A key that is given is shown in the place of the letter's own.
    static func write(_ found: FoundLetter, key shownKey: String? = nil, to json: inout JSONWriter) {
        json.key("source")
        write(found.letter.source, to: &json)
        json.key("reason")
        json.string(found.letter.reason.rawValue)
        json.key("replay_count")
        json.integer(found.letter.replayCount)
        json.key("key")
        if found.letter.key == nil { json.null() } else { json.string(shownKey ?? key(found.letter.key)) }
        json.key("command_time")
        json.time(found.letter.timestamp)
        json.key("written_at")
        json.time(found.time)
        json.key("letter")
        write(found.coordinates, to: &json)
    }

    static func write(_ coordinates: Coordinates, to json: inout JSONWriter) {
        json.beginObject()
        json.key("topic")
        json.string(coordinates.topic)
        json.key("partition")
        json.integer(coordinates.partition)
        json.key("offset")
        json.integer(coordinates.offset)
        json.endObject()
    }

    /// What is known of one letter.
    package struct Whole {
        package var found: FoundLetter
        /// Nil when it is no longer kept.
        package var record: ConsumedRecord?
        /// What is wrong with it by the settings at hand; nil when it would be taken now, or cannot be told.
        package var rejection: Rejection?

        /// By the settings at hand: how a command is read, and where these say that its fields are.
        package init(
            found: FoundLetter,
            record: ConsumedRecord?,
            decoder: CommandDecoder,
            fields: CommandFields = CommandFields()
        ) {
            self.found = found
            self.record = record
            value = MaskedValue(record.map(\.value) ?? found.letter.value, fields: fields)
            let letter = found.letter
            guard record != nil || letter.value != nil else { return }
            let decoded = decoder.decode(
                key: record == nil ? letter.key : record?.key,
                value: record == nil ? letter.value : record?.value,
                headers: record?.headers ?? letter.headers,
                at: letter.source
            )
            if case .failure(let rejection) = decoded { self.rejection = rejection }
        }

        var isKept: Bool { record != nil || found.letter.value != nil }

        let value: MaskedValue

        /// The record's key, or what the letter has of it, unless it may be a secret of the value's.
        var key: String {
            let key = record.map(\.key) ?? found.letter.key
            guard let key, let text = String(validating: key, as: UTF8.self), !value.isHarmless(text) else {
                return LetterText.key(key)
            }
            return PhoneNumber(normalising: text)?.masked ?? "<\(key.count) bytes>"
        }

        /// What a replay would come to.
        var outlook: String {
            guard isKept else { return "its value is in the command topic no longer" }
            return rejection?.detail ?? "by the settings at hand it is usable: a replay would be taken"
        }
    }

    package static func lines(_ whole: Whole) -> [String] {
        let letter = whole.found.letter
        var rows = [
            ("command", "\(letter.source), of \(letter.timestamp.iso8601)"),
            ("letter", "\(whole.found.coordinates), of \(whole.found.time.iso8601)"),
            ("reason", letter.reason.rawValue), ("now", whole.outlook),
            ("replayed", "\(letter.replayCount) times" + repeats(whole.record)),
            ("group", letter.consumerGroup), ("key", whole.key),
        ]
        for header in whole.record?.headers ?? letter.headers { rows.append(("header", shown(header, whole.value))) }
        if whole.isKept {
            for (index, line) in whole.value.lines.enumerated() { rows.append((index == 0 ? "value" : "", line)) }
        }
        return rows.map { name, text in
            (name + String(repeating: " ", count: 10 - name.count) + text).visible()
        }
    }

    private static func repeats(_ record: ConsumedRecord?) -> String {
        record.flatMap { DeadLetter.original(namedBy: $0.headers, at: AuditDecoding.coordinates(of: $0)) }
            .map { ", and says that it repeats \($0)" } ?? ""
    }

    /// Only what the contract echoes is known to be no secret; of others the name and the size.
    private static func shown(_ header: Header, _ value: MaskedValue) -> String {
        guard let bytes = header.value else { return "\(header.name): null" }
        guard harmlessHeaders.contains(header.name), let text = String(validating: bytes, as: UTF8.self),
            value.isHarmless(text)
        else {
            return "\(header.name): <\(bytes.count) bytes>"
        }
        return "\(header.name): \(text)"
    }

    private static let harmlessHeaders = Set(EchoHeaders.names).union([
        "ce_id", "ce_source", "ce_specversion", "ce_time", "ce_type", "content-type", "dlq_replay_count",
        "dlq_replay_of",
    ])

    package static func json(_ whole: Whole) -> [UInt8] {
        var json = JSONWriter(capacity: 2_048)
        json.beginObject()
        write(whole.found, key: whole.key, to: &json)
        json.key("consumer_group")
        json.string(whole.found.letter.consumerGroup)
        json.key("is_kept")
        json.bool(whole.isKept)
        json.key("is_usable_now")
        json.bool(whole.isKept && whole.rejection == nil)
        json.key("now")
        json.string(whole.outlook)
        json.key("headers")
        json.beginArray()
        for header in whole.record?.headers ?? whole.found.letter.headers { json.string(shown(header, whole.value)) }
        json.endArray()
        json.key("value")
        if whole.isKept { json.string(whole.value.lines.joined(separator: "\n")) } else { json.null() }
        json.endObject()
        return json.bytes
    }
}
