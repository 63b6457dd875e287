/// As much of Markdown as the articles use, as HTML: headings, paragraphs, lists, tables, code.
///
/// A link to a place of the same article is one; a link to another article is its words alone.
enum Markdown {
    static func html(_ text: String) -> HTML {
        var blocks: [HTML] = []
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        while let line = lines.first {
            if line.isEmpty {
                lines.removeFirst()
            } else if line.hasPrefix("```") {
                lines.removeFirst()
                let code = lines.prefix { !$0.hasPrefix("```") }
                lines = lines.dropFirst(code.count + 1)
                blocks.append("<pre tabindex=\"0\">\(code.joined(separator: "\n"))\n</pre>")
            } else if line.hasPrefix("#") {
                lines.removeFirst()
                blocks.append(heading(line))
            } else if line.hasPrefix("|") {
                let rows = lines.prefix { $0.hasPrefix("|") }
                lines = lines.dropFirst(rows.count)
                blocks.append(table(Array(rows)))
            } else if line.hasPrefix("- ") {
                blocks.append("<ul>\(items(&lines))</ul>")
            } else {
                let words = lines.prefix {
                    !$0.isEmpty && !$0.hasPrefix("```") && !$0.hasPrefix("- ") && !$0.hasPrefix("|")
                }
                lines = lines.dropFirst(words.count)
                blocks.append("<p>\(inline(words.joined(separator: " ")))</p>")
            }
        }
        return "\(blocks)"
    }

    private static func heading(_ line: Substring) -> HTML {
        let level = min(line.prefix { $0 == "#" }.count, 4)
        let words = String(line.drop { $0 == "#" || $0 == " " })
        return "<h\(level) id=\"\(Runbook.anchor(words))\">\(inline(words))</h\(level)>"
    }

    /// Each item goes on over the lines that are indented, code in them included.
    private static func items(_ lines: inout ArraySlice<Substring>) -> [HTML] {
        var items: [HTML] = []
        while let line = lines.first, line.hasPrefix("- ") {
            lines.removeFirst()
            var inner = [line.dropFirst(2)]
            while let next = lines.first, next.hasPrefix("  ") {
                inner.append(next.dropFirst(2))
                lines.removeFirst()
            }
            // One paragraph alone needs no paragraph of its own.
            let isPlain = !inner.contains { $0.hasPrefix("```") || $0.isEmpty || $0.hasPrefix("- ") }
            let text = inner.joined(separator: isPlain ? " " : "\n")
            items.append("<li>\(isPlain ? inline(text) : html(text))</li>")
        }
        return items
    }

    private static func table(_ rows: [Substring]) -> HTML {
        let cells = rows.map { row in
            row.dropFirst().split(separator: "|", omittingEmptySubsequences: false).dropLast()
                .map { $0.drop { $0 == " " } }
        }
        let body = cells.filter { !$0.allSatisfy { $0.allSatisfy { "-: ".contains($0) } } }.map { row -> HTML in
            let columns = row.map { cell -> HTML in "<td>\(inline(String(cell)))</td>" }
            return "<tr>\(columns)</tr>"
        }
        return "<div class=\"scroll\" tabindex=\"0\"><table><tbody>\(body)</tbody></table></div>"
    }

    /// Code, bold words and links within a line.
    static func inline(_ text: String) -> HTML {
        var parts: [HTML] = []
        var rest = text[...]
        while let start = rest.firstIndex(where: { "`*[".contains($0) }) {
            parts.append("\(String(rest[..<start]))")
            rest = rest[start...]
            if let match = rest.prefixMatch(of: /`([^`]+)`/) {
                parts.append("<code>\(String(match.output.1))</code>")
                rest = rest[match.range.upperBound...]
            } else if let match = rest.prefixMatch(of: /\*\*([^*]+)\*\*/) {
                parts.append("<b>\(inline(String(match.output.1)))</b>")
                rest = rest[match.range.upperBound...]
            } else if let match = rest.prefixMatch(of: /\[([^\]]+)\]\(([^)]+)\)/) {
                let words = inline(String(match.output.1))
                let target = String(match.output.2)
                parts.append(target.hasPrefix("#") ? "<a href=\"\(target)\">\(words)</a>" : words)
                rest = rest[match.range.upperBound...]
            } else {
                parts.append("\(String(rest.removeFirst()))")
            }
        }
        parts.append("\(String(rest))")
        return "\(parts)"
    }
}
