import Hummingbird
import OTPContract
import OTPVerifyClient

/// What a caller gets: an HTTP status, and JSON that says what came of it and what to do next.
///
/// No phone number, no code and no text that a caller sent is in it.
struct Reply: ResponseGenerator {
    enum Outcome: String, Encodable { case verified, rejected, expired, invalid, failed, unanswered }

    enum Next: String, Encodable {
        case storeTheCard = "store_the_card"
        case letTheUserTypeAgain = "let_the_user_type_again"
        case sendANewCode = "send_a_new_code"
        /// The same request, after `Retry-After`: a question is put to Paynet once, however often it is asked here.
        case askAgain = "ask_again"
        case correctTheRequest = "correct_the_request"
    }

    struct Body: Encodable {
        var outcome: Outcome
        var reason: String
        var next: Next
        /// The field that is wrong, where one is.
        var field: String?
        /// Give it with the same request to go on waiting for the answer to this one.
        var commandID: String?

        enum CodingKeys: String, CodingKey {
            case outcome, reason, next, field
            case commandID = "command_id"
        }
    }

    var status: HTTPResponse.Status
    var body: Body

    init(
        _ status: HTTPResponse.Status,
        _ outcome: Outcome,
        reason: String,
        next: Next,
        field: String? = nil,
        commandID: String? = nil
    ) {
        self.status = status
        body = Body(outcome: outcome, reason: reason, next: next, field: field, commandID: commandID)
    }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        var response = try context.responseEncoder.encode(body, from: request, context: context)
        response.status = status
        if body.next == .askAgain { response.headers[.retryAfter] = "1" }
        return response
    }
}

extension Reply {
    /// What Paynet or a worker said.
    ///
    /// Only `verified` is a 2xx, so that a caller who looks at nothing but the status stores no card for a wrong code.
    init(_ result: ResultEvent) {
        let reason = result.reason.rawValue
        switch result.status {
        case .verified:
            self.init(.ok, .verified, reason: reason, next: .storeTheCard)
        case .invalid:
            self.init(.badRequest, .invalid, reason: reason, next: .correctTheRequest, field: result.reason.field)
        case .rejected where !result.inDoubt && result.reason == .wrongCode:
            self.init(.unprocessableContent, .rejected, reason: reason, next: .letTheUserTypeAgain)
        case .rejected:
            self.init(.unprocessableContent, .rejected, reason: reason, next: .sendANewCode)
        case .expired:
            self.init(.unprocessableContent, .expired, reason: reason, next: .sendANewCode)
        case .failed where !result.inDoubt && result.retryable:
            self.init(.serviceUnavailable, .failed, reason: reason, next: .askAgain)
        case .failed:
            self.init(.badGateway, .failed, reason: reason, next: .sendANewCode)
        }
    }

    /// Why nobody said anything.
    init(_ error: OTPVerifyError) {
        let reason = "\(error.code)"
        switch error.code {
        case .unusable:
            self.init(.badRequest, .invalid, reason: reason, next: .correctTheRequest)
        case .duplicate:
            self.init(.conflict, .unanswered, reason: reason, next: .askAgain, commandID: error.commandID)
        case _ where error.isSent:
            self.init(.gatewayTimeout, .unanswered, reason: reason, next: .askAgain, commandID: error.commandID)
        default:
            self.init(.serviceUnavailable, .unanswered, reason: reason, next: .askAgain)
        }
    }

    /// What is wrong with the JSON, by the field alone: Foundation's words may repeat what the caller sent.
    init(_ error: DecodingError) {
        let field =
            switch error {
            case .keyNotFound(let key, _): key.stringValue
            case .typeMismatch(_, let context), .valueNotFound(_, let context): context.codingPath.last?.stringValue
            default: String?.none
            }
        let reason = field.map { "field_\($0)" } ?? "malformed"
        self.init(.badRequest, .invalid, reason: reason, next: .correctTheRequest, field: field)
    }
}

extension Reason {
    fileprivate var field: String? {
        if case .invalid(.field(let field)) = self { field.rawValue } else { nil }
    }
}
