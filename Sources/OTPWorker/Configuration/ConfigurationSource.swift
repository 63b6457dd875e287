import Yams

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A setting given on the command line.
package struct ConfigurationFlag: Equatable, Sendable {
    package var key: String
    package var value: String
    /// How it was typed, without the value: `--brokers`.
    package var spelling: String

    package init(_ key: String, _ value: String, spelling: String) {
        self.key = key
        self.value = value
        self.spelling = spelling
    }
}

/// One of the places that settings are read from: what is written there, under which names.
///
/// It judges nothing.
struct ConfigurationSource: Sendable {
    typealias Origin = ConfigurationProblem.Origin

    /// What is written for one key.
    private enum Value {
        case text(String)
        case list([String])
    }

    private let valueOf: @Sendable (String) -> Value?
    private let originOf: @Sendable (String) -> Origin
    /// The keys written here, known or not, in their order; an environment's are those of its variables that can be ours.
    let keys: [String]
    /// Variables that look like ours and are Kubernetes' own.
    private(set) var serviceLinks: [String] = []

    /// What is written for a key; nil when nothing is.
    func text(_ key: String) throws(Setting.Fault) -> String? {
        switch valueOf(key) {
        case nil: return nil
        case .text(let text): return text.isEmpty ? nil : text
        case .list(let texts):
            guard Setting.named(key)?.kind == .list else {
                throw Setting.Fault(what: "it has several values", remedy: "write one value, not a list")
            }
            return texts.isEmpty ? nil : texts.joined(separator: ",")
        }
    }

    func origin(of key: String) -> Origin { originOf(key) }
}

extension ConfigurationSource {
    /// Flags; a later one of the same key wins.
    init(flags: [ConfigurationFlag]) {
        let last = Dictionary(flags.map { ($0.key, $0) }, uniquingKeysWith: { $1 })
        valueOf = { last[$0].map { .text($0.value) } }
        originOf = { .flag(last[$0]?.spelling ?? "flag") }
        keys = flags.map(\.key)
    }

    /// Variables that begin with `OTP_`; a property of librdkafka has its dots as underscores.
    init(environment: [String: String]) {
        valueOf = { environment[Setting.variable(of: $0)].map { .text($0) } }
        originOf = { .environment(Setting.variable(of: $0)) }
        let known = Dictionary(Setting.all.map { ($0.variable, $0.key) }, uniquingKeysWith: { first, _ in first })
        serviceLinks = environment.filter { $0.key.hasPrefix("OTP_") && Self.isServiceLink($0.key, $0.value) }.keys
            .sorted()
        let links = Set(serviceLinks)
        keys = environment.keys.sorted().filter { !links.contains($0) }.compactMap { name in
            if let key = known[name] { return key }
            let property = Setting.variable(of: Setting.propertyPrefix)
            if name.hasPrefix(property), name != property {
                return Setting.propertyPrefix + name.dropFirst(property.count).lowercased().replacing("_", with: ".")
            }
            return Self.looksLikeOurs(name, known: Array(known.keys)) ? Self.key(ofUnknown: name) : nil
        }
    }

    /// Kubernetes makes such variables for each Service of the namespace: one called otp-kafka brings `OTP_KAFKA_PORT=tcp://…`.
    private static func isServiceLink(_ name: String, _ value: String) -> Bool {
        name.hasSuffix("_SERVICE_HOST") || name.contains("_SERVICE_PORT")
            || name.firstMatch(of: /_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/) != nil
            || (name.hasSuffix("_PORT") && value.firstMatch(of: /^(tcp|udp|sctp):\/\//) != nil)
    }

    /// Other programs' variables may begin with OTP_ too: only what is near to a setting's name is taken for a misspelt one.
    private static func looksLikeOurs(_ name: String, known: [String]) -> Bool {
        guard name.hasPrefix("OTP_") else { return false }
        let sections = Set(Setting.all.map { Setting.variable(of: $0.key.prefix { $0 != "." } + "_") })
        return sections.contains { name.hasPrefix($0) && $0 != "OTP_WORKER_" }
            || Suggestion.nearest(to: name, among: known) != nil
    }

    /// The key that an unknown variable would have: its section is found by the known ones.
    private static func key(ofUnknown name: String) -> String {
        let rest = name.dropFirst("OTP_".count).lowercased()
        let section = Setting.all.map { $0.key.prefix { $0 != "." } }.first { rest.hasPrefix($0 + "_") }
        guard let section else { return rest }
        return section + "." + rest.dropFirst(section.count + 1)
    }

    /// A YAML file.
    /// - Throws: the problem with the file as a whole.
    init(file path: String) throws(ConfigurationProblem) {
        guard let data = FileManager.default.contents(atPath: path) else {
            let what = FileManager.default.fileExists(atPath: path) ? "it cannot be read" : "there is no such file"
            throw ConfigurationProblem(
                "--config",
                at: .file(path, line: nil),
                what,
                remedy: "name a readable YAML file"
            )
        }
        var contents = FileContents()
        do {
            let root = try Yams.compose(yaml: String(decoding: data, as: UTF8.self))
            if let root, root.scalar?.string != "" {
                guard let mapping = root.mapping else { throw NotSettings() }
                try contents.collect(mapping, path: [])
            }
        } catch {
            throw Self.problem(error, in: path)
        }
        keys = contents.keys
        valueOf = { [values = contents.values] in values[$0] }
        originOf = { [lines = contents.lines] in .file(path, line: lines[$0]) }
    }

    private struct NotSettings: Error {}

    /// Once in a section and once by its whole name, which the parser does not see.
    private struct WrittenTwice: Error {
        var key: String
        var line: Int?
    }

    private struct FileContents {
        /// In the order of the file; a section without anything in it says nothing.
        var keys: [String] = []
        var values: [String: Value] = [:]
        var lines: [String: Int] = [:]

        mutating func collect(_ mapping: Node.Mapping, path: [String]) throws {
            for (name, node) in mapping {
                guard let text = name.scalar?.string else { throw NotSettings() }
                let inner = path + [text]
                let key = inner.joined(separator: ".")
                lines[key] = name.mark?.line
                if let mapping = node.mapping {
                    try collect(mapping, path: inner)
                    continue
                }
                let value = try Self.value(of: node)
                if path.isEmpty, case .text("") = value { continue }
                guard values.updateValue(value, forKey: key) == nil else {
                    throw WrittenTwice(key: key, line: lines[key])
                }
                keys.append(key)
            }
        }

        private static func value(of node: Node) throws -> Value {
            if let scalar = node.scalar { return .text(scalar.string) }
            let scalars = node.sequence?.map(\.scalar?.string) ?? [nil]
            let texts = scalars.compactMap(\.self)
            guard texts.count == scalars.count else { throw NotSettings() }
            return .list(texts)
        }
    }

    /// What the parser said, without the text that it read.
    private static func problem(_ error: any Error, in path: String) -> ConfigurationProblem {
        let (what, line): (String, Int?) =
            switch error {
            case let twice as WrittenTwice: ("\(SecretShape.shown(twice.key)) is written twice", twice.line)
            case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
                YamlError.composer(_, let problem, let mark, _):
                ("it is not YAML: \(problem)", mark.line)
            case YamlError.duplicatedKeysInMapping(let names, let context):
                (
                    "\(names.map(SecretShape.shown).joined(separator: ", ")) is written twice in one place",
                    context.mark.line
                )
            default:
                ("it does not hold settings by name", nil)
            }
        return ConfigurationProblem(
            "--config",
            at: .file(path, line: line),
            what,
            remedy: "correct the file; `otp-worker config example` prints one with every setting"
        )
    }
}
