import Foundation
import OTPWorker
import Testing

/// Reads settings as the program does, from texts.
enum Reading {
    static let key = "sck_MARKED_KEY"

    static func settings(
        yaml: String? = nil,
        environment: [String: String] = [:],
        flags: [(String, String)] = [],
        for purpose: SettingsReader.Purpose = .demonstration
    ) throws -> Settings {
        try effective(yaml: yaml, environment: environment, flags: flags, for: purpose).settings
    }

    static func effective(
        yaml: String? = nil,
        environment: [String: String] = [:],
        flags: [(String, String)] = [],
        for purpose: SettingsReader.Purpose = .demonstration
    ) throws -> EffectiveSettings {
        let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appending(path: "worker.yaml").path
        if let yaml { try Data(yaml.utf8).write(to: URL(fileURLWithPath: file)) }
        do {
            return try SettingsReader.read(
                file: yaml == nil ? nil : file,
                environment: environment,
                flags: flags.map { ConfigurationFlag($0.0, $0.1, spelling: "--set") },
                for: purpose,
                hostName: "host-1"
            )
        } catch {
            // The directory's name is drawn again each time.
            let text = "\(error)".replacingOccurrences(of: directory.path + "/", with: "")
            throw Told(text: text, problems: error.problems)
        }
    }

    /// What a user is told, and the problems behind it.
    struct Told: Error {
        var text: String
        var problems: [ConfigurationProblem]
    }

    /// What a user is told about a configuration that must not be accepted.
    static func refusal(
        yaml: String? = nil,
        environment: [String: String] = [:],
        flags: [(String, String)] = [],
        for purpose: SettingsReader.Purpose = .demonstration
    ) throws -> Told {
        do {
            _ = try settings(yaml: yaml, environment: environment, flags: flags, for: purpose)
        } catch let told as Told {
            return told
        }
        Issue.record("it was accepted")
        return Told(text: "", problems: [])
    }
}
