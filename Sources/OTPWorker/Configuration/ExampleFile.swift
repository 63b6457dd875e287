/// The commented configuration file, made from the table of settings, so that it cannot be out of date.
package enum ExampleFile {
    /// Every setting with its default; those without one are comments.
    package static var yaml: String {
        var text = """
            # Settings of otp-worker, each with its default. Precedence: this file, then the environment
            # (kafka.brokers is OTP_KAFKA_BROKERS), then flags (--set kafka.brokers=host:9092).
            # Durations: 20ms, 10s, 5m, 2h, 7d.

            """
        var sections: [String] = []
        for setting in Setting.all {
            let names = setting.key.split(separator: ".").map(String.init)
            for (depth, name) in names.dropLast().enumerated()
            where sections.prefix(depth + 1) != names.prefix(depth + 1) {
                sections = Array(names.prefix(depth + 1))
                text += (depth == 0 ? "\n" : indentation(depth)) + "\(name):\n"
            }
            let indentation = indentation(names.count - 1)
            text += comment(setting, indentation) + indentation + line(setting, name: names.last ?? "")
            if setting.key == Setting.lastOfKafka { text += properties }
        }
        return text
    }

    private static let properties = """
          # Any other property of librdkafka, by its own name: TLS, SASL and so on.
          # properties:
          #   security.protocol: SASL_SSL

        """

    private static func indentation(_ depth: Int) -> String { String(repeating: "  ", count: depth) }

    private static func comment(_ setting: Setting, _ indentation: String) -> String {
        let unit = setting.kind == .integer ? " \(setting.unit)" : ""
        let words = (setting.meaning + " (\(setting.range)\(unit))").split(separator: " ")
        var lines: [String] = []
        var line = indentation + "#"
        for word in words {
            if line.count + word.count + 1 > 110 {
                lines.append(line)
                line = indentation + "#"
            }
            line += " " + word
        }
        return (lines + [line]).map { $0 + "\n" }.joined()
    }

    private static func line(_ setting: Setting, name: String) -> String {
        if setting.isSecret { return "# never here: \(setting.variable)\n" }
        if setting.key == "worker.name" { return "# \(name): \(setting.example ?? "")\n" }
        guard let value = setting.defaultText else { return "# \(name): \(setting.example ?? "")\n" }
        return "\(name): \(value)\n"
    }
}
