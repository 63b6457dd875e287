/// One scripted fault of `check_otp`: which calls it hits, how often, and what happens to them.
///
/// It never touches `send_otp` or a call that is refused before its session is known (wrong key, unusable body, rate
/// limit). In a ``SandboxScript`` it is one flat object; see ``FaultRule/init(from:)``.
package struct FaultRule: Sendable, Equatable {
    /// Which calls a rule hits: all that is set must hold; nothing set hits every call.
    package struct Match: Sendable, Equatable {
        /// What the session id starts with.
        package var sessionPrefix: String?
        /// What the session id ends with.
        package var sessionSuffix: String?
        /// The number of the call, from 1, counted as ``FaultRule/per`` says.
        package var nthCall: Int?
        /// The share of the calls, 0 to 1, drawn by the seeded generator.
        package var fraction: Double?

        /// Creates a match; without arguments it hits every call.
        package init(
            sessionPrefix: String? = nil,
            sessionSuffix: String? = nil,
            nthCall: Int? = nil,
            fraction: Double? = nil
        ) {
            self.sessionPrefix = sessionPrefix
            self.sessionSuffix = sessionSuffix
            self.nthCall = nthCall
            self.fraction = fraction
        }
    }

    /// What ``FaultRule/times`` and ``Match/nthCall`` count.
    package enum Scope: String, Sendable, Codable {
        case session
        case all
    }

    package var match: Match
    package var action: FaultAction
    /// How many calls the rule hits before it is spent; nil means without end.
    package var times: Int?
    package var per: Scope
    /// Whether the session sees a call that is met by a status, an answer, a body or a hang.
    ///
    /// The other actions need no such word: `cutBeforeReading` keeps the call from the session, the rest do not.
    package var processed: Bool

    /// Creates a rule.
    package init(
        _ action: FaultAction,
        match: Match = Match(),
        times: Int? = nil,
        per: Scope = .all,
        processed: Bool = false
    ) {
        self.action = action
        self.match = match
        self.times = times
        self.per = per
        self.processed = processed
    }

    var processes: Bool {
        switch action {
        case .cutBeforeReading: false
        case .status, .answer, .body, .hang: processed
        default: true
        }
    }
}

/// What a fault does to a call.
package enum FaultAction: Sendable, Equatable {
    /// An HTTP error. Without `type` and `resultCode` they are what goes with the status.
    case status(Int, resultCode: ReturnCode? = nil, type: String? = nil, retryAfter: Int? = nil)
    /// A 200 with this code.
    case answer(ReturnCode)
    /// These bytes as the body, whatever they are.
    case body([UInt8], status: Int = 200, contentType: String = "application/json")
    /// The answer comes this much later. Delays add up, and the rules after it are still tried.
    case delay(Duration)
    /// The connection is closed as if the request had never arrived.
    case cutBeforeReading
    /// The session sees the call, and the connection is closed without an answer.
    case cutAfterProcessing
    /// Never an answer, and the connection stays open.
    case hang
    /// Bytes that are not HTTP, then the end of the connection.
    case garbageBytes
    /// A 200 whose body is not JSON.
    case garbageJSON
    /// The head and half of the body, then the end of the connection.
    case halfBody
    /// The right answer with a `message` of this many bytes.
    case oversizedBody(bytes: Int = 1 << 20)
    /// The whole answer as if the connection stayed open, then its end.
    case closeAfterAnswer
    /// The right answer, chunked, with an extension and a trailer.
    case chunked
    /// A chunked body whose chunk size is not a number.
    case malformedChunks
    /// A 103 before the right answer.
    case informational
    /// The whole answer, one byte each `interval`.
    case slowDrip(interval: Duration = .milliseconds(5))

    /// The name in the journal, in JSON and in ``SessionDirectives``.
    package var name: String {
        switch self {
        case .status: "status"
        case .answer: "answer"
        case .body: "body"
        case .delay: "delay"
        case .cutBeforeReading: "cut-before"
        case .cutAfterProcessing: "cut-after"
        case .hang: "hang"
        case .garbageBytes: "garbage"
        case .garbageJSON: "garbage-json"
        case .halfBody: "half"
        case .oversizedBody: "oversized"
        case .closeAfterAnswer: "close"
        case .chunked: "chunked"
        case .malformedChunks: "chunks"
        case .informational: "informational"
        case .slowDrip: "drip"
        }
    }
}
