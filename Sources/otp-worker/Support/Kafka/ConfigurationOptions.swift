import ArgumentParser
import OTPKafka
import OTPWorker

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The flags by which every command that talks to a cluster is configured.
struct ConfigurationOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("YAML file with settings.", valueName: "file"))
    var config: String?

    @Option(
        name: .long,
        help: ArgumentHelp("The cluster: host:port, comma-separated (kafka.brokers).", valueName: "list")
    )
    var brokers: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Any setting, such as topics.results=my.results; may be repeated.", valueName: "key=value")
    )
    var set: [String] = []

    /// Reads and judges everything; `more` are the flags that a command has of its own.
    func settings(
        for purpose: SettingsReader.Purpose,
        and more: [ConfigurationFlag] = []
    ) throws(ConfigurationProblems) -> Settings {
        try effectiveSettings(for: purpose, and: more).settings
    }

    /// As ``settings(for:and:)``, with the origin of each.
    func effectiveSettings(
        for purpose: SettingsReader.Purpose,
        and more: [ConfigurationFlag] = []
    ) throws(ConfigurationProblems) -> EffectiveSettings {
        var flags = more
        // Whatever comes of it, nobody reads them there again.
        defer { ProcessShield.forgetSecrets() }
        if let brokers { flags.append(ConfigurationFlag("kafka.brokers", brokers, spelling: "--brokers")) }
        return try SettingsReader.read(
            file: config,
            environment: ProcessInfo.processInfo.environment,
            flags: try Self.flags(set) + flags,
            for: purpose,
            hostName: Console.hostName
        )
    }

    /// Takes `key=value` apart.
    static func flags(_ set: [String]) throws(ConfigurationProblems) -> [ConfigurationFlag] {
        var flags: [ConfigurationFlag] = []
        var problems: [ConfigurationProblem] = []
        for text in set {
            guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
                let problem = ConfigurationProblem(
                    "--set",
                    at: .flag("--set"),
                    "no key, or no value",
                    remedy: "write --set key=value, such as --set topics.results=my.results"
                )
                problems.append(problem)
                continue
            }
            let value = String(text[text.index(after: sign)...])
            flags.append(ConfigurationFlag(String(text[..<sign]), value, spelling: "--set"))
        }
        guard problems.isEmpty else { throw ConfigurationProblems(problems) }
        return flags
    }
}

/// The flags that say which fleet and which upstream a worker is of: for `run`, and for anyone who looks at the same.
struct WorkerOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The consumer group (kafka.group_id).", valueName: "id"))
    var group: String?

    @Option(name: .customLong("check-otp-url"), help: ArgumentHelp("The upstream (check_otp.url).", valueName: "url"))
    var url: String?

    var flags: [ConfigurationFlag] {
        [
            group.map { ConfigurationFlag("kafka.group_id", $0, spelling: "--group") },
            url.map { ConfigurationFlag("check_otp.url", $0, spelling: "--check-otp-url") },
        ].compactMap(\.self)
    }
}

extension Settings {
    /// What every client of the cluster is made with.
    var common: ClientProperties.Common {
        ClientProperties.Common(
            bootstrapServers: worker.kafka.brokers,
            clientID: "otp-worker-cli",
            passThrough: worker.kafka.properties
        )
    }

    /// Runs what talks to the cluster, and explains its errors.
    func talking<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as KafkaError {
            throw explained(error)
        }
    }

    /// The same of what is waited for.
    func whileTalking<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as KafkaError {
            throw explained(error)
        }
    }

    private func explained(_ error: KafkaError) -> Failure {
        let kafka = worker.kafka
        // Nothing came from there, or nothing that is an answer: is it a broker at all?
        let finding = AddressProbe.explain(error, at: kafka.brokers, properties: kafka.properties)
        return Failure.explaining(error, brokers: kafka.brokers, finding: finding)
    }
}
