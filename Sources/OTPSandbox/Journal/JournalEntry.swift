/// One call as the sandbox saw it: the oracle of the tests.
///
/// Phone and code are not in it, unless the configuration's `journalClear` says so; the key never is.
package struct JournalEntry: Sendable, Equatable, Decodable {
    /// Counts the calls from 1.
    package var sequence: Int
    /// When the call had arrived, in milliseconds since 1970.
    package var time: Int
    /// The connection it came on, counted from 1.
    package var connection: Int
    package var method: String
    /// The path without its query.
    package var path: String
    /// nil when the body was unusable.
    package var session: String?
    /// What stands for phone and code; see ``OneTimeCode/digest(phone:code:)``.
    package var digest: String?
    /// Whether phone and code were those of the session, whatever was answered.
    package var right = false
    /// Whether the session saw the call: it may have been verified, or have lost a try.
    package var processed = false
    /// The HTTP status that was made, delivered or not; nil when none was.
    package var status: Int?
    /// The return code that was made, delivered or not; nil when none was.
    package var code: Int?
    /// The ``FaultAction/name`` of the fault that hit it.
    package var fault: String?
    /// Whether another call of this session was still without its answer.
    package var overlapping = false
    /// Whether it carried a `traceparent` header.
    package var traceparent = false
    /// The phone, with `journalClear` only.
    package var clearPhone: String?
    /// The code, with `journalClear` only.
    package var clearCode: String?

    private enum CodingKeys: String, CodingKey {
        case sequence, time, connection, method, path
        case session = "otp_session_id"
        case digest, right, processed, status, code, fault, overlapping, traceparent
        case clearPhone = "user_gsm"
        case clearCode = "otp_code"
    }

    /// The entry as one JSON object, without a line feed; what is nil is left out.
    package var json: String {
        var text = JSONText()
        text.add("sequence", sequence)
        text.add("time", time)
        text.add("connection", connection)
        text.add("method", method)
        text.add("path", path)
        if let session { text.add("otp_session_id", session) }
        if let digest { text.add("digest", digest) }
        text.add("right", right)
        text.add("processed", processed)
        if let status { text.add("status", status) }
        if let code { text.add("code", code) }
        if let fault { text.add("fault", fault) }
        text.add("overlapping", overlapping)
        text.add("traceparent", traceparent)
        if let clearPhone { text.add("user_gsm", clearPhone) }
        if let clearCode { text.add("otp_code", clearCode) }
        return text.object
    }
}
