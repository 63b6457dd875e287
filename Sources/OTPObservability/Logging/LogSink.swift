import Logging
package import OTPContract
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Where all log lines of the process meet: formats them, holds back repeats, counts them and writes each with one
/// `write(2)` under one lock, so that lines never mix.
///
/// It never fails: a line that the descriptor refuses is dropped.
package final class LogSink: Sendable {
    /// How a line looks.
    package enum Form: String, Sendable, CaseIterable {
        /// One JSON object per line.
        case json
        /// A line for people.
        case text
        /// `text` when standard error is a terminal, else `json`.
        case automatic
    }

    /// The most lines of one component and message written per interval.
    package struct RepeatLimit: Sendable {
        package var lines: Int
        package var interval: Duration

        package init(lines: Int = 10, interval: Duration = .seconds(10)) {
            self.lines = lines
            self.interval = interval
        }
    }

    private struct State: ~Copyable {
        var limiter: RepeatLimiter?
        var buffer: [UInt8] = []
    }

    private let isHuman: Bool
    private let clock: @Sendable () -> WallTime
    private let write: @Sendable ([UInt8]) -> Void
    private let counters: [Logger.Level: Counter]
    private let state: Mutex<State>

    /// - Parameters:
    ///   - form: how lines look.
    ///   - repeats: how repeats are held back; nil writes every line.
    ///   - registry: counts the lines written, by level.
    ///   - clock: stamps the lines and measures the intervals.
    ///   - write: takes one whole line, newline included, called under the sink's lock.
    package init(
        form: Form = .automatic,
        repeats: RepeatLimit? = RepeatLimit(),
        registry: MetricRegistry,
        clock: @escaping @Sendable () -> WallTime = LogSink.wallClock,
        write: @escaping @Sendable ([UInt8]) -> Void = LogSink.writeToStandardError
    ) {
        isHuman = form == .text || (form == .automatic && isatty(STDERR_FILENO) == 1)
        self.clock = clock
        self.write = write
        counters = Dictionary(
            uniqueKeysWithValues: Logger.Level.allCases.map { ($0, registry.counter(.logLines, $0.rawValue)) }
        )
        state = Mutex(State(limiter: repeats.map { RepeatLimiter(limit: $0.lines, interval: $0.interval) }))
    }

    /// Writes the `suppressed` counts that are still held.
    ///
    /// Call it before the process ends.
    package func flush() {
        state.withLock { state in
            let summaries = state.limiter?.allSummaries() ?? []
            put(summaries, at: clock(), &state)
        }
    }

    /// Writes the `suppressed` counts whose interval is over.
    package func summarize() {
        state.withLock { state in
            let now = clock()
            put(state.limiter?.dueSummaries(at: now.milliseconds) ?? [], at: now, &state)
        }
    }

    /// Does so now and then, for as long as its task lives: else what an outage left would wait for the next line.
    package func keepSummarizing() async throws {
        while true {
            try await Task.sleep(for: .seconds(5))
            summarize()
        }
    }

    func log(_ level: Logger.Level, component: String, message: String, fields: Logger.Metadata) {
        state.withLock { state in
            let now = clock()
            put(state.limiter?.dueSummaries(at: now.milliseconds) ?? [], at: now, &state)
            let key = RepeatLimiter.Key(component: component, level: level, message: message)
            guard state.limiter?.admits(key, at: now.milliseconds) ?? true else { return }
            put(LogLine(time: now, level: level, component: component, message: message, fields: fields), &state)
        }
    }

    private func put(_ summaries: [RepeatLimiter.Summary], at now: WallTime, _ state: inout State) {
        for summary in summaries {
            let key = summary.key
            let suppressed = summary.suppressed
            put(
                LogLine(
                    time: now,
                    level: key.level,
                    component: key.component,
                    message: key.message,
                    suppressed: suppressed
                ),
                &state
            )
        }
    }

    private func put(_ line: LogLine, _ state: inout State) {
        state.buffer.removeAll(keepingCapacity: true)
        if isHuman { line.appendHuman(to: &state.buffer) } else { line.appendJSON(to: &state.buffer) }
        counters[line.level]?.add()
        write(state.buffer)
    }

    /// The system's wall clock.
    package static func wallClock() -> WallTime {
        WallTime(milliseconds: Int64(Date.now.timeIntervalSince1970 * 1000))
    }

    /// Writes to file descriptor 2.
    ///
    /// Only a signal or a full pipe makes it call `write` again for what is left.
    package static func writeToStandardError(_ line: [UInt8]) {
        line.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            var done = 0
            while done < bytes.count {
                let count = write_(STDERR_FILENO, base + done, bytes.count - done)
                if count > 0 {
                    done += count
                } else if errno != EINTR {
                    return
                }
            }
        }
    }
}

/// The system call, under a name that the sink's own `write` does not hide.
private func write_(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
