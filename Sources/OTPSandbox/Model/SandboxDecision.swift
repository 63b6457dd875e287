/// A request as the model sees it; how it arrived is not its business.
struct SandboxRequest: Sendable {
    var method = "POST"
    /// Without the query.
    var path = "/v1/card/check_otp"
    var query: String?
    var authorization: String?
    var contentType: String?
    var hasTraceparent = false
    var connection = 0
    /// The address that it came from.
    var peer: String?
    var body: [UInt8] = []
}

/// What is to be done about a request: which bytes, when, and how they reach the caller or do not.
struct SandboxDecision: Sendable, Equatable {
    var answer: SandboxAnswer?
    var delay: Duration = .zero
    var delivery: SandboxDelivery = .whole
    var entry: JournalEntry
}

/// The ways in which an answer reaches the caller.
enum SandboxDelivery: Sendable, Equatable {
    case whole
    case wholeThenClose
    case half
    case chunked
    case malformedChunks
    case informational
    case drip(interval: Duration)
    case garbage
    case cut
    case never
}

/// An HTTP answer before it is bytes.
struct SandboxAnswer: Sendable, Equatable {
    var status: Int
    var code: ReturnCode?
    var retryAfter: Int?
    var allow: String?
    /// Seconds after which the connection is closed when it is idle, as `Keep-Alive` tells.
    var idleTimeout: Int?
    /// Tells the caller from which address it came, as `X-Peer-Address`.
    var peer: String?
    var contentType = "application/json; charset=utf-8"
    var body: String
    /// Sent instead of `body`: what need not be text.
    var bytes: [UInt8]?
}

/// The wording of the answers: the settings that concern form, and none of the decisions.
struct AnswerForm: Sendable {
    let configuration: SandboxConfiguration

    /// The answer that carries `code`: a 200, or an HTTP error where the configuration says so.
    func answer(_ code: ReturnCode, expiresAt: Duration? = nil, message: String? = nil) -> SandboxAnswer {
        if configuration.refusalsAsErrors && code != .successful && code != .oldSuccessful {
            return error(code.httpForm.status, code, type: code.httpForm.type)
        }
        var text = JSONText()
        if let name = configuration.objectName { text.add("object_name", name) }
        if let expiresAt { text.add("otp_expire", ISO8601.text(expiresAt)) }
        add("code", code.rawValue, to: &text)
        text.add("message", message ?? code.message)
        return SandboxAnswer(status: 200, code: code, body: text.object)
    }

    /// An HTTP error.
    ///
    /// Without `code` and `type` they are what goes with the status.
    func error(
        _ status: Int,
        _ code: ReturnCode? = nil,
        type: String? = nil,
        retryAfter: Int? = nil,
        allow: String? = nil
    ) -> SandboxAnswer {
        let usual = Self.usual(status)
        let code = code ?? usual.code
        guard configuration.errorObjects else {
            return SandboxAnswer(
                status: status,
                retryAfter: retryAfter,
                allow: allow,
                contentType: "text/html; charset=utf-8",
                body: Self.page(status)
            )
        }
        var text = JSONText()
        text.add("type", type ?? usual.type)
        text.add("message", code.message)
        add("code", status, to: &text)
        add("result_code", code.rawValue, to: &text)
        return SandboxAnswer(status: status, code: code, retryAfter: retryAfter, allow: allow, body: text.object)
    }

    /// What a proxy in between sends of its own.
    static func page(_ status: Int) -> String { "<html><body><h1>\(status)</h1></body></html>" }

    private func add(_ name: StaticString, _ number: Int, to text: inout JSONText) {
        if configuration.codeAsString {
            text.add(name, String(number))
        } else {
            text.add(name, number)
        }
    }

    private static func usual(_ status: Int) -> (code: ReturnCode, type: String) {
        switch status {
        case 401, 403: (.unauthorized, "authorization_error")
        case 404: (.noData, "no_data_error")
        case 405: (9, "invalid_request_error")
        case 400..<500: (.badRequest, "invalid_request_error")
        default: (.serverError, "api_error")
        }
    }
}
