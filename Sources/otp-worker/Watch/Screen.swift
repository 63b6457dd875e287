/// The terminal as a page that is drawn over and over; what was there before comes back when it ends.
struct Screen {
    /// The reader asked for no colour, or the terminal has none.
    let isColoured: Bool
    /// The terminal can be drawn on.
    let canDraw: Bool

    /// - Parameter environment: `NO_COLOR`, whatever it says, means no colour; `TERM=dumb`, or none, no page at all.
    init(environment: [String: String]) {
        canDraw = !["", "dumb"].contains(environment["TERM", default: ""])
        isColoured = environment["NO_COLOR", default: ""].isEmpty && canDraw
    }

    /// Another page without a cursor, on which a line that is too wide is cut.
    func open() { Console.draw("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J") }

    func close() { Console.draw("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l") }

    /// Columns and lines now; a terminal that does not say has 80 and 24.
    var size: (width: Int, height: Int) {
        Console.windowSize.map { ($0.columns, $0.lines) } ?? (80, 24)
    }

    /// Draws from the top, and clears what was below.
    func draw(_ lines: [FleetText.Line]) {
        let text = lines.map { coloured($0) + "\u{1B}[K" }.joined(separator: "\r\n")
        Console.draw("\u{1B}[H" + text + "\u{1B}[J")
    }

    private func coloured(_ line: FleetText.Line) -> String {
        guard isColoured, let code = Self.code(line.style), !line.text.isEmpty else { return line.text }
        return "\u{1B}[\(code)m\(line.text)\u{1B}[0m"
    }

    private static func code(_ style: FleetText.Style) -> Int? {
        switch style {
        case .plain: nil
        case .title: 1
        case .good: 32
        case .warning: 33
        case .alarm: 31
        }
    }
}
