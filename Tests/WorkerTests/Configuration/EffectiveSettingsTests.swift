import Foundation
import OTPContract
import OTPWorker
import Testing

/// What `config show` tells: each value, where it came from, and no secret.
struct EffectiveSettingsTests {
    private func row(_ key: String, _ effective: EffectiveSettings) throws -> EffectiveSettings.Row {
        try #require(effective.rows.first { $0.key == key })
    }

    @Test func eachValueHasItsSource() throws {
        let effective = try Reading.effective(
            yaml: "kafka:\n  brokers: file:1\n  group_id: from-file\n",
            environment: ["OTP_KAFKA_GROUP_ID": "from-variable", "OTP_LEDGER_RETENTION": "1h"],
            flags: [("ledger.retention", "2h")]
        )
        let brokers = try row("kafka.brokers", effective)
        #expect(brokers.value == "file:1")
        #expect(brokers.origin.description.hasSuffix("worker.yaml, line 2"))
        let group = try row("kafka.group_id", effective)
        #expect(group.value == "from-variable")
        #expect(group.origin.description == "environment, OTP_KAFKA_GROUP_ID")
        let retention = try row("ledger.retention", effective)
        #expect(retention.value == "2h")
        #expect(retention.origin.description == "--set")
        #expect(try row("commands.max_age", effective).origin == .byDefault)
        let proxy = try row("check_otp.proxy", effective)
        #expect(proxy.value == nil && proxy.origin == .absent && proxy.isDefault)
        #expect(try row("worker.name", effective).origin == .hostName)
    }

    @Test func everySettingIsThereInTheOrderOfTheExampleFile() throws {
        let rows = try Reading.effective(flags: [("kafka.properties.security.protocol", "SSL")]).rows
        #expect(rows.map(\.key).filter { !$0.hasPrefix(Setting.propertyPrefix) } == Setting.all.map(\.key))
        let index = try #require(rows.firstIndex { $0.key == "kafka.properties.security.protocol" })
        #expect(rows[index - 1].key.hasPrefix("kafka.") && rows[index + 1].key.hasPrefix("topics."))
    }

    @Test func theTransactionalIDOfAPodComesFromItsName() throws {
        let effective = try SettingsReader.read(
            file: nil,
            environment: ["KUBERNETES_SERVICE_HOST": "10.0.0.1"],
            flags: [],
            for: .demonstration,
            hostName: "otp-worker-3"
        )
        let id = try row("kafka.transactional_id", effective)
        #expect(id.value == "otp-worker-otp-worker-3")
        #expect(id.origin == .hostName)
    }

    @Test func secretsAreMaskedWhereverTheyComeFrom() throws {
        let variables = [
            "OTP_CHECK_OTP_SECRET_KEY": "MARKED", "OTP_KAFKA_PROPERTIES_SASL_PASSWORD": "MARKED",
            "OTP_KAFKA_PROPERTIES_SSL_KEY_PEM": "MARKED",
            "OTP_KAFKA_PROPERTIES_SASL_OAUTHBEARER_CLIENT_SECRET": "MARKED",
            "OTP_KAFKA_PROPERTIES_SASL_OAUTHBEARER_CONFIG": "MARKED",
        ]
        let effective = try Reading.effective(environment: variables)
        let secrets = effective.rows.filter(\.isSecret)
        #expect(secrets.count == 5)
        #expect(secrets.allSatisfy { $0.value == EffectiveSettings.mask })
        #expect(try row("check_otp.secret_key", effective).origin == .environment("OTP_CHECK_OTP_SECRET_KEY"))
        #expect(!"\(effective.rows)".contains("MARKED"))
    }

    @Test func aKeyFromAFileNamesTheFile() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try Data("MARKED\n".utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let key = try row(
            "check_otp.secret_key",
            Reading.effective(flags: [("check_otp.secret_key_file", path)])
        )
        #expect(key.value == EffectiveSettings.mask && key.isSecret)
        #expect(key.origin == .file(path, line: nil))
        #expect(try row("check_otp.secret_key", Reading.effective()).origin == .absent)
        #expect(try row("ledger.secret", Reading.effective()).origin == .absent)
        try Data("MARKED_IS_LONG_ENOUGH\n".utf8).write(to: URL(fileURLWithPath: path))
        let ledger = try Reading.effective(flags: [("ledger.secret_file", path)])
        #expect(ledger.settings.worker.ledger.secret?.revealed == "MARKED_IS_LONG_ENOUGH")
        #expect(try row("ledger.secret", ledger).origin == .file(path, line: nil))
        #expect(!"\(ledger.rows)".contains("MARKED"))
    }
}
