#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The body of a `check_otp` or `send_otp` call, read as strictly as the documentation describes it.
struct CallBody: Decodable, Equatable {
    let phone: String
    let session: String
    /// Empty for `send_otp`, which has none.
    let code: String

    private enum CodingKeys: String, CodingKey {
        case phone = "user_gsm"
        case session = "otp_session_id"
        case code = "otp_code"
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        phone = try fields.decode(String.self, forKey: .phone)
        session = try fields.decode(String.self, forKey: .session)
        code = try fields.decodeIfPresent(String.self, forKey: .code) ?? ""
    }

    /// Reads a body; nil when it is not such an object, or when a field is missing or not a string.
    static func read(_ bytes: [UInt8]) -> CallBody? {
        try? JSONDecoder().decode(CallBody.self, from: Data(bytes))
    }

    /// Whether the fields are what the documentation asks for: `5XXXXXXXXX`, a session, and a code where one is due.
    func isUsable(needsCode: Bool) -> Bool {
        let digits = phone.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return digits && phone.utf8.count == 10 && phone.utf8.first == UInt8(ascii: "5") && !session.isEmpty
            && (!needsCode || !code.isEmpty)
    }
}
