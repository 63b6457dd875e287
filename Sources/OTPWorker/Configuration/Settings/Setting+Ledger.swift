import OTPContract
import OTPEngine

/// The settings of what is remembered of sessions.
extension Setting {
    static let ledger: [Setting] = [
        .duration(
            "ledger.retention",
            \.worker.ledger.retention,
            .seconds(60) ... .seconds(86_400),
            "How long a session is remembered after its last command; an OTP lives minutes."
        ),
        .integer(
            "ledger.max_codes_per_session",
            \.worker.ledger.maximumCodesPerSession,
            1...Limits.codesPerSession,
            unit: "codes",
            "Different codes of one session that are asked about; the next is `too_many_codes`."
        ),
        .integer(
            "ledger.max_wrong_codes_per_phone",
            \.worker.ledger.maximumWrongCodesPerPhone,
            0...Limits.wrongCodesPerPhone,
            unit: "codes",
            """
            Wrong codes of one phone within ledger.retention, through whatever sessions, after which no other is asked \
            about: `too_many_codes`. Counted in each partition for itself, so it ends where sessions of a phone lie in \
            several; 0 is no limit.
            """
        ),
        Setting(
            key: "ledger.secret",
            kind: .secret,
            unit: "",
            range: "at least \(Fingerprinter.shortestKey) visible ASCII characters, drawn at random",
            meaning:
                "Keys the ledger's fingerprints, the same in the whole fleet: by environment only. Unset, the upstream's "
                + "key does. Another one puts every session that is remembered in doubt.",
            example: nil,
            store: { text, settings throws(Fault) in settings.worker.ledger.secret = try ledgerSecret(text) },
            show: { _ in nil }
        ),
        .text(
            "ledger.secret_file",
            \.worker.ledger.secretFile,
            "A file that holds that secret alone; read at the start.",
            .file,
            kind: .file,
            example: "/run/secrets/otp_ledger"
        ),
        .duration(
            "ledger.restore_timeout",
            \.worker.ledger.restoreTimeout,
            .seconds(5) ... .seconds(3_600),
            "One try at reading a partition's ledger after it was assigned."
        ),
        .flag(
            "ledger.accept_loss",
            \.worker.ledger.acceptLoss,
            "Take a partition whose ledger topic was recreated. What the old one knew is lost: codes may be asked twice."
        ),
    ]

    /// A secret of our own choosing, so that a short one is nobody's fate.
    static func ledgerSecret(_ text: String) throws(Fault) -> Secret {
        let secret = try secret(text)
        guard secret.revealed.utf8.count >= Fingerprinter.shortestKey else {
            throw Fault(
                what: "it is shorter than \(Fingerprinter.shortestKey) characters",
                remedy: "draw one at random: openssl rand -base64 32"
            )
        }
        return secret
    }
}
