package import OTPContract

/// The upstream's answer, judged: a pure and total table over (transport, status, body).
///
/// The rules are those of the provider's pages on return codes, HTTP statuses and error types; where they are silent
/// the caution is ours.
package enum AnswerClass: Equatable, Sendable {
    /// The code was accepted.
    case accepted
    /// "It had already succeeded": what that means depends on what was asked before.
    case alreadySucceeded
    /// The upstream said no, about this code or this session.
    case rejected(Reason)
    /// The upstream refused the request itself; asking again cannot help.
    case refused(Reason)
    /// The account or the key is refused: no request of ours can succeed until somebody acts.
    case halt
    /// Not processed, and safe to ask again.
    case retryable
    /// It may have been processed, and nobody knows.
    case ambiguous
    /// The worker withheld it: not an attempt at all.
    case withheld
}

extension AnswerClass {
    /// The class of an answer.
    ///
    /// Only HTTP 200 with code 0 or 100 can ever lead to `verified`.
    package init(_ answer: UpstreamAnswer) {
        switch answer.transport {
        case .notSent(.withheld): self = .withheld
        case .notSent: self = .retryable
        case .unknown: self = .ambiguous
        case .answered(let status): self = Self.judge(status, answer)
        }
    }

    private static func judge(_ status: Int, _ answer: UpstreamAnswer) -> AnswerClass {
        switch status {
        case 200:
            guard let code = answer.body?.code else { return .ambiguous }
            return judge(returnCode: code)
        // Accepted, or done without a word.
        case 201...299: return .ambiguous
        // The request was not read to its end, not for this server, too early, or one too many: not processed.
        case 408, 421, 425, 429: return .retryable
        // With `Retry-After` it is the server's own refusal. Without, it can come from a proxy whose back end died after it had
        // processed the request.
        case 503: return answer.retryAfter == nil ? .ambiguous : .retryable
        case 500...599: return .ambiguous
        case 400...499: return judge(error: answer.body, status)
        default: return .refused(.unexpectedAnswer)
        }
    }

    /// A page of some ingress or firewall is not the upstream's word about anything.
    private static func judge(error: UpstreamAnswer.Body?, _ status: Int) -> AnswerClass {
        guard let error, error.isErrorObject else { return .ambiguous }
        if status == 401 || status == 403 { return .halt }
        if let code = error.resultCode { return judge(resultCode: code) }
        if status == 404, error.type == "no_data_error" { return .rejected(.unknownSession) }
        return status == 400 ? .refused(.refusedByUpstream) : .refused(.unexpectedAnswer)
    }

    /// `result_code` of an error object: success inside an error is a contradiction, never a verdict.
    private static func judge(resultCode: Int) -> AnswerClass {
        resultCode == 0 || resultCode == 100 ? .refused(.unexpectedAnswer) : judge(returnCode: resultCode)
    }

    /// Whether the provider's page on return codes has it.
    package static func isDocumented(_ returnCode: Int) -> Bool { (0...21).contains(returnCode) || returnCode == 100 }

    private static func judge(returnCode: Int) -> AnswerClass {
        switch returnCode {
        case 0: .accepted
        case 100: .alreadySucceeded
        case 1: .rejected(.wrongCode)
        case 6, 12, 13: .rejected(.unknownSession)
        case 5, 17: .rejected(.sessionUsed)
        case 9, 11, 14...16, 18...21: .refused(.refusedByUpstream)
        case 2, 3, 4, 7: .halt
        case 8, 10: .ambiguous
        default: .refused(.unexpectedAnswer)
        }
    }

    /// Somebody asked for patience: whether the request was processed or not, it is asked again on the schedule of a retryable
    /// answer, and not as rarely as after a lost one.
    package static func asksForPatience(_ answer: UpstreamAnswer) -> Bool {
        answer.transport == .answered(status: 503)
    }

    /// The request may have reached the upstream.
    ///
    /// Only a call that was never sent has not "left".
    package static func left(_ answer: UpstreamAnswer) -> Bool {
        if case .notSent = answer.transport { return false }
        return true
    }
}
