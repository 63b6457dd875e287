import Foundation
import OTPWorker
import Testing

/// A setting's old name is an error that names the new one, wherever it is written.
struct RenamedSettingTests {
    static let names = Setting.renamed.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }

    private func problems(
        file: String? = nil,
        environment: [String: String] = [:],
        flags: [ConfigurationFlag] = []
    ) -> [String] {
        do throws(ConfigurationProblems) {
            _ = try SettingsReader.read(
                file: file,
                environment: environment.merging(["OTP_KAFKA_BROKERS": "h:1"]) { $1 },
                flags: flags,
                for: .client,
                hostName: "host"
            )
            return []
        } catch {
            return error.problems.map { "\($0.key): \($0.what)" }
        }
    }

    @Test func theNewNamesAreSettingsAndTheOldOnesAreNot() {
        #expect(Self.names.count == 9)
        for (old, new) in Self.names { #expect(Setting.named(old) == nil && Setting.named(new) != nil) }
    }

    @Test(arguments: names)
    func anOldNameIsAnsweredWithTheNewOne(old: String, new: String) throws {
        let flag = ConfigurationFlag(old, "10s", spelling: "--set")
        #expect(problems(flags: [flag]) == ["\(old): renamed to \(new)"])
        let variables = [Setting.variable(of: old): "10s"]
        #expect(problems(environment: variables) == ["\(old): renamed to \(Setting.variable(of: new))"])
        let words = old.split(separator: ".")
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("renamed-\(UUID()).yaml")
        try Data("\(words[0]):\n  \(words[1]): 10s\n".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        #expect(problems(file: file.path) == ["\(old): renamed to \(new)"])
    }
}
