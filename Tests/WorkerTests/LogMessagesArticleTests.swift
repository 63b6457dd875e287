import Foundation
import Logging
import OTPObservability
import Testing

/// The runbook's table of log messages lists exactly those that tell of trouble.
struct LogMessagesArticleTests {
    /// Messages with their levels, as the table writes them.
    private let expected = LogMessage.allCases.compactMap { message -> String? in
        let levels = message.levels.filter { $0 >= .warning }
        return levels.isEmpty ? nil : "`\(message.rawValue)`: \(levels.map(\.rawValue).joined(separator: ", "))"
    }

    /// The rows of the section of that name, in either of the articles that may hold it.
    private func rows() throws -> [String] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return ["Operations.md", "LogMessages.md"].flatMap { name -> [String] in
            let article = root.appending(path: "Sources/OTPWorker/OTPWorker.docc/\(name)")
            guard let text = try? String(contentsOf: article, encoding: .utf8) else { return [] }
            let lines = text.split(separator: "\n").map(String.init)
            guard let heading = lines.firstIndex(where: { $0.wholeMatch(of: /#+ Log messages/) != nil }) else {
                return []
            }
            let depth = lines[heading].prefix { $0 == "#" }.count
            let section = lines[(heading + 1)...].prefix { line in
                let marks = line.prefix { $0 == "#" }.count
                return marks == 0 || marks > depth
            }
            return section.compactMap { row in
                row.firstMatch(of: /^\| `([^`]+)`[^|]* \| ([a-z, ]+) \|/).map { "`\($0.output.1)`: \($0.output.2)" }
            }
        }
    }

    @Test func theRunbookListsExactlyTheMessagesFromWarningOn() throws {
        let written = try rows()
        let (missing, unknown) = (Set(expected).subtracting(written), Set(written).subtracting(expected))
        #expect(missing.isEmpty, "the table of log messages lacks \(missing.sorted())")
        #expect(unknown.isEmpty, "the table of log messages has what is not logged so: \(unknown.sorted())")
        #expect(written.count == Set(written).count, "the table of log messages says something twice")
    }

    @Test func theLevelOfAMessageIsTheHighestThatItHas() {
        for message in LogMessage.allCases { #expect(message.level == message.levels.max()) }
    }
}
