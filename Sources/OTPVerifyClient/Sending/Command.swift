package import OTPContract
import OTPKafka

/// A command's record on its way, and what it is known by.
///
/// It prints as its id alone.
package struct Command: Sendable, CustomStringConvertible, CustomReflectable {
    /// Nil where the value carries none that is known here.
    package var id: String?
    package var key: [UInt8]
    package var value: [UInt8]

    /// One whose value is JSON of the caller's, as it should be published.
    package init(session: SessionID, value: [UInt8]) {
        key = Array(session.text.utf8)
        self.value = value
    }

    /// One of single fields.
    ///
    /// What the user typed is passed on as it is: whether it can be a code is the worker's question.
    init(
        session: String,
        phone: String,
        code: String,
        id: String?,
        expiresAt: WallTime?
    ) throws(OTPVerifyError) {
        guard SessionID(session) != nil else {
            throw OTPVerifyError(.unusable, "the session is not 1 to 256 bytes without control characters")
        }
        if let id, SessionID(id) == nil {
            throw OTPVerifyError(.unusable, "the id is not 1 to 256 bytes without control characters")
        }
        let id = id ?? Self.newID()
        var json = JSONWriter(capacity: 192)
        json.beginObject()
        let fields: [(Field, String?)] = [
            (.commandID, id), (.phone, phone), (.sessionID, session), (.code, code),
            (.expiresAt, expiresAt?.iso8601),
        ]
        for case (let field, let text?) in fields {
            json.key(field.rawValue)
            json.string(text)
        }
        json.endObject()
        guard json.bytes.count <= Self.maximumBytes else {
            throw OTPVerifyError(.unusable, "the command is larger than \(Self.maximumBytes) bytes", commandID: id)
        }
        self.id = id
        key = Array(session.utf8)
        value = json.bytes
    }

    /// Bytes of a value: a worker's default `commands.max_bytes`.
    static let maximumBytes = 65_536

    var bytes: Int { key.count + value.count }

    /// Its record; `answers` says where its result is to go.
    func record(
        topic: String,
        answers: OTPVerifyClient.Configuration.Answers,
        headers: [Header]
    ) -> OutgoingRecord {
        var headers = headers
        if case .replyPartition(let topic, let partition) = answers {
            headers.append(Header(name: "kafka_replyTopic", text: topic))
            let bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: partition >> $0) }
            headers.append(Header(name: "kafka_replyPartition", value: bytes))
        }
        if let id { headers.append(Header(name: "kafka_correlationId", text: id)) }
        return OutgoingRecord(topic: topic, key: key, value: value, headers: headers)
    }

    /// 128 random bits, so that no two clients choose the same.
    private static func newID() -> String {
        let digits = Array("0123456789abcdef".utf8)
        let words = [UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max)]
        let text = words.flatMap { word in
            stride(from: 60, through: 0, by: -4).map { digits[Int(word >> UInt64($0) & 15)] }
        }
        return String(decoding: text, as: UTF8.self)
    }

    package var description: String { "command \(id ?? "without an id")" }
    package var customMirror: Mirror { Mirror(self, children: ["id": id as Any]) }
}
