import CheckOTP

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a worker's configuration gives away to others although it may work: told at its start, never refused.
package enum ConfigurationLeaks {
    package struct Leak: Equatable, Sendable {
        package var setting: String
        package var cause: String
        package var remedy: String
    }

    /// - Parameters:
    ///   - worker: what it is told.
    ///   - file: the settings file, if there is one.
    ///   - mode: the permission bits of the file at a path; nil if they cannot be told.
    /// - Returns: each leak under the setting that closes it.
    package static func found(
        in worker: WorkerConfiguration,
        file: String?,
        mode: (String) -> UInt16? = permissions
    ) -> [Leak] {
        brokers(worker.kafka.properties) + files(worker, file, mode) + plaintext(worker.checkOTP)
    }

    /// The way to the brokers, by librdkafka's properties.
    private static func brokers(_ properties: [String: String]) -> [Leak] {
        let value = { (name: String) in
            properties.first { $0.key.lowercased() == name }?.value.lowercased()
        }
        var leaks: [Leak] = []
        let key = { Setting.propertyPrefix + $0 }
        switch value("security.protocol") {
        case "ssl", "sasl_ssl":
            if value("enable.ssl.certificate.verification") == "false" {
                leaks.append(
                    Leak(
                        setting: key("enable.ssl.certificate.verification"),
                        cause: "anybody between can pass for the brokers: their certificates are not verified",
                        remedy: "remove it, and set ssl.ca.location to the authority of the brokers"
                    )
                )
            } else if value("ssl.endpoint.identification.algorithm") == "none" {
                leaks.append(
                    Leak(
                        setting: key("ssl.endpoint.identification.algorithm"),
                        cause: "any certificate of the authority passes for a broker's: names are not verified",
                        remedy: "remove it, and give the brokers certificates for the names that they announce"
                    )
                )
            }
        case "sasl_plaintext":
            leaks.append(
                Leak(
                    setting: key("security.protocol"),
                    cause: "the password and every command pass to the brokers in the clear",
                    remedy: "use a listener with TLS, and set it to sasl_ssl"
                )
            )
        default:
            if value("sasl.mechanism") ?? value("sasl.mechanisms") ?? value("sasl.password") != nil {
                leaks.append(
                    Leak(
                        setting: key("security.protocol"),
                        cause: "it is plaintext, so the SASL properties are without effect and all passes in the clear",
                        remedy: "set it to sasl_ssl"
                    )
                )
            }
        }
        return leaks
    }

    private static func files(
        _ worker: WorkerConfiguration,
        _ file: String?,
        _ mode: (String) -> UInt16?
    ) -> [Leak] {
        func isOpen(_ path: String) -> Bool { (mode(path) ?? 0) & 0o004 != 0 }
        var leaks: [Leak] = []
        for (setting, path) in [
            ("check_otp.secret_key_file", worker.checkOTP.secretKeyFile),
            ("check_otp.client_key_file", worker.checkOTP.clientKeyFile),
            ("ledger.secret_file", worker.ledger.secretFile),
        ] {
            guard let path, isOpen(path) else { continue }
            leaks.append(
                Leak(
                    setting: setting,
                    cause: "every user of this machine may read \(path)",
                    remedy: "chmod o-rwx \(path)"
                )
            )
        }
        let secrets = worker.kafka.properties.keys.filter(Setting.isSecretProperty).sorted()
        if let file, !secrets.isEmpty, isOpen(file) {
            leaks.append(
                Leak(
                    setting: Setting.propertyPrefix + secrets[0],
                    cause: "every user of this machine may read \(file), where secrets may stand",
                    remedy: "chmod o-rwx \(file)"
                )
            )
        }
        return leaks
    }

    private static func plaintext(_ upstream: WorkerConfiguration.CheckOTP) -> [Leak] {
        guard let origin = upstream.origin, !origin.isTLS, !origin.isLoopback else { return [] }
        return [
            Leak(
                setting: "check_otp.allow_plaintext",
                cause: "key, phone numbers and codes pass in the clear to \(origin.host)",
                remedy: "write https:// in check_otp.url"
            )
        ]
    }

    /// Of the file itself where the path is a link, as mounted secrets are.
    package static func permissions(_ path: String) -> UInt16? {
        let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        return (try? FileManager.default.attributesOfItem(atPath: file))?[.posixPermissions] as? UInt16
    }
}
