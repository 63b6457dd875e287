/// How a command ended.
///
/// Raw values are part of the contract.
package enum Status: String, CaseIterable, Sendable {
    case verified, rejected, expired, invalid, failed
}

/// Why it ended so; each reason belongs to one status.
///
/// Raw values are part of the contract.
package enum Reason: Hashable, Sendable {
    case ok, alreadyVerified
    case wrongCode, unknownSession, sessionUsed, tooManyCodes
    case deadlinePassed
    case invalid(InvalidReason)
    case upstreamUnavailable, upstreamHalted, refusedByUpstream, unexpectedAnswer, outcomeUnknown, sessionBusy

    package var status: Status {
        switch self {
        case .ok, .alreadyVerified: .verified
        case .wrongCode, .unknownSession, .sessionUsed, .tooManyCodes: .rejected
        case .deadlinePassed: .expired
        case .invalid: .invalid
        case .upstreamUnavailable, .upstreamHalted, .refusedByUpstream, .unexpectedAnswer, .outcomeUnknown,
            .sessionBusy:
            .failed
        }
    }

    package var rawValue: String {
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
        }
    }

    package init?(rawValue: String) {
        if let reason = Self.coded.first(where: { $0.rawValue == rawValue }) {
            self = reason
        } else if let reason = InvalidReason(rawValue: rawValue) {
            self = .invalid(reason)
        } else {
            return nil
        }
    }

    /// The byte that stands for it in binary records, for good; `nil` for `invalid`, which is never recorded.
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
        case .invalid: nil
        }
    }

    package init?(code: UInt8) {
        guard let reason = Self.coded.first(where: { $0.code == code }) else { return nil }
        self = reason
    }

    /// Every reason but the `invalid` ones.
    package static let coded: [Reason] = [
        .ok, .alreadyVerified, .wrongCode, .unknownSession, .sessionUsed, .tooManyCodes, .deadlinePassed,
        .upstreamUnavailable, .upstreamHalted, .refusedByUpstream, .unexpectedAnswer, .outcomeUnknown, .sessionBusy,
    ]
}
