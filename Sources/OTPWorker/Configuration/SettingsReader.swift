import OTPContract
import OTPKafka

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Reads the settings from file, environment and flags, the later over the earlier, and judges them all at once.
///
/// A value that is overridden is judged too: it is wrong wherever it takes effect next.
package struct SettingsReader {
    /// What a program needs to be told.
    package enum Purpose: Sendable {
        /// Runs a worker: the brokers and the upstream's key.
        case worker
        /// Talks to the cluster only: the files of the upstream and of the ledger, which a worker's user alone may be able to read, are
        /// not opened, and what names them is not judged.
        case client
        /// Writes to the cluster in the fleet's name: the same as ``client``, with the fleet's secrets.
        case signer
        /// Needs nothing: it brings its own cluster and upstream.
        case demonstration
    }

    private let purpose: Purpose
    private var settings = Settings()
    private var problems: [ConfigurationProblem] = []
    private var origins: [String: ConfigurationProblem.Origin] = [:]

    private init(for purpose: Purpose) { self.purpose = purpose }

    /// - Parameters:
    ///   - file: path of a YAML file.
    ///   - environment: the process's variables.
    ///   - flags: what the command line says.
    ///   - purpose: what must be there.
    ///   - hostName: the worker's name where none is set.
    /// - Returns: settings that can be used as they are, and where each was written.
    /// - Throws: everything that is wrong.
    package static func read(
        file: String?,
        environment: [String: String],
        flags: [ConfigurationFlag],
        for purpose: Purpose,
        hostName: String
    ) throws(ConfigurationProblems) -> EffectiveSettings {
        var reader = SettingsReader(for: purpose)
        if !hostName.isEmpty {
            reader.settings.worker.name = hostName
            reader.origins["worker.name"] = .hostName
        }
        if let file { reader.read(file: file) }
        let variables = ConfigurationSource(environment: environment)
        reader.apply(variables)
        reader.apply(ConfigurationSource(flags: flags))
        reader.readSecretFile()
        reader.readLedgerSecretFile()
        reader.nameSlot(environment, hostName)
        reader.judge()
        guard reader.problems.isEmpty else { throw ConfigurationProblems(reader.problems) }
        return EffectiveSettings(
            settings: reader.settings,
            origins: reader.origins,
            serviceLinks: variables.serviceLinks
        )
    }

    /// Those of these environment variables that hold a secret.
    package static func secretVariables(among names: [String]) -> [String] {
        let prefix = Setting.variable(of: Setting.propertyPrefix)
        let secrets = Set(Setting.all.filter(\.isSecret).map(\.variable))
        return names.filter { name in
            secrets.contains(name)
                || name.hasPrefix(prefix) && Setting.isSecretProperty(String(name.dropFirst(prefix.count)))
        }
    }

    /// A pod of a StatefulSet is called the same after a restart, so its name tells the slot.
    ///
    /// Only in Kubernetes: elsewhere two workers may share a host's name, and must not share a transactional id.
    private mutating func nameSlot(_ environment: [String: String], _ hostName: String) {
        guard environment["KUBERNETES_SERVICE_HOST"] != nil, settings.worker.kafka.transactionalID == nil,
            settings.worker.kafka.groupInstanceID == nil, let dash = hostName.lastIndex(of: "-"),
            dash != hostName.startIndex, let ordinal = UInt16(hostName[hostName.index(after: dash)...])
        else { return }
        let name = hostName[..<dash]
        settings.worker.kafka.transactionalID = "\(settings.worker.kafka.groupID)-\(name)-\(ordinal)"
        origins["kafka.transactional_id"] = .hostName
    }

    private mutating func read(file: String) {
        do throws(ConfigurationProblem) {
            apply(try ConfigurationSource(file: file))
        } catch {
            problems.append(error)
        }
    }

    private mutating func apply(_ source: ConfigurationSource) {
        var seen: Set<String> = []
        for key in source.keys where seen.insert(key).inserted {
            let origin = source.origin(of: key)
            do throws(Setting.Fault) {
                guard let text = try source.text(key) else { continue }
                try store(text, key, at: origin)
                origins[key] = origin
            } catch {
                problems.append(ConfigurationProblem(key, at: origin, error.what, remedy: error.remedy))
            }
        }
    }

    private mutating func store(
        _ text: String,
        _ key: String,
        at origin: ConfigurationProblem.Origin
    ) throws(Setting.Fault) {
        if key.hasPrefix(Setting.propertyPrefix) {
            let name = String(key.dropFirst(Setting.propertyPrefix.count))
            // Its name would be in whatever librdkafka says of it.
            guard !SecretShape.isKey(name) else {
                throw Setting.Fault(
                    what: "there is no such property",
                    remedy: "remove it; if it was real, replace the key"
                )
            }
            if case .flag = origin, Setting.isSecretProperty(name) || SecretShape.isSecretValue(text) {
                throw Setting.Fault(
                    what: "a process list would show it",
                    remedy: "set it by the environment, \(SecretShape.shown(Setting.variable(of: key))), or in the"
                        + " configuration file"
                )
            }
            settings.worker.kafka.properties[name] = text
            return
        }
        guard let setting = Setting.named(key) else { throw Self.unknown(key, at: origin) }
        if setting.isSecret {
            guard case .environment = origin else {
                throw Setting.Fault(
                    what: "a secret is not taken from here: process lists, repositories and backups would show it",
                    remedy: "set \(setting.variable) in the environment, or \(setting.key)_file to a file"
                        + " that holds it; if it was real, replace the key"
                )
            }
        }
        guard setting.kind != .file || purpose != .client else { return }
        try setting.store(text, &settings)
    }

    private static func unknown(_ key: String, at origin: ConfigurationProblem.Origin) -> Setting.Fault {
        if let name = Setting.renamed[key] {
            var shown = name
            if case .environment = origin { shown = Setting.variable(of: name) }
            return Setting.Fault(
                what: "renamed to \(shown)",
                remedy: "write \(shown); it means the same\(Setting.newValues[key] ?? "")"
            )
        }
        let near = Suggestion.nearest(to: key, among: Setting.all.map(\.key))
        var remedy = "remove it; `otp-worker config example` lists every setting"
        if let near {
            if case .environment = origin {
                remedy = "did you mean \(Setting.variable(of: near))?"
            } else {
                remedy = "did you mean \(near)?"
            }
        }
        return Setting.Fault(what: "there is no such setting", remedy: remedy)
    }

    private mutating func readSecretFile() {
        guard let path = settings.worker.checkOTP.secretKeyFile else { return }
        let key = "check_otp.secret_key_file"
        if settings.worker.checkOTP.secretKey != nil {
            report(key, "check_otp.secret_key is set too", remedy: "set only one of the two")
            return
        }
        do throws(Setting.Fault) {
            settings.worker.checkOTP.secretKey = try SecretFile.read(path)
        } catch {
            report(key, error.what, remedy: error.remedy)
        }
    }

    private mutating func readLedgerSecretFile() {
        guard let path = settings.worker.ledger.secretFile else { return }
        let key = "ledger.secret_file"
        if settings.worker.ledger.secret != nil {
            report(key, "ledger.secret is set too", remedy: "set only one of the two")
            return
        }
        do throws(Setting.Fault) {
            settings.worker.ledger.secret = try SecretFile.read(path, as: Setting.ledgerSecret)
        } catch {
            report(key, error.what, remedy: error.remedy)
        }
    }

    private mutating func judge() {
        let isGiven = { [origins, problems] (key: String) in
            origins[key] != nil || problems.contains { $0.key == key }
        }
        if purpose != .demonstration, !isGiven("kafka.brokers") {
            report(
                "kafka.brokers",
                "the cluster's address is needed",
                remedy: "write --brokers host:port, or set OTP_KAFKA_BROKERS, or kafka.brokers in the file"
            )
        }
        if purpose == .worker, settings.worker.checkOTP.secretKey == nil,
            !isGiven("check_otp.secret_key"), !isGiven("check_otp.secret_key_file")
        {
            report(
                "check_otp.secret_key",
                "the upstream's secret key is needed",
                remedy: "set OTP_CHECK_OTP_SECRET_KEY in the environment, or check_otp.secret_key_file to its file"
            )
        }
        // Elsewhere than in a worker nothing is called by it.
        if purpose == .worker, origins["worker.name"] == .hostName, !TextRule.isName(settings.worker.name) {
            report("worker.name", "the host's name cannot be used as it is", remedy: TextRule.name.remedy)
        }
        for (key, fault) in SettingRelations.faults(of: settings) { report(key, fault.what, remedy: fault.remedy) }
        judgeProperties()
    }

    private mutating func judgeProperties() {
        for fault in ClientProperties.faults(of: settings.worker.kafka.properties) {
            report(Setting.propertyPrefix + fault.name, fault.what, remedy: fault.remedy)
        }
        let common = ClientProperties.Common(
            bootstrapServers: settings.worker.kafka.brokers,
            passThrough: settings.worker.kafka.properties
        )
        do throws(KafkaError) {
            _ = try ClientProperties.admin(common)
        } catch {
            let name = settings.worker.kafka.properties.keys.sorted().first { error.reason.contains("\($0) ") }
            report(
                Setting.propertyPrefix + (name ?? "*"),
                error.reason,
                remedy: "remove it; where the worker lets it be chosen, it is a setting of its own"
            )
        }
    }

    private mutating func report(_ key: String, _ what: String, remedy: String) {
        let byDefault = settings.isDefault(key)
        let origin = origins[key] ?? (byDefault ? .byDefault : .absent)
        problems.append(ConfigurationProblem(key, at: origin, what, remedy: remedy))
    }
}

extension Settings {
    fileprivate func isDefault(_ key: String) -> Bool {
        Setting.named(key)?.show(Settings()) != nil
    }
}
