import OTPContract

/// Text in aligned columns.
///
/// A column is as wide as its widest cell, or as wide as it was told to be: then longer cells are cut, and lines can be
/// written before the later ones are known. On a narrow terminal columns that may become narrower do, then those of the
/// least worth are left out, and only the last few are cut to what they need at least: no line wraps.
package struct TextTable: Sendable {
    package enum Alignment: Sendable {
        case left, right
    }

    package struct Column: Sendable {
        package var title: String
        package var alignment: Alignment
        /// In characters; nil fits the cells.
        package var width: Int?
        /// It readily becomes as narrow as this; nil: no narrower than it is.
        package var least: Int?
        /// It becomes as narrow as this before one of the last few columns is left out; nil: no narrower than ``least``.
        package var tight: Int?
        /// Where there is no room for all, the column of the smallest worth goes first.
        package var worth: Int

        package init(
            _ title: String,
            _ alignment: Alignment = .left,
            width: Int? = nil,
            least: Int? = nil,
            tight: Int? = nil,
            worth: Int = 0
        ) {
            self.title = title
            self.alignment = alignment
            self.width = width
            self.least = least
            self.tight = tight
            self.worth = worth
        }
    }

    /// So many columns are rather cut than left out.
    private static let essential = 3

    private var columns: [Column]
    /// Those that are written, by their indices among the cells.
    private var shown: [Int]

    package init(_ columns: [Column]) {
        self.columns = columns
        shown = Array(columns.indices)
    }

    /// The same for a terminal of so many columns; nil is no limit.
    ///
    /// For a table whose columns all have a width.
    package func fitted(to limit: Int?) -> TextTable {
        var table = self
        let widths = columns.map { $0.width ?? $0.title.count }
        guard let limit, Self.total(of: columns.indices.map { widths[$0] }) > limit else { return table }
        let least = columns.indices.map { min(columns[$0].least ?? widths[$0], widths[$0]) }
        let tight = columns.indices.map { min(columns[$0].tight ?? least[$0], least[$0]) }
        func total(_ widths: [Int]) -> Int { Self.total(of: table.shown.map { widths[$0] }) }
        while table.shown.count > 1, total(least) > limit {
            if table.shown.count <= Self.essential, total(tight) <= limit { break }
            let leastWorth = table.shown.indices.min { columns[table.shown[$0]].worth < columns[table.shown[$1]].worth }
            table.shown.remove(at: leastWorth ?? 0)
        }
        let needed = total(least) <= limit ? least : tight
        var room = limit - total(needed)
        for index in table.shown.sorted(by: { columns[$0].worth > columns[$1].worth }) {
            // A single column that is left may be cut further.
            let more = min(room, widths[index] - needed[index])
            table.columns[index].width = max(1, needed[index] + more)
            room -= more
        }
        return table
    }

    private static func total(of widths: [Int]) -> Int { widths.reduce(0, +) + 2 * max(0, widths.count - 1) }

    /// The titles, for a table whose columns all have a width.
    package var header: String { line(columns.map(\.title)) }

    /// One line, for a table whose columns all have a width.
    package func line(_ cells: [String]) -> String {
        var text = ""
        for index in shown {
            let width = columns[index].width ?? columns[index].title.count
            let cell = Self.cut((index < cells.count ? cells[index] : "").visible(), to: width)
            let padding = String(repeating: " ", count: width - cell.count)
            text += index == shown.first ? "" : "  "
            text += columns[index].alignment == .left ? cell + padding : padding + cell
        }
        while text.last == " " { text.removeLast() }
        return text
    }

    /// The whole table: titles, a rule, the rows; for a terminal of so many columns, or without limit.
    package func text(_ rows: [[String]], columns limit: Int? = nil) -> String {
        var table = self
        for index in columns.indices where columns[index].width == nil {
            table.columns[index].width = rows.reduce(columns[index].title.count) {
                max($0, index < $1.count ? $1[index].count : 0)
            }
        }
        table = table.fitted(to: limit)
        let rule = table.columns.map { String(repeating: "─", count: $0.width ?? 0) }
        return ([columns.map(\.title), rule] + rows).map(table.line).joined(separator: "\n")
    }

    private static func cut(_ text: String, to width: Int) -> String {
        text.count <= width ? text : text.prefix(max(0, width - 1)) + "…"
    }
}
