import OTPContract

/// One setting: its key, what it takes, its default and why it is there.
///
/// ``all`` is the only list of settings: reading, the example file, `--help` and the tests go by it. A setting judges its
/// own value; how settings relate is judged once all were read.
package struct Setting: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case text, list, pointer, duration, integer, flag, choice, url, file, secret
    }

    /// What is wrong with a value, and what to write instead.
    struct Fault: Error, Equatable {
        var what: String
        var remedy: String
    }

    /// Such as `kafka.session_timeout`.
    package let key: String
    package let kind: Kind
    /// What a number counts; `duration` for durations, empty where there is nothing to count.
    package let unit: String
    /// What is accepted, for a reader.
    package let range: String
    /// What it does and why one would change it.
    package let meaning: String
    /// A value to show where there is no default.
    package let example: String?

    let store: @Sendable (String, inout Settings) throws(Fault) -> Void
    let show: @Sendable (Settings) -> String?

    /// The default as it would be written; nil when there is none.
    package var defaultText: String? { show(Settings()) }

    /// The variable that sets it, such as `OTP_KAFKA_BROKERS`.
    package var variable: String { Self.variable(of: key) }

    /// May be written only where neither a process list nor a repository shows it.
    package var isSecret: Bool { kind == .secret }

    package static func variable(of key: String) -> String {
        "OTP_" + key.uppercased().replacing(".", with: "_")
    }

    package static func named(_ key: String) -> Setting? { byKey[key] }

    private static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0) })

    /// The prefix under which every property of librdkafka passes through.
    package static let propertyPrefix = "kafka.properties."

    /// The setting after which those properties stand, in everything that lists settings.
    static let lastOfKafka = "kafka.transaction_timeout"

    /// Whether a property of librdkafka may hold a secret, in whatever case and with whatever between its words.
    ///
    /// A misspelt one is still one, and so is one of another client.
    static func isSecretProperty(_ name: String) -> Bool {
        let words = name.lowercased().replacing("_", with: ".").replacing("-", with: ".")
        return secretParts.contains { words.contains($0) }
            || secretProperties.contains { Suggestion.distance(words, $0) <= 2 }
            || words.split(separator: ".").contains { word in
                word.hasPrefix("pass") || Suggestion.distance(String(word), "password") <= 2
                    || Suggestion.distance(String(word), "secret") <= 1
            }
    }

    private static let secretParts = [
        "password", "passphrase", "passwd", "pwd", "secret", "credential", "key.pem", "oauthbearer.config", "jaas",
    ]
    private static let secretProperties = ["sasl.password", "ssl.key.pem", "ssl.key.password"]
}

extension Setting {
    typealias Path<Value> = WritableKeyPath<Settings, Value> & Sendable

    static func text(
        _ key: String,
        _ path: any Path<String>,
        _ meaning: String,
        _ rule: TextRule = .line,
        example: String? = nil
    ) -> Setting {
        Setting(
            key: key,
            kind: .text,
            unit: "",
            range: rule.range,
            meaning: meaning,
            example: example,
            store: { text, settings throws(Fault) in settings[keyPath: path] = try rule.check(text) },
            show: { settings in settings[keyPath: path].isEmpty ? nil : settings[keyPath: path] }
        )
    }

    static func text(
        _ key: String,
        _ path: any Path<String?>,
        _ meaning: String,
        _ rule: TextRule = .line,
        kind: Kind = .text,
        example: String
    ) -> Setting {
        Setting(
            key: key,
            kind: kind,
            unit: "",
            range: rule.range,
            meaning: meaning,
            example: example,
            store: { text, settings throws(Fault) in settings[keyPath: path] = try rule.check(text) },
            show: { $0[keyPath: path] }
        )
    }

    /// Texts of one rule, none of which holds a comma; each is kept once.
    static func list(
        _ key: String,
        _ path: any Path<[String]>,
        _ meaning: String,
        _ rule: TextRule,
        example: String
    ) -> Setting {
        Setting(
            key: key,
            kind: .list,
            unit: "",
            range: "\(rule.range), comma-separated",
            meaning: meaning,
            example: example,
            store: { text, settings throws(Fault) in
                var values: [String] = []
                for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                    let value = try rule.check(part.split(separator: " ").joined(separator: " "))
                    if !values.contains(value) { values.append(value) }
                }
                settings[keyPath: path] = values
            },
            show: { $0[keyPath: path].isEmpty ? nil : $0[keyPath: path].joined(separator: ",") }
        )
    }

    static func pointer(_ key: String, _ path: any Path<JSONPointer>, _ meaning: String) -> Setting {
        Setting(
            key: key,
            kind: .pointer,
            unit: "",
            range: "JSON Pointer",
            meaning: meaning,
            example: nil,
            store: { text, settings throws(Fault) in
                guard let pointer = JSONPointer(text) else {
                    throw Fault(
                        what: "\(quoted(text)) is no JSON Pointer (RFC 6901)",
                        remedy: "write / before each name, such as /card/otp/session; ~1 is a / within a name, ~0 a ~"
                    )
                }
                guard pointer.names.count <= CommandDecoder.maximumDepth else {
                    throw Fault(
                        what: "\(quoted(text)) is deeper than a command may be nested",
                        remedy: "write at most \(CommandDecoder.maximumDepth) names"
                    )
                }
                settings[keyPath: path] = pointer
            },
            show: { $0[keyPath: path].description }
        )
    }

    static func duration(
        _ key: String,
        _ path: any Path<Duration>,
        _ range: ClosedRange<Duration>,
        _ meaning: String
    ) -> Setting {
        let shown = "\(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))"
        return Setting(
            key: key,
            kind: .duration,
            unit: "duration",
            range: shown,
            meaning: meaning,
            example: nil,
            store: { text, settings throws(Fault) in
                guard let value = DurationText.parse(text) else {
                    throw Fault(
                        what: "\(quoted(text)) is not a duration",
                        remedy: "write a whole number and ms, s, m, h or d, such as 500ms or 10s; from \(shown)"
                    )
                }
                guard range.contains(value) else {
                    throw Fault(what: "\(quoted(text)) is out of range", remedy: "write a duration from \(shown)")
                }
                settings[keyPath: path] = value
            },
            show: { DurationText.format($0[keyPath: path]) }
        )
    }

    static func integer(
        _ key: String,
        _ path: any Path<Int>,
        _ range: ClosedRange<Int>,
        unit: String,
        _ meaning: String
    ) -> Setting {
        let shown = "\(range.lowerBound) to \(range.upperBound)"
        return Setting(
            key: key,
            kind: .integer,
            unit: unit,
            range: shown,
            meaning: meaning,
            example: nil,
            store: { text, settings throws(Fault) in
                guard let value = Int(text.replacing("_", with: "")) else {
                    throw Fault(what: "\(quoted(text)) is not a whole number", remedy: "write a number from \(shown)")
                }
                guard range.contains(value) else {
                    throw Fault(what: "\(value) is out of range", remedy: "write a number from \(shown) (\(unit))")
                }
                settings[keyPath: path] = value
            },
            show: { "\($0[keyPath: path])" }
        )
    }

    static func flag(_ key: String, _ path: any Path<Bool>, _ meaning: String) -> Setting {
        Setting(
            key: key,
            kind: .flag,
            unit: "",
            range: "true or false",
            meaning: meaning,
            example: nil,
            store: { text, settings throws(Fault) in
                switch text.lowercased() {
                case "true", "yes", "on", "1": settings[keyPath: path] = true
                case "false", "no", "off", "0": settings[keyPath: path] = false
                default: throw Fault(what: "\(quoted(text)) is neither true nor false", remedy: "write true or false")
                }
            },
            show: { $0[keyPath: path] ? "true" : "false" }
        )
    }

    /// `isShown`: whether a message may repeat what is none of the choices; not where a secret would be put by mistake.
    static func choice<Value: Equatable & Sendable>(
        _ key: String,
        _ path: any Path<Value>,
        _ choices: [(name: String, value: Value)],
        _ meaning: String,
        isShown: Bool = true
    ) -> Setting {
        let names = choices.map(\.name)
        return Setting(
            key: key,
            kind: .choice,
            unit: "",
            range: names.joined(separator: ", "),
            meaning: meaning,
            example: nil,
            store: { text, settings throws(Fault) in
                guard let choice = choices.first(where: { $0.name == text.lowercased() }) else {
                    let near = Suggestion.nearest(to: text.lowercased(), among: names)
                    throw Fault(
                        what: "\(isShown ? quoted(text) : SecretShape.hiddenValue) is not one of its values",
                        remedy: (near.map { "did you mean \($0)? " } ?? "")
                            + "write one of \(names.joined(separator: ", "))"
                    )
                }
                settings[keyPath: path] = choice.value
            },
            show: { settings in choices.first { $0.value == settings[keyPath: path] }?.name }
        )
    }

    /// A value as a message may show it: on one line, not too long, and not at all where it may be a secret.
    static func quoted(_ text: String) -> String {
        guard !SecretShape.isLikely(text) else { return SecretShape.hiddenValue }
        let shown = text.prefix(60).map { $0.isNewline ? " " : $0 }
        return "\"\(String(shown))\(text.count > 60 ? "…" : "")\""
    }
}
