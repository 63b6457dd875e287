package import OTPContract

/// What a code came to: exactly the fields that a replay reproduces, and so what the ledger stores.
package struct Outcome: Equatable, Sendable {
    package var reason: Reason
    /// Sending the same command again can help.
    package var retryable: Bool
    /// This answer itself left the truth open (an upstream that says "it had already succeeded" of a code never asked),
    /// whatever the session's own doubt.
    package var inDoubt: Bool
    /// The upstream's return code.
    package var code: Int?
    /// The upstream's text, scrubbed before it gets here.
    package var message: String?
    package var httpStatus: Int?

    package init(
        _ reason: Reason,
        retryable: Bool = false,
        inDoubt: Bool = false,
        code: Int? = nil,
        message: String? = nil,
        httpStatus: Int? = nil
    ) {
        self.reason = reason
        self.retryable = retryable
        self.inDoubt = inDoubt
        self.code = code
        self.message = message
        self.httpStatus = httpStatus
    }

    package var isVerified: Bool { reason.status == .verified }
}
