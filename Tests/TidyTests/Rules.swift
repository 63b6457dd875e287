/// The house rules that a reader would otherwise have to watch over, each a pure function from a file to what is wrong with it.
enum Rules {
    static let maxFileLines = 500
    static let maxFunctionLines = 70

    static func fileLength(_ source: Source) -> [Violation] {
        let isCode = [".swift", ".h", ".c", ".sh", ".py"].contains { source.path.hasSuffix($0) }
        guard isCode, source.lines.count > maxFileLines else { return [] }
        return [violation(source, maxFileLines, "\(source.lines.count) lines; the most is \(maxFileLines)")]
    }

    static func functionLength(_ source: Source) -> [Violation] {
        guard source.isSwift else { return [] }
        return Functions.all(inCode: source.code.joined(separator: "\n")).compactMap { function in
            let length = function.lastLine - function.firstLine + 1
            guard length > maxFunctionLines else { return nil }
            return violation(
                source,
                function.firstLine - 1,
                "\(function.name) has \(length) lines; the most is \(maxFunctionLines)"
            )
        }
    }

    /// A test waits for an event, with a deadline; a sleep is either too short or too long.
    static func sleepInTests(_ source: Source) -> [Violation] {
        guard source.isSwift, source.isTest else { return [] }
        let clocks = ["Task.sleep(", "Thread.sleep(", ".sleep(for:", ".sleep(until:"]
        return matches(source, in: source.code, "a test waits for an event, it does not sleep") { line in
            // A simulated process may sleep on a simulated clock: `func sleep` and calls of it as a member are no sleep.
            clocks.contains(where: line.contains) || hasWord("usleep", in: line, followedBy: "(")
                || hasWord("nanosleep", in: line, followedBy: "(")
                || hasWord(
                    "sleep",
                    in: line.replacing("func sleep(", with: "").replacing(".sleep(", with: ""),
                    followedBy: "("
                )
        }
    }

    /// Switching a check of the compiler off takes an argument.
    static func unsafeWithoutReason(_ source: Source) -> [Violation] {
        guard source.isSwift else { return [] }
        return matches(source, in: source.code, "say in a comment why it is \"Safe because\"") { line in
            line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)")
        }.filter { violation in
            let nearby = max(0, violation.line - 4)..<min(source.lines.count, violation.line + 3)
            return !source.lines[nearby].contains { $0.contains("Safe because") }
        }
    }

    /// What is unfinished belongs in an issue.
    static func unfinished(_ source: Source) -> [Violation] {
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
        return matches(source, in: source.lines, "unfinished work belongs in an issue") { line in
            marks.contains { hasWord($0, in: line) }
        }
    }

    /// A path of somebody's machine works on no other.
    static func machinePath(_ source: Source) -> [Violation] {
        let roots = ["home", "root", "Users", "work"].map { "/" + $0 + "/" }
        return matches(source, in: source.lines, "a path of one machine") { line in
            roots.contains { root in
                line.ranges(of: root).contains { range in
                    guard range.lowerBound > line.startIndex else { return true }
                    let before = line[line.index(before: range.lowerBound)]
                    return !before.isLetter && !before.isNumber && !"._-}~)/*".contains(before)
                }
            }
        }
    }

    /// Fields of the log that are numbers, by their names.
    private static let numericFields: Set<String> = [
        "attempt", "bytes", "count", "from", "http_status", "keys_by_crc32", "keys_by_murmur2", "lag", "limit",
        "mean_ms", "ms",
        "offset", "partition", "port", "recorded", "records", "records_per_second", "remaining", "seconds",
        "seconds_left",
        "sessions", "tries", "unfinished", "wait_ms",
    ]

    /// An interpolated number is a text in the log's JSON, and no log store can compare it: `.stringConvertible` keeps it a number.
    static func numberAsText(_ source: Source) -> [Violation] {
        guard source.isSwift, !source.isTest else { return [] }
        return matches(source, in: source.lines, "a log's number is written as text: use .stringConvertible") { line in
            line.matches(of: /"([a-z0-9_]+)"(?:\]\s=|:)\s"\\\(/).contains {
                numericFields.contains(String($0.output.1))
            }
        }
    }

    /// Where every message of the log is defined.
    private static let messages = "Sources/OTPObservability/Logging/LogMessage.swift"

    /// A message that is written where it is logged is in no list, and no runbook is held to it.
    static func loggedText(_ source: Source) -> [Violation] {
        // The client is a part of other people's programs, and their runbooks.
        guard source.isSwift, !source.isTest, source.path != messages, source.target != "OTPVerifyClient",
            // What does not import it cannot call it.
            Layers.imports(source).contains(where: { $0.module == "Logging" })
        else {
            return []
        }
        let problem = "a message that is logged is a case of LogMessage"
        return [
            /[Ll]oggers?(?:\.\w+)?\.(?:trace|debug|info|notice|warning|error|critical)\(/,
            /[\w)\]]\.(?:trace|debug|info|notice|warning|error|critical)\(\s*"/,
            /\.log\(\s*level:/,
        ].flatMap { source.text.ranges(of: $0) }.map { range in
            source.text.utf8[..<range.lowerBound].count { $0 == UInt8(ascii: "\n") }
        }.reduce(into: []) { found, line in
            let violation = violation(source, line, problem)
            if !found.contains(violation) { found.append(violation) }
        }
    }

    private static func matches(
        _ source: Source,
        in lines: [String],
        _ problem: String,
        where isBad: (String) -> Bool
    ) -> [Violation] {
        lines.indices.filter { isBad(lines[$0]) }.map { violation(source, $0, problem) }
    }

    private static func violation(_ source: Source, _ index: Int, _ problem: String) -> Violation {
        Violation(path: source.path, line: index + 1, problem: problem)
    }

    /// True when `word` stands in the line as a whole word, followed by `next` if that is given.
    static func hasWord(_ word: String, in line: String, followedBy next: Character? = nil) -> Bool {
        func isPartOfWord(_ character: Character?) -> Bool {
            character.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false
        }
        guard line.contains(word) else { return false }
        return line.ranges(of: word).contains { range in
            let before = range.lowerBound > line.startIndex ? line[line.index(before: range.lowerBound)] : nil
            let after = range.upperBound < line.endIndex ? line[range.upperBound] : nil
            return !isPartOfWord(before) && (next.map { after == $0 } ?? !isPartOfWord(after))
        }
    }
}
