import Foundation
import OTPContract
import OTPEngine
import OTPObservability
import Synchronization
import Testing

/// A telemetry whose log is kept, line by line, and whose log clock moves by hand.
final class LogRecorder: Sendable {
    private let state = Mutex((lines: [String](), now: Int64(1_795_514_400_000)))
    let registry = MetricRegistry()

    var lines: [String] { state.withLock { $0.lines } }

    func advance(by milliseconds: Int64) { state.withLock { $0.now += milliseconds } }

    func sink(repeats: LogSink.RepeatLimit?) -> LogSink {
        LogSink(
            form: .json,
            repeats: repeats,
            registry: registry,
            clock: { WallTime(milliseconds: self.state.withLock { $0.now }) },
            write: { line in self.state.withLock { $0.lines.append(String(decoding: line, as: UTF8.self)) } }
        )
    }

    /// The lines as objects.
    func objects() throws -> [[String: Any]] {
        try lines.map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
    }
}
