/// "Does this code belong to this session and phone?", read from one record and known to be usable.
package struct VerifyCommand: Equatable, Sendable {
    /// The producer's name for it, or the record's coordinates: 1–256 bytes, nothing invisible.
    package var commandID: String
    package var sessionID: SessionID
    package var phone: PhoneNumber
    package var code: OTPCode
    /// When the code itself ends, if the producer knows.
    package var expiresAt: WallTime?

    package init(
        commandID: String,
        sessionID: SessionID,
        phone: PhoneNumber,
        code: OTPCode,
        expiresAt: WallTime? = nil
    ) {
        self.commandID = commandID
        self.sessionID = sessionID
        self.phone = phone
        self.code = code
        self.expiresAt = expiresAt
    }
}

/// The fields of a command, by their names in its JSON.
public enum Field: String, CaseIterable, Sendable {
    /// The session that `send_otp` opened.
    case sessionID = "otp_session_id"
    /// The phone that the code was sent to.
    case phone = "user_gsm"
    /// What the user typed.
    case code = "otp_code"
    /// The producer's name for the command.
    case commandID = "command_id"
    /// When the code itself ends.
    case expiresAt = "expires_at"
}

/// Why a record is no usable command.
///
/// Its raw value is part of the contract.
public enum InvalidReason: Hashable, Sendable {
    /// It is not one JSON object that can be read without guessing.
    case malformed
    /// This field is missing, or breaks its rule.
    case field(Field)
    /// The record has no key, which is what keeps the commands of a session in order.
    case keyMissing
    /// The worker asks for keys that are the session, and this one is not.
    case keyNotSession
    /// The record is larger than the worker's `commands.max_bytes`.
    case tooLarge
    /// Of a dead letter only: records that could not be decoded were passed over, so nobody can be answered.
    case undecodable

    /// Those that a result can have.
    package static let ofResults = [malformed] + Field.allCases.map(field) + [keyMissing, keyNotSession, tooLarge]
    package static let all = ofResults + [undecodable]

    /// As it is written in a result.
    public var rawValue: String {
        switch self {
        case .malformed: "malformed"
        case .field(let field): "field_" + field.rawValue
        case .keyMissing: "key_missing"
        case .keyNotSession: "key_not_session"
        case .tooLarge: "too_large"
        case .undecodable: "undecodable"
        }
    }

    /// A reason that this version knows; `nil` for any other text.
    public init?(rawValue: String) {
        switch rawValue {
        case "malformed": self = .malformed
        case "key_missing": self = .keyMissing
        case "key_not_session": self = .keyNotSession
        case "too_large": self = .tooLarge
        case "undecodable": self = .undecodable
        default:
            guard rawValue.hasPrefix("field_"), let field = Field(rawValue: String(rawValue.dropFirst(6))) else {
                return nil
            }
            self = .field(field)
        }
    }
}

/// What is said about a record that is no usable command.
package struct Rejection: Error, Equatable, Sendable {
    package var reason: InvalidReason
    /// What to fix, for the producer's engineer.
    ///
    /// Never holds anything from the record but the names of this contract.
    package var detail: String
    package var commandID: String
    /// `nil` if it could not be read.
    package var sessionID: SessionID?

    package init(reason: InvalidReason, detail: String, commandID: String, sessionID: SessionID?) {
        self.reason = reason
        self.detail = detail
        self.commandID = commandID
        self.sessionID = sessionID
    }
}
