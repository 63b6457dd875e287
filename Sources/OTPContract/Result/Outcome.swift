/// How a command ended.
///
/// Raw values are part of the contract: the field `status` of a result. Within v1 none is added.
public enum Status: String, CaseIterable, Sendable {
    /// Paynet accepted this very code: the card may be stored under this session.
    case verified
    /// Paynet did not accept the code, or it cannot be accepted any more.
    case rejected
    /// The deadline passed before Paynet could be asked.
    case expired
    /// The command is unusable: a mistake of the producer's, which ``ResultEvent/message`` explains.
    case invalid
    /// No verdict could be had.
    case failed
}

/// Why it ended so; each reason belongs to one status.
///
/// Raw values are part of the contract: the field `reason` of a result. Within v1 reasons may be added, and a client that does not know one gets it as
/// ``other(_:_:)``: decide by the status and the flags of the result, and give a `switch` over reasons a `default`.
public enum Reason: Hashable, Sendable {
    /// `verified`: Paynet says so.
    case ok
    /// `verified`: Paynet says that this code was accepted before, by a call of the worker's whose answer was lost.
    case alreadyVerified
    /// `rejected`: the user mistyped; the same session can be tried again with another code.
    case wrongCode
    /// `rejected`: Paynet does not know the session, or it has ended. A new code must be sent.
    case unknownSession
    /// `rejected`: the session was verified before, by this or another code. A new code must be sent.
    case sessionUsed
    /// `rejected`: too many different codes were tried for this session or phone. A new code must be sent.
    case tooManyCodes
    /// `expired`: the time to live of the command or the code ended first.
    case deadlinePassed
    /// `invalid`: what is wrong with the command.
    case invalid(InvalidReason)
    /// `failed`: Paynet could not be reached, or said itself that it has not processed the request.
    case upstreamUnavailable
    /// `failed`: Paynet refuses the key or the account, a matter for operations.
    case upstreamHalted
    /// `failed`: Paynet will not answer this question.
    case refusedByUpstream
    /// `failed`: Paynet answered what its documentation does not know.
    case unexpectedAnswer
    /// `failed`: Paynet was asked, and its answer was lost or is one after which nobody knows.
    case outcomeUnknown
    /// `failed`: too many commands of one session wait.
    case sessionBusy
    /// Of a newer version of the contract: its raw value, and the status of the result that carries it.
    case other(String, Status)

    /// The status that results with this reason have.
    public var status: Status {
        switch self {
        case .ok, .alreadyVerified: .verified
        case .wrongCode, .unknownSession, .sessionUsed, .tooManyCodes: .rejected
        case .deadlinePassed: .expired
        case .invalid: .invalid
        case .upstreamUnavailable, .upstreamHalted, .refusedByUpstream, .unexpectedAnswer, .outcomeUnknown,
            .sessionBusy:
            .failed
        case .other(_, let status): status
        }
    }

    /// As it is written in a result.
    public var rawValue: String {
        switch self {
        case .ok: "ok"
        case .alreadyVerified: "already_verified"
        case .wrongCode: "wrong_code"
        case .unknownSession: "unknown_session"
        case .sessionUsed: "session_used"
        case .tooManyCodes: "too_many_codes"
        case .deadlinePassed: "deadline_passed"
        case .invalid(let reason): reason.rawValue
        case .upstreamUnavailable: "upstream_unavailable"
        case .upstreamHalted: "upstream_halted"
        case .refusedByUpstream: "refused_by_upstream"
        case .unexpectedAnswer: "unexpected_answer"
        case .outcomeUnknown: "outcome_unknown"
        case .sessionBusy: "session_busy"
        case .other(let text, _): text
        }
    }

    /// A reason that this version knows; `nil` for any other text.
    public init?(rawValue: String) {
        if let reason = Self.coded.first(where: { $0.rawValue == rawValue }) {
            self = reason
        } else if let reason = InvalidReason(rawValue: rawValue) {
            self = .invalid(reason)
        } else {
            return nil
        }
    }

    /// The byte that stands for it in binary records, for good; `nil` for `invalid`, which is never recorded, and for what is not known here.
    package var code: UInt8? {
        switch self {
        case .ok: 1
        case .alreadyVerified: 2
        case .wrongCode: 3
        case .unknownSession: 4
        case .sessionUsed: 5
        case .tooManyCodes: 6
        case .deadlinePassed: 7
        case .upstreamUnavailable: 8
        case .upstreamHalted: 9
        case .refusedByUpstream: 10
        case .unexpectedAnswer: 11
        case .outcomeUnknown: 12
        case .sessionBusy: 13
        case .invalid, .other: nil
        }
    }

    package init?(code: UInt8) {
        guard let reason = Self.coded.first(where: { $0.code == code }) else { return nil }
        self = reason
    }

    /// Every known reason but the `invalid` ones.
    package static let coded: [Reason] = [
        .ok, .alreadyVerified, .wrongCode, .unknownSession, .sessionUsed, .tooManyCodes, .deadlinePassed,
        .upstreamUnavailable, .upstreamHalted, .refusedByUpstream, .unexpectedAnswer, .outcomeUnknown, .sessionBusy,
    ]
}
