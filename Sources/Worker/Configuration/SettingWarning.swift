import CheckOTP

/// A setting that can be used and is seldom meant: told by `config check`, by `doctor`, and at the start.
package struct SettingWarning: Equatable, Sendable {
    package var key: String
    package var what: String
    package var remedy: String
}

extension WorkerConfiguration {
    /// What looks like a mistake and may be none.
    package var warnings: [SettingWarning] { [urlWithPath].compactMap { $0 } }

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
