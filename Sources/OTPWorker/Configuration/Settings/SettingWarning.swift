import CheckOTP
import OTPContract

/// A setting that can be used and is seldom meant: told by `config check`, by `doctor`, and at the start.
package struct SettingWarning: Equatable, Sendable {
    package var key: String
    package var what: String
    package var remedy: String

    package init(key: String, what: String, remedy: String) {
        self.key = key
        self.what = what
        self.remedy = remedy
    }
}

extension Secret {
    /// Shorter than whatever is drawn at random.
    var isShort: Bool { revealed.utf8.count < Fingerprinter.shortestKey }
}

extension WorkerConfiguration {
    /// What looks like a mistake and may be none.
    package var warnings: [SettingWarning] { [urlWithPath].compactMap { $0 } }

    /// Anyone who reads the ledger could find a short key, and with it every code; the start tells it in words of its own.
    package var shortKey: SettingWarning? {
        guard ledger.secret == nil, let key = checkOTP.secretKey, key.isShort else { return nil }
        return SettingWarning(
            key: checkOTP.secretKeyFile == nil ? "check_otp.secret_key" : "check_otp.secret_key_file",
            what: "the key is shorter than \(Fingerprinter.shortestKey) characters, and the ledger's fingerprints rest"
                + " on it",
            remedy: "set the key exactly as issued, or a secret of the ledger's own: ledger.secret_file"
        )
    }

    /// The worker adds the path of check_otp itself.
    private var urlWithPath: SettingWarning? {
        guard let origin = checkOTP.origin, !origin.basePath.isEmpty else { return nil }
        return SettingWarning(
            key: "check_otp.url",
            what: "it has a path: calls go to \(origin)/v1/card/check_otp",
            remedy:
                "write the origin alone, such as \(Settings.liveURL), unless something before the upstream asks for a path"
        )
    }
}
