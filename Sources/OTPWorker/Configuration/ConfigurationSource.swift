import Configuration
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

    private let snapshot: any ConfigSnapshot
    private let prefix: [String]
    private let originOf: @Sendable (String) -> Origin
    /// The keys written here, known or not, in their order; an environment's are those of its variables that can be ours.
    let keys: [String]
    /// Variables that look like ours and are Kubernetes' own.
    private(set) var serviceLinks: [String] = []

    /// What is written for a key; nil when nothing is.
    func text(_ key: String) throws(Setting.Fault) -> String? {
        let components = prefix + key.split(separator: ".").map(String.init)
        do {
            let value = try snapshot.value(forKey: AbsoluteConfigKey(components), type: .string).value
            guard case .string(let text)? = value?.content, !text.isEmpty else { return nil }
            return text
        } catch {
            let list = try? snapshot.value(forKey: AbsoluteConfigKey(components), type: .stringArray).value
            guard Setting.named(key)?.kind == .list, case .stringArray(let texts)? = list?.content else {
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
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        var spellings: [String: String] = [:]
        for flag in flags {
            let key = AbsoluteConfigKey(flag.key.split(separator: ".").map(String.init))
            values[key] = ConfigValue(.string(flag.value), isSecret: false)
            spellings[flag.key] = flag.spelling
        }
        snapshot = InMemoryProvider(name: "flags", values: values).snapshot()
        prefix = []
        originOf = { [spellings] in .flag(spellings[$0] ?? "flag") }
        keys = flags.map(\.key)
    }

    /// Variables that begin with `OTP_`; a property of librdkafka has its dots as underscores.
    init(environment: [String: String]) {
        snapshot = EnvironmentVariablesProvider(environmentVariables: environment).snapshot()
        prefix = ["otp"]
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
        var lines: [String: Int] = [:]
        do {
            let root = try Yams.compose(yaml: String(decoding: data, as: UTF8.self))
            if let root, root.scalar?.string != "" {
                guard let mapping = root.mapping else { throw NotAMapping() }
                keys = try Self.walk(mapping, path: [], lines: &lines)
                snapshot = try YAMLSnapshot(data: Array(data).span.bytes, providerName: path, parsingOptions: .default)
            } else {
                keys = []
                snapshot = InMemoryProvider(name: path, values: [:]).snapshot()
            }
        } catch {
            throw Self.problem(error, in: path)
        }
        prefix = []
        originOf = { [lines] in .file(path, line: lines[$0]) }
    }

    private struct NotAMapping: Error {}

    /// The keys in the order of the file; a section without anything in it says nothing.
    private static func walk(_ mapping: Node.Mapping, path: [String], lines: inout [String: Int]) throws -> [String] {
        var keys: [String] = []
        for (name, value) in mapping {
            guard let text = name.scalar?.string else { throw NotAMapping() }
            let inner = path + [text]
            let key = inner.joined(separator: ".")
            lines[key] = name.mark?.line
            if let mapping = value.mapping {
                keys += try walk(mapping, path: inner, lines: &lines)
            } else if !(path.isEmpty && (value.scalar?.string ?? "-").isEmpty) {
                keys.append(key)
            }
        }
        return keys
    }

    /// What the parser said, without the text that it read.
    private static func problem(_ error: any Error, in path: String) -> ConfigurationProblem {
        let (what, line): (String, Int?) =
            switch error as? YamlError {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                ("it is not YAML: \(problem)", mark.line)
            case .duplicatedKeysInMapping(let names, let context):
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
