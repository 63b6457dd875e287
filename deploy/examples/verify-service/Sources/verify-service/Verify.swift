import Foundation
import Hummingbird
import OTPContract
import OTPVerifyClient

/// What a caller posts: the fields of a command, by the contract's names.
///
/// Phone and code are secrets: they are handed to the client, and written nowhere else.
private struct Question: Decodable {
    var phone: String
    var session: String
    var code: String
    /// From an earlier reply, to go on waiting for that request's answer.
    var commandID: String?

    enum CodingKeys: String, CodingKey {
        case phone = "user_gsm"
        case session = "otp_session_id"
        case code = "otp_code"
        case commandID = "command_id"
    }
}

/// Asks a worker what the request asks, and says what came of it.
func answer(_ request: Request, _ context: some RequestContext, asking client: OTPVerifyClient) async throws -> Reply {
    do {
        let body = try await request.body.collect(upTo: 4_096)
        let question = try JSONDecoder().decode(Question.self, from: Data(body.readableBytesView))
        guard SessionID(question.session) != nil else {
            let field = Field.sessionID.rawValue
            return Reply(.badRequest, .invalid, reason: "field_\(field)", next: .correctTheRequest, field: field)
        }
        let result = try await client.verify(
            session: question.session,
            phone: question.phone,
            code: question.code,
            id: question.commandID
        )
        return Reply(result)
    } catch let error as DecodingError {
        return Reply(error)
    } catch let error as OTPVerifyError {
        context.logger.notice("No answer", metadata: ["error": "\(error)"])
        return Reply(error)
    }
}
