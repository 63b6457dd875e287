import Logging
import Synchronization

/// Everything that is logged, whatever the level.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    /// Each line as it comes.
    let stream: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream(of: String.self) }

    var all: [String] { lines.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    /// Waits for a line with this in it.
    func first(with text: String) async -> String? { await stream.first { $0.contains(text) } }

    fileprivate func add(_ line: String) {
        lines.withLock { $0.append(line) }
        continuation.yield(line)
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.add("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
}
