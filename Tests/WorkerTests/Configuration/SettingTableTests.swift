import Foundation
import OTPContract
import OTPWorker
import Testing

/// The table of settings is complete, and what is made from it is true.
struct SettingTableTests {
    @Test func everySettingSaysWhatItIsFor() {
        for setting in Setting.all {
            #expect(setting.meaning.count > 20, "\(setting.key)")
            #expect(setting.meaning.hasSuffix("."), "\(setting.key)")
            #expect(!setting.range.isEmpty, "\(setting.key)")
            let isNumber = setting.kind == .duration || setting.kind == .integer
            #expect(isNumber != setting.unit.isEmpty, "\(setting.key)")
            let hasValueToShow = setting.defaultText != nil || setting.example != nil || setting.isSecret
            #expect(hasValueToShow, "\(setting.key)")
        }
    }

    @Test func keysAndVariablesAreUnique() {
        #expect(Set(Setting.all.map(\.key)).count == Setting.all.count)
        #expect(Set(Setting.all.map(\.variable)).count == Setting.all.count)
        #expect(Setting.named("kafka.group_id")?.variable == "OTP_KAFKA_GROUP_ID")
    }

    /// A default that its own rule refuses could not be written down.
    @Test(arguments: Setting.all.filter { $0.defaultText != nil }.map(\.key))
    func everyDefaultIsAcceptedAndIsTheDefault(_ key: String) throws {
        let setting = try #require(Setting.named(key))
        let text = try #require(setting.defaultText)
        #expect(dump(try Reading.settings(flags: [(key, text)])) == dump(try Reading.settings()).with(key, text))
    }

    @Test func theExampleFileHoldsEverySettingAndChangesNothing() throws {
        let yaml = ExampleFile.yaml
        for setting in Setting.all {
            let name = setting.key.split(separator: ".").last ?? ""
            #expect(yaml.contains("\(name): ") || setting.isSecret, "\(setting.key)")
        }
        #expect(yaml.contains("OTP_CHECK_OTP_SECRET_KEY"))
        #expect(yaml.split(separator: "\n").allSatisfy { $0.count <= 112 })
        #expect(dump(try Reading.settings(yaml: yaml)) == dump(try Reading.settings()))
    }

    @Test func aSecretIsInNoDescriptionAndNoDump() throws {
        let settings = try Reading.settings(environment: ["OTP_CHECK_OTP_SECRET_KEY": Reading.key], for: .demonstration)
        #expect(settings.worker.checkOTP.secretKey?.revealed == Reading.key)
        #expect(!dump(settings).contains("MARKED"))
        #expect(!"\(settings)".contains("MARKED"))
    }

    private func dump(_ settings: Settings) -> String {
        var text = ""
        Swift.dump(settings, to: &text)
        return text
    }
}

extension String {
    /// The worker's name is the host's unless it was set: its default cannot be told from it.
    fileprivate func with(_ key: String, _ text: String) -> String {
        key == "worker.name" ? replacingOccurrences(of: "\"host-1\"", with: "\"\(text)\"") : self
    }
}
