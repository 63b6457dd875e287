/// Every setting as it is in effect, with where it was written: what `config show` prints.
package struct EffectiveSettings: Sendable {
    /// One setting; a secret's value is never here.
    package struct Row: Equatable, Sendable {
        package var key: String
        /// As it would be written; nil when nothing is set.
        package var value: String?
        package var origin: ConfigurationProblem.Origin
        /// The value must not be shown: ``value`` is then ``mask``.
        package var isSecret = false
        package var isDefault: Bool { origin == .byDefault || origin == .absent }
    }

    package static let mask = "********"

    package let settings: Settings
    let origins: [String: ConfigurationProblem.Origin]
    /// Variables of the environment that look like ours, are Kubernetes' own, and were ignored.
    package var serviceLinks: [String] = []

    /// Where a setting was written.
    package func origin(of key: String) -> ConfigurationProblem.Origin { origins[key] ?? .byDefault }

    /// All settings in the order of the example file; properties of librdkafka follow those of Kafka, by name.
    package var rows: [Row] {
        var rows: [Row] = []
        for setting in Setting.all {
            rows.append(row(setting))
            if setting.key == Setting.lastOfKafka { rows += properties }
        }
        return rows
    }

    private func row(_ setting: Setting) -> Row {
        guard !setting.isSecret else {
            let isLedgers = setting.key == "ledger.secret"
            let secret = isLedgers ? settings.worker.ledger.secret : settings.worker.checkOTP.secretKey
            guard secret != nil else { return Row(key: setting.key, origin: .absent) }
            let path = isLedgers ? settings.worker.ledger.secretFile : settings.worker.checkOTP.secretKeyFile
            let file = path.map { ConfigurationProblem.Origin.file($0, line: nil) }
            let origin = origins[setting.key] ?? file ?? .absent
            return Row(key: setting.key, value: Self.mask, origin: origin, isSecret: true)
        }
        let value = setting.show(settings)
        return Row(
            key: setting.key,
            value: value,
            origin: origins[setting.key] ?? (value == nil ? .absent : .byDefault)
        )
    }

    private var properties: [Row] {
        settings.worker.kafka.properties.sorted { $0.key < $1.key }.map { name, value in
            let key = Setting.propertyPrefix + name
            let isSecret = Setting.isSecretProperty(name) || SecretShape.isSecretValue(value)
            return Row(
                key: SecretShape.shown(key),
                value: isSecret ? Self.mask : value,
                origin: origins[key] ?? .absent,
                isSecret: isSecret
            )
        }
    }
}
