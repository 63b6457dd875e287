/// One OTP session as the provider sees it: whose it is, which code is right, and what became of it.
struct OTPSession: Equatable {
    let phone: String
    let code: String
    /// When the code dies, since the epoch; nil for a session that nobody sent.
    let expiresAt: Duration?
    var wrongCodes = 0
    var isVerified = false

    init(phone: String, code: String, expiresAt: Duration?) {
        self.phone = phone
        self.code = code
        self.expiresAt = expiresAt
    }

    func isExpired(at now: Duration) -> Bool {
        expiresAt.map { now >= $0 } ?? false
    }

    func isRight(phone: String, code: String) -> Bool {
        phone == self.phone && code == self.code
    }

    /// Answers a check, and remembers it.
    mutating func check(
        phone: String,
        code: String,
        at now: Duration,
        by rules: SandboxConfiguration
    ) -> ReturnCode {
        if phone != self.phone { return rules.otherPhoneAnswer }
        if isVerified { return code == self.code ? rules.repeatAnswer : rules.otherCodeAnswer }
        if wrongCodes > rules.wrongCodesSurvived { return rules.deadAnswer }
        if isExpired(at: now) { return rules.expiredAnswer }
        if code == self.code {
            isVerified = true
            return .successful
        }
        wrongCodes += 1
        return .unsuccessful
    }
}
