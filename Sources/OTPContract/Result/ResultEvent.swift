/// The answer to one command record: what the result topic carries.
///
/// Never holds the code or the phone number; the phone is there masked.
package struct ResultEvent: Equatable, Sendable {
    package var commandID: String
    package var sessionID: SessionID?
    package var status: Status
    package var reason: Reason
    /// Whether sending the same command again can help.
    package var retryable: Bool
    /// Whether an earlier call's answer was lost, so that this may not be the whole truth.
    package var inDoubt: Bool
    /// Whether this repeats an earlier result without a call.
    package var replayed: Bool
    /// Whose answer it repeats: a one-time code is acted on one time, and this says for which command.
    package var first: First?
    /// The upstream's return code.
    package var code: Int?
    /// The upstream's message, scrubbed; for an invalid command what to fix.
    package var message: String?
    package var httpStatus: Int?
    /// Calls made for this record.
    package var calls: Int
    package var maskedPhone: String?
    package var receivedAt: WallTime
    package var completedAt: WallTime
    /// The command record.
    package var source: Coordinates
    /// The name of the worker that made it.
    package var worker: String
    /// Headers of the command that go along, see `EchoHeaders`.
    package var echo: [Header]
    /// Whether it could not go where the command asked.
    package var undeliverable: Bool

    /// The command that was answered first.
    package struct First: Equatable, Sendable {
        package var source: Coordinates
        /// Its own id; nil when it had none, or was answered by a version that did not note it.
        package var commandID: String?

        package init(source: Coordinates, commandID: String?) {
            self.source = source
            self.commandID = commandID
        }
    }

    package init(
        commandID: String,
        sessionID: SessionID?,
        status: Status,
        reason: Reason,
        retryable: Bool = false,
        inDoubt: Bool = false,
        replayed: Bool = false,
        first: First? = nil,
        code: Int? = nil,
        message: String? = nil,
        httpStatus: Int? = nil,
        calls: Int = 0,
        maskedPhone: String? = nil,
        receivedAt: WallTime,
        completedAt: WallTime,
        source: Coordinates,
        worker: String,
        echo: [Header] = [],
        undeliverable: Bool = false
    ) {
        self.commandID = commandID
        self.sessionID = sessionID
        self.status = status
        self.reason = reason
        self.retryable = retryable
        self.inDoubt = inDoubt
        self.replayed = replayed
        self.first = first
        self.code = code
        self.message = message
        self.httpStatus = httpStatus
        self.calls = calls
        self.maskedPhone = maskedPhone
        self.receivedAt = receivedAt
        self.completedAt = completedAt
        self.source = source
        self.worker = worker
        self.echo = echo
        self.undeliverable = undeliverable
    }

    /// The record's key: the session, if it is known.
    package func key() -> [UInt8]? {
        sessionID.map { Array($0.text.utf8) }
    }

    /// CloudEvents 1.0 in binary mode, then the echoed headers.
    ///
    /// `ce_id` is made of the command's coordinates alone, so that a result published twice is recognised as one.
    package func headers() -> [Header] {
        var headers: [Header] = []
        headers.reserveCapacity(8 + echo.count)
        headers.append(Self.specVersion)
        headers.append(Header(name: "ce_id", value: source.encoded + Self.resultSuffix))
        headers.append(Self.origin)
        headers.append(Self.type)
        if let sessionID { headers.append(Header(name: "ce_subject", text: sessionID.text)) }
        headers.append(Header(name: "ce_time", value: completedAt.iso8601Bytes))
        headers.append(Self.contentType)
        if undeliverable { headers.append(Header(name: "otp_reply_undeliverable", text: "true")) }
        headers += echo
        return headers
    }

    // The same in every result, and made once.
    private static let specVersion = Header(name: "ce_specversion", text: "1.0")
    private static let origin = Header(name: "ce_source", text: "/otp-worker")
    private static let type = Header(name: "ce_type", text: "tr.com.paynet.otp.verification.v1")
    private static let contentType = Header(name: "content-type", text: "application/json")
    private static let resultSuffix = Array("/result".utf8)
}
