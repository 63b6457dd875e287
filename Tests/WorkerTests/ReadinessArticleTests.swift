import Foundation
import OTPWorker
import Testing

/// The table of conditions in the article *Running* has every condition, and leads from each to what the runbook says to do.
struct ReadinessArticleTests {
    private struct Row {
        var name: String
        var meaning: String
        var advisory: String
        var remedy: String
    }

    private func article(_ name: String) throws -> [String] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appending(path: "Sources/OTPWorker/OTPWorker.docc/\(name)")
        return try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
    }

    private func rows() throws -> [Row] {
        let lines = try article("Running.md")
        let head = ["| condition | holds while | advisory | what to do |", "|---|---|---|---|"]
        let start = try #require(lines.firstIndex(of: head[0]), "Running.md has no table \(head[0])")
        #expect(lines[start + 1] == head[1])
        return try lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            try #require(cells.count == 4, "\(line)")
            return Row(name: cells[0], meaning: cells[1], advisory: cells[2], remedy: cells[3])
        }
    }

    /// The runbook's sections by the anchors that lead to them.
    private func sections() throws -> [String: [String]] {
        var sections: [String: [String]] = [:]
        var anchor = ""
        var isCode = false
        for line in try article("Operations.md") {
            if line.hasPrefix("```") { isCode.toggle() }
            if !isCode, line.hasPrefix("#") {
                anchor = line.drop { $0 == "#" || $0 == " " }.lowercased().replacing(" ", with: "-")
                sections[anchor] = []
            } else {
                sections[anchor]?.append(line)
            }
        }
        return sections
    }

    @Test func theArticleListsExactlyTheConditionsThatExist() throws {
        let rows = try rows()
        #expect(rows.map(\.name) == ReadinessCondition.allCases.map { "`\($0.rawValue)`" })
        #expect(rows.map(\.advisory) == ReadinessCondition.allCases.map { $0.isAdvisory ? "yes" : "" })
        #expect(rows.allSatisfy { !$0.meaning.isEmpty } && Set(rows.map(\.meaning)).count == rows.count)
    }

    @Test func everyConditionLeadsToASectionThatSaysWhatToDo() throws {
        let sections = try sections()
        for row in try rows() {
            let links = row.remedy.matches(of: /\[([^\]]+)\]\(([^)]*)\)/)
            #expect(!links.isEmpty, "\(row.name) leads nowhere")
            for link in links {
                let (words, target) = (String(link.output.1), String(link.output.2))
                let anchor = words.replacing(" ", with: "-")
                #expect(target == "Operations.md#\(anchor)", "\(row.name)")
                let says = sections[anchor, default: []].contains { $0.hasPrefix("- Do: ") }
                #expect(says, "\(row.name): the runbook has no section \(words) that says what to do")
            }
        }
    }
}
