import Foundation
import OTPObservability
import Testing

/// The article on metrics lists exactly those that there are; what is expected is printed, to be pasted.
struct MetricsArticleTests {
    private var table: [String] {
        let head = ["| metric | kind | unit | labels | meaning |", "|---|---|---|---|---|"]
        return head
            + Metric.allCases.map { metric in
                let kind =
                    switch metric.kind {
                    case .counter: "counter"
                    case .gauge: "gauge"
                    case .histogram: "histogram"
                    }
                let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
                return "| `\(metric.name)` | \(kind) | \(metric.unit) | \(labels) | \(metric.meaning) |"
            }
    }

    @Test func theArticleListsExactlyTheMetricsThatExist() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let article = try String(
            contentsOf: root.appending(path: "Sources/OTPWorker/OTPWorker.docc/Metrics.md"),
            encoding: .utf8
        )
        let written = article.split(separator: "\n").filter { $0.hasPrefix("|") }.map(String.init)
        let differing = Set(written).symmetricDifference(table).sorted()
        let isExact = written == table
        #expect(
            isExact,
            """
            Metrics.md differs from Metric.swift in \(differing); its table is to be:
            \(table.joined(separator: "\n"))
            """
        )
    }
}
