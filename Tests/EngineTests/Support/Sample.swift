import OTPContract
import OTPEngine

/// Values that tests are made of.
enum Sample {
    /// A fingerprint that says which code it stands for: up to eight ASCII characters.
    static func fingerprint(_ code: String, keyID: UInt32 = 1) -> Fingerprint {
        Fingerprint(keyID: keyID, high: 0, low: code.utf8.reduce(0) { $0 << 8 | UInt64($1) })
    }

    static func code(of fingerprint: Fingerprint) -> String {
        var characters: [UInt8] = []
        var rest = fingerprint.low
        while rest > 0 {
            characters.insert(UInt8(truncatingIfNeeded: rest), at: 0)
            rest >>= 8
        }
        return String(decoding: characters, as: UTF8.self) + (fingerprint.keyID == 1 ? "" : "#\(fingerprint.keyID)")
    }

    static func digest(_ session: String) -> SessionDigest {
        let hash = session.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return SessionDigest(high: ~hash, low: hash)
    }

    static func command(
        _ session: String,
        _ code: String,
        commandID: String = "c",
        expiresAt: WallTime? = nil
    ) -> ReceivedRecord.Content {
        guard let sessionID = SessionID(session), let phone = PhoneNumber(normalising: "5324818942"),
            let otp = OTPCode(trimming: code)
        else { preconditionFailure("an unusable sample") }
        let command = VerifyCommand(
            commandID: commandID,
            sessionID: sessionID,
            phone: phone,
            code: otp,
            expiresAt: expiresAt
        )
        return .command(command, session: digest(session), fingerprint: fingerprint(code))
    }

    static func session(_ text: String) -> SessionID {
        guard let session = SessionID(text) else { preconditionFailure("an unusable sample") }
        return session
    }

    static func time(_ milliseconds: Int64) -> WallTime { WallTime(milliseconds: milliseconds) }

    // MARK: Ledger records

    static let ledgerTime = WallTime(milliseconds: 1_700_000_000_000)

    static func intent(_ session: String, _ code: String, source: Int64, keyID: UInt32 = 1) -> LedgerRecord {
        let content = LedgerRecord.Content.intent(
            fingerprint(code, keyID: keyID),
            source: source,
            time: ledgerTime
        )
        return LedgerRecord(session: Sample.session(session), content: content)
    }

    static func state(_ session: String, closed: Bool = false, _ codes: CodeState...) -> LedgerRecord {
        LedgerRecord(session: Sample.session(session), content: .state(codes, isClosed: closed))
    }

    static func concluded(
        _ code: String,
        _ outcome: Outcome,
        source: Int64,
        doubtful: Bool = false,
        keyID: UInt32 = 1
    ) -> CodeState {
        CodeState(
            fingerprint: fingerprint(code, keyID: keyID),
            outcome: outcome,
            source: source,
            isDoubtful: doubtful,
            time: ledgerTime
        )
    }
}

extension UpstreamAnswer {
    /// HTTP 200 with this return code.
    static func code(_ code: Int, message: String? = nil) -> Self {
        Self(.answered(status: 200), body: .init(code: code, message: message))
    }

    /// Without a body, or with the error object that the provider sends with the refusal of a key.
    static func status(_ status: Int, retryAfter: Duration? = nil) -> Self {
        let isKeys = status == 401 || status == 403
        return Self(
            .answered(status: status),
            body: isKeys ? .init(code: status, type: "authorization_error") : nil,
            retryAfter: retryAfter
        )
    }

    /// What stands before the upstream answers in its place: a page, or an object of its own.
    static func page(_ status: Int, body: Body? = nil) -> Self {
        Self(.answered(status: status), body: body, bodyFault: body == nil ? .html : .noCode)
    }

    /// An error object as the provider documents it.
    static func error(_ status: Int, result: Int? = nil, type: String? = nil) -> Self {
        Self(.answered(status: status), body: .init(code: status, resultCode: result, type: type))
    }

    static let notSent = Self(.notSent(.connect))
    static let cut = Self(.unknown(.closed))
    static let withheld = Self(.notSent(.withheld))
}

extension Instant {
    static func seconds(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1_000_000_000)) }
}
