/// The answer to one command record: what the result topic carries.
///
/// Never holds the code or the phone number; the phone is there masked.
///
/// Decide by ``status``, ``reason`` and two flags that come before them: with ``inDoubt`` a result that is not `verified` says nothing about the user, so
/// send a new code; with ``retryable`` sending the same command again can help, after a pause.
///
/// A one-time code is acted on one time: store a card once per ``sessionID``, not once per result, or act only on a result that is not ``replayed``.
public struct ResultEvent: Equatable, Sendable {
    /// The producer's name for the command (`command_id`, else the header `ce_id`), else its coordinates as `topic/partition/offset`.
    public var commandID: String
    /// `nil` where the command was too broken to tell its session.
    public var sessionID: SessionID?
    /// How it ended.
    public var status: Status
    /// Why it ended so.
    public var reason: Reason
    /// Whether sending the same command again can help; it can do no harm, and comes with `failed` only.
    public var retryable: Bool
    /// Whether an earlier call's answer was lost, so that this may not be the whole truth: Paynet may have accepted the code.
    public var inDoubt: Bool
    /// Whether this repeats an earlier result without a call.
    public var replayed: Bool
    /// Whose answer it repeats: a one-time code is acted on one time, and this says for which command.
    public var first: First?
    /// Paynet's own return code, for the records; `nil` where it said none.
    public var code: Int?
    /// Paynet's own message, with code and phone masked; for an `invalid` command what to fix.
    public var message: String?
    /// The HTTP status of Paynet's last answer; `nil` where there was none.
    public var httpStatus: Int?
    /// Calls of Paynet that were made for this record, those repeated after a failure included.
    public var calls: Int
    /// The phone with its middle masked, `532*****42`; `nil` where the command had no usable one.
    public var maskedPhone: String?
    /// When the worker read the command, by the worker's clock.
    public var receivedAt: WallTime
    /// When the result was made, by the worker's clock.
    public var completedAt: WallTime
    /// Where the command record lies, which nobody but the broker chooses: what tells a producer's own result from another's.
    public var source: Coordinates
    /// The name of the worker that made it.
    public var worker: String
    /// Headers of the command that go along, see `EchoHeaders`.
    package var echo: [Header] = []
    /// Whether it could not go where the command asked.
    package var undeliverable = false

    /// The command that was answered first.
    public struct First: Equatable, Sendable {
        /// Where its record lies.
        public var source: Coordinates
        /// Its own id; nil when it had none, or was answered by a version that did not note it.
        public var commandID: String?

        /// Names a command.
        public init(source: Coordinates, commandID: String?) {
            self.source = source
            self.commandID = commandID
        }
    }

    /// A result as a worker would publish it, for tests of what reads results too.
    public init(
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
        worker: String
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
