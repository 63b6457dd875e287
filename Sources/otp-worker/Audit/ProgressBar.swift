#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A line on standard error that says how far something has come; nothing where nobody watches on a terminal.
package struct ProgressBar {
    private static let width = 30

    private let isShown: Bool
    private let began = ContinuousClock.now
    private var drawn: ContinuousClock.Instant?

    init() { isShown = isatty(STDERR_FILENO) == 1 }

    /// Draws, but not more than five times a second.
    mutating func show(_ done: Int64, of total: Int64, _ what: String) {
        let now = ContinuousClock.now
        guard isShown, total > 0, drawn.map({ now - $0 > .milliseconds(200) }) ?? true else { return }
        drawn = now
        Self.write("\r\u{1B}[K" + Self.line(done, of: total, after: now - began, what))
    }

    func clear() {
        if drawn != nil { Self.write("\r\u{1B}[K") }
    }

    package static func line(_ done: Int64, of total: Int64, after elapsed: Duration, _ what: String) -> String {
        let share = min(1, max(0, Double(done) / Double(max(1, total))))
        let full = Int(share * Double(width))
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        let left = share > 0 ? Int(seconds / share - seconds) : 0
        return "\(bar) \(Int(share * 100)) %  \(what)  \(left) s left"
    }

    private static func write(_ text: String) {
        _ = Console.write(Array(text.utf8), to: STDERR_FILENO)
    }
}
