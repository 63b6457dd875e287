package import Logging

/// Hands the records of one component to the sink that the whole process shares.
///
/// It formats nothing and holds nothing back.
package struct StructuredLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let component: String
    private let sink: LogSink

    /// - Parameters:
    ///   - label: the logger's label, written as `component`.
    ///   - level: the least level written.
    ///   - sink: the one that all handlers of the process share.
    package init(label: String, level: Logger.Level = .info, sink: LogSink) {
        component = label
        logLevel = level
        self.sink = sink
    }

    package subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
        if let given = event.metadata { fields.merge(given) { $1 } }
        if let error = event.error, fields["error"] == nil { fields["error"] = .string("\(error)") }
        sink.log(event.level, component: component, message: event.message.description, fields: fields)
    }
}
