/// Text in aligned columns.
///
/// A column is as wide as its widest cell, or as wide as it was told to be: then longer cells are cut, and lines can be
/// written before the later ones are known.
package struct TextTable: Sendable {
    package enum Alignment: Sendable {
        case left, right
    }

    package struct Column: Sendable {
        package var title: String
        package var alignment: Alignment
        /// In characters; nil fits the cells.
        package var width: Int?

        package init(_ title: String, _ alignment: Alignment = .left, width: Int? = nil) {
            self.title = title
            self.alignment = alignment
            self.width = width
        }
    }

    private let columns: [Column]

    package init(_ columns: [Column]) {
        self.columns = columns
    }

    /// The titles, for a table whose columns all have a width.
    package var header: String { line(columns.map(\.title)) }

    /// One line, for a table whose columns all have a width.
    package func line(_ cells: [String]) -> String {
        line(cells, widths: columns.map { $0.width ?? $0.title.count })
    }

    /// The whole table: titles, a rule, the rows.
    package func text(_ rows: [[String]]) -> String {
        let widths = columns.enumerated().map { index, column in
            column.width ?? rows.reduce(column.title.count) { max($0, index < $1.count ? $1[index].count : 0) }
        }
        let rule = widths.map { String(repeating: "─", count: $0) }
        return ([columns.map(\.title), rule] + rows).map { line($0, widths: widths) }.joined(separator: "\n")
    }

    private func line(_ cells: [String], widths: [Int]) -> String {
        var text = ""
        for (index, column) in columns.enumerated() {
            let cell = Self.cut(Console.printable(index < cells.count ? cells[index] : ""), to: widths[index])
            let padding = String(repeating: " ", count: widths[index] - cell.count)
            text += index == 0 ? "" : "  "
            text += column.alignment == .left ? cell + padding : padding + cell
        }
        while text.last == " " { text.removeLast() }
        return text
    }

    private static func cut(_ text: String, to width: Int) -> String {
        text.count <= width ? text : text.prefix(max(0, width - 1)) + "…"
    }
}
