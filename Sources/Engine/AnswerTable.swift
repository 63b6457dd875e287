package import Contract

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
        case .answered(let status): self = Self.judge(status: status, body: answer.body)
        }
    }

    private static func judge(status: Int, body: UpstreamAnswer.Body?) -> AnswerClass {
        switch status {
        case 200:
            guard let code = body?.code else { return .ambiguous }
            return judge(returnCode: code)
        case 401, 403: return .halt
        case 429, 503: return .retryable
        case 500...599: return .ambiguous
        case 400...499:
            if let code = body?.resultCode { return judge(resultCode: code) }
            if status == 404, body?.type == "no_data_error" { return .rejected(.unknownSession) }
            return status == 400 ? .refused(.refusedByUpstream) : .refused(.unexpectedAnswer)
        default: return .refused(.unexpectedAnswer)
        }
    }

    /// `result_code` of an error object: success inside an error is a contradiction, never a verdict.
    private static func judge(resultCode: Int) -> AnswerClass {
        resultCode == 0 || resultCode == 100 ? .refused(.unexpectedAnswer) : judge(returnCode: resultCode)
    }

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

    /// The request may have reached the upstream.
    ///
    /// Only a call that was never sent has not "left".
    package static func left(_ answer: UpstreamAnswer) -> Bool {
        if case .notSent = answer.transport { return false }
        return true
    }
}
