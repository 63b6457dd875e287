/// Words that this project does not use, each with what it says instead: in identifiers, comments, strings and prose.
///
/// A word is found in any case and in any spelling of identifiers: "in vain" is in `waitedInVain` and in `waited_in_vain`, and
/// "anew" is neither in "a new" nor in `metadataNewer`. A name, such as `LetterBook`, is found only within one identifier.
struct HouseWords {
    struct Word {
        var banned: String
        var instead: String
        /// Whether words that only begin with it are meant too.
        var isStem: Bool

        var isName: Bool { banned.contains(where: \.isUppercase) }

        init(_ banned: String, _ instead: String, isStem: Bool = false) {
            self.banned = banned
            self.instead = instead
            self.isStem = isStem
        }
    }

    static let all = [
        // Old words.
        Word("afresh", "again"),
        Word("anew", "again"),
        Word("careless", "without the check", isStem: true),
        Word("complain", "report, say; as a function: printError", isStem: true),
        Word("distrust", "lease lost, lease valid", isStem: true),
        Word("forthwith", "at once"),
        Word("henceforth", "from now on"),
        Word("heretofore", "so far"),
        Word("hitherto", "so far"),
        Word("in vain", "without success; of a wait: timed out"),
        Word("lest", "so that … not"),
        Word("make believe", "pretend, simulate"),
        Word("mended", "fixed, corrected"),
        Word("nudg", "wake, remind", isStem: true),
        Word("obey", "follow, use", isStem: true),
        Word("reckon", "count, estimate", isStem: true),
        Word("rehears", "try; as a noun: dry run", isStem: true),
        Word("settled", "committed, finished; of a code: concluded"),
        Word("settlement", "transaction, commit; of a code: outcome"),
        Word("settling", "committing, finishing; of a code: concluding"),
        Word("thereof", "of it"),
        Word("unsettled", "uncommitted, unfinished"),
        Word("whence", "from where"),
        Word("whoever", "anyone who"),
        // Names that were too clever.
        Word("KeyCensus", "PartitionerDetector"),
        Word("LetterBook", "DeadLetterBook"),
        Word("LetterFact", "DeadLetterFact"),
        Word("TimeIsUp", "timed out; as a name: …Timeout"),
        Word("TraceBatch", "resolveCommit"),
        Word("Transactor", "TransactionExecutor"),
    ]

    /// The list and nothing else may have them.
    static let list = "Tests/TidyTests/HouseWords.swift"

    static func violations(_ source: Source) -> [Violation] {
        guard source.path != list else { return [] }
        let text = source.text.lowercased()
        let near = all.filter { text.contains(Self.words(of: $0.banned).last?.text ?? "") }
        guard !near.isEmpty else { return [] }
        let words = Self.words(of: source.text)
        return near.flatMap { word in
            lines(of: word, in: words).map { line in
                Violation(path: source.path, line: line, problem: "\"\(word.banned)\": say \(word.instead)")
            }
        }.sorted { $0.line < $1.line }
    }

    private static func lines(of word: Word, in words: [Found]) -> [Int] {
        let parts = Self.words(of: word.banned).map(\.text)
        return words.indices.dropLast(parts.count - 1).compactMap { start in
            let found = words[start..<(start + parts.count)]
            let isThere = zip(parts, found).allSatisfy { part, found in
                word.isStem ? found.text.hasPrefix(part) : found.text == part
            }
            guard isThere, !word.isName || found.dropFirst().allSatisfy(\.isJoined) else { return nil }
            // A good name may end with a bad one.
            let isGood = start > 0 && word.instead.lowercased().hasPrefix(words[start - 1].text + parts.joined())
            return isGood ? nil : words[start].line
        }
    }

    private struct Found {
        var text: String
        /// Counted from 1.
        var line: Int
        /// It follows the word before it without anything between.
        var isJoined: Bool
    }

    /// The words of a text in small letters, those inside an identifier each by itself.
    private static func words(of text: String) -> [Found] {
        let bytes = Array(text.utf8)
        var words: [Found] = []
        var word: [UInt8] = []
        var line = 1
        var isJoined = false
        func isCapital(_ index: Int) -> Bool { index < bytes.count && (65...90).contains(bytes[index]) }
        func isSmall(_ index: Int) -> Bool { index < bytes.count && (97...122).contains(bytes[index]) }
        func end(isJoined next: Bool) {
            if !word.isEmpty {
                words.append(Found(text: String(decoding: word, as: UTF8.self), line: line, isJoined: isJoined))
            }
            word.removeAll(keepingCapacity: true)
            isJoined = next
        }
        for index in bytes.indices {
            let isLetter = isCapital(index) || isSmall(index)
            let isFirst = isCapital(index) && (index > 0 && isSmall(index - 1) || isSmall(index + 1))
            if !isLetter { end(isJoined: false) } else if isFirst { end(isJoined: !word.isEmpty) }
            if isLetter { word.append(bytes[index] | 0x20) }
            if bytes[index] == UInt8(ascii: "\n") { line += 1 }
        }
        end(isJoined: false)
        return words
    }
}
