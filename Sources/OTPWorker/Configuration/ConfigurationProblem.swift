/// One thing that is wrong with the configuration: which setting, where it came from, what is wrong, what to do.
///
/// It never holds a secret, nor the value of a property that may be one.
package struct ConfigurationProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where a value was written.
    package enum Origin: Equatable, Sendable, CustomStringConvertible {
        case file(String, line: Int?)
        case environment(String)
        /// The flag as it was typed, without its value.
        case flag(String)
        /// Nowhere: it is made from the host's name.
        case hostName
        /// It was written nowhere.
        case absent
        /// The default.
        case byDefault

        package var description: String {
            switch self {
            case .file(let path, let line?): "\(SecretShape.shown(path)), line \(line)"
            case .file(let path, nil): SecretShape.shown(path)
            case .environment(let name): "environment, \(SecretShape.shown(name))"
            case .flag(let flag): flag
            case .hostName: "host name"
            case .absent: "not set"
            case .byDefault: "default"
            }
        }
    }

    package var key: String
    package var origin: Origin
    package var what: String
    package var remedy: String

    package init(_ key: String, at origin: Origin, _ what: String, remedy: String) {
        self.key = SecretShape.shown(key)
        self.origin = origin
        self.what = what
        self.remedy = remedy
    }

    package var description: String { "\(key) (\(origin)): \(what)\n    \(remedy)" }
}

/// Everything that is wrong with the configuration, all at once.
package struct ConfigurationProblems: Error, Equatable, Sendable, CustomStringConvertible {
    package var problems: [ConfigurationProblem]

    package init(_ problems: [ConfigurationProblem]) {
        self.problems = problems
    }

    package var description: String {
        let count = problems.count == 1 ? "a problem" : "\(problems.count) problems"
        return "\(count) with the configuration:\n\n"
            + problems.map { "  " + $0.description.replacing("\n", with: "\n  ") }.joined(separator: "\n")
    }
}
