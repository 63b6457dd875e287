package import Logging

/// What speaks in the log: each line names one as its `component`, and each may have a level of its own.
package enum LogComponent: String, CaseIterable, Sendable {
    /// Starting, draining, topics, intake.
    case worker
    /// What becomes of single commands; with their coordinates, never their content.
    case commands
    /// The upstream, and the key that it is shown.
    case checkOTP = "check_otp"
    /// Membership, partitions, transactions and what they could not publish.
    case kafka
    /// librdkafka's own log.
    case rdkafka
    /// Restores of partitions.
    case ledger
}

/// One logger for each component of the process, all of which write to one sink.
package struct Loggers: Sendable {
    package let worker: Logger
    package let commands: Logger
    package let checkOTP: Logger
    package let kafka: Logger
    package let rdkafka: Logger
    package let ledger: Logger

    /// - Parameters:
    ///   - sink: where the lines go.
    ///   - level: the least level written, for every component that `levels` does not name.
    ///   - levels: the least level of single components.
    package init(_ sink: LogSink, level: Logger.Level = .info, levels: [LogComponent: Logger.Level] = [:]) {
        func make(_ component: LogComponent) -> Logger {
            Logger(label: component.rawValue) { label in
                StructuredLogHandler(label: label, level: levels[component] ?? level, sink: sink)
            }
        }
        worker = make(.worker)
        commands = make(.commands)
        checkOTP = make(.checkOTP)
        kafka = make(.kafka)
        rdkafka = make(.rdkafka)
        ledger = make(.ledger)
    }
}
