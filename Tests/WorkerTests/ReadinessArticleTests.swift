import Foundation
import OTPWorker
import Testing

/// The table of conditions in the article *Running* is the one list of them; what is expected is printed, to be pasted.
struct ReadinessArticleTests {
    @Test func theArticleListsExactlyTheConditionsThatExist() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let article = try String(
            contentsOf: root.appending(path: "Sources/OTPWorker/OTPWorker.docc/Running.md"),
            encoding: .utf8
        )
        let table =
            ["| condition | holds while | advisory |", "|---|---|---|"]
            + ReadinessCondition.allCases.map { "| `\($0.rawValue)` | \($0.meaning) | \($0.isAdvisory ? "yes " : "")|" }
        let isThere = article.contains(table.joined(separator: "\n") + "\n\n")
        #expect(isThere, "the table in Running.md is to be:\n\(table.joined(separator: "\n"))")
    }
}
