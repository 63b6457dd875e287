import CheckOTP
package import Logging
package import OTPObservability

/// Everything that can be configured, read and judged: what the worker is told, and how the process logs.
package struct Settings: Sendable {
    package var worker = WorkerConfiguration()
    /// The least level that is logged.
    package var logLevel = Logger.Level.info
    /// The least level of single components.
    package var logLevels: [LogComponent: Logger.Level] = [:]
    package var logForm = LogSink.Form.automatic

    /// The defaults.
    ///
    /// The worker's name is set when settings are read; the brokers and the key have no default.
    package init() {
        worker.checkOTP.origin = Self.liveOrigin
    }

    /// The upstream's live environment.
    package static let liveURL = "https://api.paynet.com.tr"
    private static let liveOrigin = try? Origin(liveURL)
}
