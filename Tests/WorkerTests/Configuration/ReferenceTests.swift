import Foundation
import OTPWorker
import Testing

/// The reference of the settings in the documentation is exactly the table that the program reads by.
struct ReferenceTests {
    @Test func theReferenceListsExactlyTheSettings() throws {
        let article = Self.sources.appending(path: "OTPWorker/OTPWorker.docc/Configuration.md")
        let text = try String(contentsOf: article, encoding: .utf8)
        let heading = try #require(text.range(of: "## Settings\n"))
        let expected = Self.reference
        guard text[heading.upperBound...] != expected else { return }
        let correct = FileManager.default.temporaryDirectory.appending(path: "Configuration.md")
        try Data((text[..<heading.upperBound] + expected).utf8).write(to: correct)
        Issue.record("the reference is out of date; the correct article is in \(correct.path)")
    }

    /// `--help` cannot list a hundred settings; what it shows besides must be settings that exist.
    @Test func helpNamesOnlySettingsThatExist() throws {
        let folder = Self.sources.appending(path: "otp-worker")
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        let sections = Set(Setting.all.map { $0.key.prefix { $0 != "." } })
        var found = 0
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for line in text.split(separator: "\n") where line.contains(/help:|ArgumentHelp/) {
                for match in line.matches(of: /\ \((([a-z_]+)\.[a-z_.]+)\)/) where sections.contains(match.output.2) {
                    found += 1
                    let key = String(match.output.1)
                    #expect(Setting.named(key) != nil, "\(file.lastPathComponent) names \(key)")
                }
            }
        }
        #expect(found >= 6)
    }

    private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")

    /// A table per section, in the order of the example file.
    private static var reference: String {
        var text = ""
        var section = ""
        for setting in Setting.all {
            let own = String(setting.key.prefix { $0 != "." })
            if own != section {
                section = own
                text += "\n### \(section)\n\n| key | default | takes | meaning |\n|---|---|---|---|\n"
            }
            let unit = setting.kind == .integer ? " \(setting.unit)" : ""
            let standard = setting.defaultText.map { "`\($0)`" } ?? ""
            let meaning = setting.meaning.replacing("|", with: "\\|")
            text += "| `\(setting.key)` | \(standard) | \(setting.range)\(unit) | \(meaning) |\n"
        }
        return text
    }
}
