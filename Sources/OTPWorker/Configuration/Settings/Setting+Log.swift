import Logging
import OTPObservability

extension Setting {
    /// Levels of single components, where the one level of all does not fit.
    static let logLevels = Setting(
        key: "log.levels",
        kind: .list,
        unit: "",
        range: "component=level, comma-separated",
        meaning: """
            The least level logged of single components, whatever log.level says: \
            \(LogComponent.allCases.map(\.rawValue).joined(separator: ", ")).
            """,
        example: "kafka=debug,check_otp=warning",
        store: { text, settings throws(Fault) in settings.logLevels = try levels(text) },
        show: { settings in
            let named = LogComponent.allCases.compactMap { component in
                settings.logLevels[component].map { "\(component.rawValue)=\($0.rawValue)" }
            }
            return named.isEmpty ? nil : named.joined(separator: ",")
        }
    )

    private static func levels(_ text: String) throws(Fault) -> [LogComponent: Logger.Level] {
        var levels: [LogComponent: Logger.Level] = [:]
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let words = part.split(separator: "=", omittingEmptySubsequences: false)
                .map { $0.split(separator: " ").joined(separator: " ") }
            guard words.count == 2 else {
                throw Fault(
                    what: "\(quoted(String(part))) is not a component and its level",
                    remedy: "write component=level, such as kafka=debug"
                )
            }
            let component = try known(words[0], among: LogComponent.allCases, "component")
            guard levels[component] == nil else {
                throw Fault(what: "\(component.rawValue) is named twice", remedy: "name it once")
            }
            levels[component] = try known(words[1], among: Logger.Level.allCases, "level")
        }
        return levels
    }

    private static func known<Value: RawRepresentable<String>>(
        _ name: String,
        among values: [Value],
        _ what: String
    ) throws(Fault) -> Value {
        if let value = Value(rawValue: name.lowercased()) { return value }
        let names = values.map(\.rawValue)
        let near = Suggestion.nearest(to: name.lowercased(), among: names)
        throw Fault(
            what: "\(quoted(name)) is no \(what)",
            remedy: (near.map { "did you mean \($0)? " } ?? "") + "write one of \(names.joined(separator: ", "))"
        )
    }
}
