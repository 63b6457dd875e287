import CheckOTP
import Foundation
import OTPContract
import OTPWorker
import Testing

/// What a worker says at its start about a configuration that works and gives secrets away.
struct ConfigurationLeaksTests {
    private func leaks(
        _ properties: [String: String] = [:],
        file: String? = nil,
        open: Set<String> = [],
        _ adjust: (inout WorkerConfiguration) -> Void = { _ in }
    ) -> [String] {
        var worker = WorkerConfiguration()
        worker.kafka.properties = properties
        adjust(&worker)
        return ConfigurationLeaks.found(in: worker, file: file) { open.contains($0) ? 0o644 : 0o640 }.map(\.setting)
    }

    @Test(arguments: [
        (
            ["security.protocol": "SSL", "enable.ssl.certificate.verification": "false"],
            "enable.ssl.certificate.verification"
        ),
        (
            ["security.protocol": "sasl_ssl", "ssl.endpoint.identification.algorithm": "none"],
            "ssl.endpoint.identification.algorithm"
        ), (["security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"], "security.protocol"),
        (["sasl.mechanism": "PLAIN", "SASL.Password": "x"], "security.protocol"),
    ])
    func aWayToTheBrokersThatOthersCanReadIsTold(properties: [String: String], property: String) {
        #expect(leaks(properties) == ["kafka.properties.\(property)"])
    }

    @Test func aSafeWayIsNot() {
        #expect(leaks().isEmpty)
        #expect(leaks(["security.protocol": "ssl", "ssl.endpoint.identification.algorithm": "https"]).isEmpty)
        #expect(leaks(["security.protocol": "sasl_ssl", "sasl.password": "x"], file: "w.yaml").isEmpty)
    }

    @Test func aFileThatEverybodyMayReadIsTold() {
        #expect(leaks(open: ["key"]) { $0.checkOTP.secretKeyFile = "key" } == ["check_otp.secret_key_file"])
        #expect(leaks(open: ["key"]) { $0.checkOTP.clientKeyFile = "key" } == ["check_otp.client_key_file"])
        #expect(leaks(open: ["key"]) { $0.ledger.secretFile = "key" } == ["ledger.secret_file"])
        let password = ["security.protocol": "sasl_ssl", "Sasl.PassWord": "x"]
        #expect(leaks(password, file: "w.yaml", open: ["w.yaml"]) == ["kafka.properties.Sasl.PassWord"])
        // Without a secret in it, it may be read.
        #expect(leaks(file: "w.yaml", open: ["w.yaml"]).isEmpty)
    }

    @Test func aPlaintextUpstreamIsTold() throws {
        let http = try Origin("http://10.1.2.3")
        #expect(leaks { $0.checkOTP.origin = http } == ["check_otp.allow_plaintext"])
        let own = try Origin("http://127.0.0.1:8085")
        #expect(leaks { $0.checkOTP.origin = own }.isEmpty)
    }

    @Test func permissionsAreThoseOfTheFileBehindALink() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "key").path
        let link = folder.appending(path: "link").path
        #expect(FileManager.default.createFile(atPath: file, contents: nil, attributes: [.posixPermissions: 0o640]))
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
        #expect(ConfigurationLeaks.permissions(link) == 0o640)
        #expect(ConfigurationLeaks.permissions("/nowhere/key") == nil)
    }

    @Test func theVariablesOfSecretsAreKnown() {
        let names = [
            "PATH", "OTP_KAFKA_BROKERS", "OTP_CHECK_OTP_SECRET_KEY", "OTP_KAFKA_PROPERTIES_SASL_PASSWORD",
            "OTP_KAFKA_PROPERTIES_SASL_USERNAME", "OTP_KAFKA_PROPERTIES_SSL_KEY_PEM",
            "OTP_LEDGER_SECRET", "OTP_LEDGER_SECRET_FILE",
        ]
        #expect(SettingsReader.secretVariables(among: names) == [names[2], names[3], names[5], names[6]])
    }
}
