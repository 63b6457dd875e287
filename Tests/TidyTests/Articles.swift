/// The articles beside the code, held to it: what they name is there, and what is there is named.
enum Articles {
    private static let folder = "Sources/OTPWorker/OTPWorker.docc/"
    /// The article that has a line for every file of the mapped folders.
    static let fileMap = folder + "Architecture.md"
    private static let mapped = ["Sources/OTPEngine/", "Sources/OTPWorker/"]
    private static let roots = ["Sources/", "Tests/", "deploy/"]

    /// A paragraph, a list, or a row of a table.
    private struct Block {
        /// Where it begins, counted from 1.
        var line: Int
        var text: String

        /// What stands in backticks.
        var spans: [String] {
            let parts = text.split(separator: "`", omittingEmptySubsequences: false)
            return parts.indices.filter { !$0.isMultiple(of: 2) }.map { String(parts[$0]) }
        }

        /// The files and folders in it, by their paths from the root of the repository.
        var paths: [String] {
            spans.filter { span in Articles.roots.contains { span.hasPrefix($0) } }
                .map { span in String(span.prefix { $0 != " " }) }
        }
    }

    /// Paths in backticks that lead nowhere.
    static func lostPaths(_ source: Source, exists: (String) -> Bool) -> [Violation] {
        blocks(of: source).flatMap { block -> [Violation] in
            block.paths.filter { !exists($0) }.map { path in
                Violation(path: source.path, line: block.line, problem: "there is no \(path)")
            }
        }
    }

    /// Links to articles that are not there.
    static func lostLinks(_ source: Source, exists: (String) -> Bool) -> [Violation] {
        blocks(of: source).flatMap { block -> [Violation] in
            block.text.matches(of: /\]\(([A-Za-z]+\.md)/).map { String($0.output.1) }
                .filter { !exists(folder + $0) }
                .map { name in Violation(path: source.path, line: block.line, problem: "there is no article \(name)") }
        }
    }

    /// Functions, such as `read(_:at:)`, that none of the files named in the same block has.
    ///
    /// `text` gives that of a file; nil for a folder.
    static func lostFunctions(_ source: Source, text: (String) -> String?) -> [Violation] {
        blocks(of: source).flatMap { block -> [Violation] in
            let texts = block.paths.compactMap { text($0) }
            let names = block.spans.compactMap { span in
                span.wholeMatch(of: /(?:\w+\.)*(\w+)\(.*\)/).map { String($0.output.1) }
            }
            return names.filter { name in
                !texts.isEmpty && !texts.contains { Rules.hasWord(name, in: $0) }
            }.map { name in
                Violation(path: source.path, line: block.line, problem: "no file that is named here has \(name)")
            }
        }
    }

    /// Files that the file map does not name: anyone who adds one says what it is.
    static func undescribed(_ sources: [Source]) -> [Violation] {
        let named = Set(sources.filter { $0.path == fileMap }.flatMap { blocks(of: $0) }.flatMap(\.paths))
        return sources.filter { source in
            source.isSwift && mapped.contains { source.path.hasPrefix($0) } && !named.contains(source.path)
        }.map { source in
            Violation(path: source.path, line: 1, problem: "\(fileMap) does not say what is here")
        }
    }

    /// Of an article without its code; of any other file none.
    private static func blocks(of source: Source) -> [Block] {
        guard source.path.hasPrefix(folder), source.path.hasSuffix(".md") else { return [] }
        var blocks: [Block] = []
        var isOpen = false
        var isCode = false
        for (index, line) in source.lines.enumerated() {
            let isFence = line.hasPrefix("```")
            if isFence { isCode.toggle() }
            let isText = !isCode && !isFence && !line.isEmpty
            let isRow = line.hasPrefix("|")
            if isText, isOpen, !isRow {
                blocks[blocks.endIndex - 1].text += " " + line
            } else if isText {
                blocks.append(Block(line: index + 1, text: line))
            }
            isOpen = isText && !isRow
        }
        return blocks
    }
}
