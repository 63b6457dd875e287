import OTPContract
import OTPEngine

/// The provider's return codes and the design's rules about them, written a second time on purpose.
///
/// It shares nothing with the engine's own table, so that a wrong row cannot agree with itself.
enum OracleTable {
    enum Verdict: Equatable {
        case accepted, already, halt, retryable, ambiguous
        case rejected(String)
        case refused(String)

        /// The upstream's last word about this code.
        var isFinal: Bool {
            switch self {
            case .accepted, .already, .rejected, .refused: true
            case .halt, .retryable, .ambiguous: false
            }
        }

        var kind: AnswerKind {
            switch self {
            case .accepted: .accepted
            case .already: .already
            case .halt: .halt
            case .retryable: .retryable
            case .ambiguous: .ambiguous
            case .rejected: .rejected
            case .refused: .refused
            }
        }
    }

    private static let codes: [Int: Verdict] = [
        0: .accepted, 1: .rejected("wrong_code"), 2: .halt, 3: .halt, 4: .halt, 5: .rejected("session_used"),
        6: .rejected("unknown_session"), 7: .halt, 8: .ambiguous, 9: .refused("refused_by_upstream"), 10: .ambiguous,
        11: .refused("refused_by_upstream"), 12: .rejected("unknown_session"), 13: .rejected("unknown_session"),
        14: .refused("refused_by_upstream"), 15: .refused("refused_by_upstream"), 16: .refused("refused_by_upstream"),
        17: .rejected("session_used"), 18: .refused("refused_by_upstream"), 19: .refused("refused_by_upstream"),
        20: .refused("refused_by_upstream"), 21: .refused("refused_by_upstream"), 100: .already,
    ]

    /// Nil when nothing left the worker.
    static func verdict(_ answer: UpstreamAnswer) -> Verdict? {
        guard case .answered(let status) = answer.transport else {
            if case .notSent = answer.transport { return nil }
            return .ambiguous
        }
        let other = Verdict.refused("unexpected_answer")
        if status == 200 {
            guard let code = answer.body?.code else { return .ambiguous }
            return codes[code] ?? other
        }
        if unread.contains(status) || (status == 503 && answer.retryAfter != nil) { return .retryable }
        if status / 100 == 2 || status / 100 == 5 { return .ambiguous }
        guard status / 100 == 4 else { return other }
        if !isTheirs(answer) { return .ambiguous }
        if status == 401 || status == 403 { return .halt }
        if let code = answer.body?.resultCode { return code == 0 || code == 100 ? other : codes[code] ?? other }
        if status == 404, answer.body?.type == "no_data_error" { return .rejected("unknown_session") }
        return status == 400 ? .refused("refused_by_upstream") : other
    }

    /// The provider says so, and not something in between.
    static func isTheirs(_ answer: UpstreamAnswer) -> Bool {
        guard answer.transport != .answered(status: 200) else { return answer.body?.code != nil }
        return answer.body?.resultCode != nil || answer.body?.type?.hasSuffix("_error") == true
    }

    /// With these the server says itself that it has not processed the request.
    private static let unread: Set = [408, 421, 425, 429]

    /// Every reason that a full run must have seen in a result.
    static let reasons = [
        "ok", "already_verified", "wrong_code", "unknown_session", "session_used", "too_many_codes", "deadline_passed",
        "upstream_unavailable", "upstream_halted", "refused_by_upstream", "unexpected_answer", "outcome_unknown",
        "session_busy", "malformed", "field_otp_code", "key_missing", "too_large",
    ]
}
