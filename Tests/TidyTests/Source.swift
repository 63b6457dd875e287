import Foundation

/// One file of the repository as the rules see it: its path from the root and its text.
///
/// It is never changed.
struct Source: Sendable {
    let path: String
    let text: String
    let lines: [String]
    /// The lines with comments and literals blanked; for a file that is not Swift, the lines as they are.
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        self.text = text
        lines = Self.split(text)
        code = path.hasSuffix(".swift") ? Self.split(SwiftText.blanked(text)) : lines
    }

    var isSwift: Bool { path.hasSuffix(".swift") }
    var isTest: Bool { path.hasPrefix("Tests/") }

    /// The target that the file belongs to: the folder below `Sources` or `Tests`.
    var target: String? {
        let parts = path.split(separator: "/")
        guard parts.count > 2, parts[0] == "Sources" || parts[0] == "Tests" else { return nil }
        return String(parts[1])
    }

    private static func split(_ text: String) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        return lines.last == "" ? lines.dropLast() : lines
    }
}

/// Where a rule is broken, as an editor understands it.
struct Violation: Equatable, Sendable, CustomStringConvertible {
    var path: String
    /// Counted from 1.
    var line: Int
    var problem: String

    var description: String { "\(path):\(line): \(problem)" }
}

/// The files that the house rules are about, found from where this file lies.
enum SourceTree {
    private static let extensions: Set = [
        "swift", "h", "c", "modulemap", "sh", "py", "md", "yml", "yaml", "json", "toml", "service",
    ]
    private static let roots = [
        "Package.swift", "README.md", "Sources", "Tests", "deploy", "docs", ".ci", "Benchmarks",
    ]

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let all: [Source] = roots.flatMap { files(root.appendingPathComponent($0), path: $0) }

    static let swift = all.filter(\.isSwift)

    /// Whether a file or a folder lies at this path from the root, of whatever kind.
    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    private static func files(_ url: URL, path: String) -> [Source] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: url.path) else {
            let isScript = url.pathExtension.isEmpty && [".ci/", "deploy/"].contains { path.hasPrefix($0) }
            guard isScript || extensions.contains(url.pathExtension), let data = try? Data(contentsOf: url) else {
                return []
            }
            return [Source(path: path, text: String(decoding: data, as: UTF8.self))]
        }
        return names.filter { $0 != "__pycache__" && !$0.hasPrefix(".build") }.sorted()
            .flatMap { files(url.appendingPathComponent($0), path: path + "/" + $0) }
    }
}
