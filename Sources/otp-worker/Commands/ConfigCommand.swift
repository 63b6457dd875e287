import ArgumentParser
import OTPWorker

/// Shows what can be set, and judges what is set.
///
/// It connects to nothing.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Prints an example configuration, or checks or shows the one in use.",
        subcommands: [Example.self, Check.self, Show.self]
    )

    struct Example: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints a YAML file with every setting, its default and its meaning.",
            discussion: "Example:\n  otp-worker config example > otp-worker.yaml"
        )

        func run() {
            Console.write(ExampleFile.yaml.trimmedEnd)
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads file, environment and flags as `run` would, and tells every problem.",
            discussion: """
                It also makes what `run` would make of them, as far as that connects to nobody: the Kafka clients with their \
                properties, the files for TLS, the address for probes. What `run` warns of is told too. Exit code 2 when there \
                is a problem, 0 with warnings only.
                """
        )

        @OptionGroup var options: ConfigurationOptions

        func run() throws {
            let effective = try options.effectiveSettings(for: .worker)
            let worker = effective.settings.worker
            let problems = DryRun.faults(worker).map { fault in
                let key = fault.setting ?? "-"
                return ConfigurationProblem(key, at: effective.origin(of: key), fault.message, remedy: fault.remedy)
            }
            guard problems.isEmpty else { throw ConfigurationProblems(problems) }
            let leaks = ConfigurationLeaks.found(in: worker, file: options.config)
                .map { SettingWarning(key: $0.setting, what: $0.cause, remedy: $0.remedy) }
            for warning in worker.warnings + [worker.shortKey].compactMap({ $0 }) + leaks {
                Console.write("warning: \(warning.key) (\(effective.origin(of: warning.key))): \(warning.what)")
                Console.write("    \(warning.remedy)")
            }
            Console.write("The configuration can be used.")
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints each setting as it is in effect, and where it was written.",
            discussion: """
                Secrets are masked. Exit code 2 when a setting is wrong; one that is merely missing is shown as such.

                Examples:
                  otp-worker config show --config /etc/otp-worker/worker.yaml
                  otp-worker config show --changed
                  otp-worker config show --json | jq -r '.[] | select(.key == "kafka.brokers").value'
                """
        )

        @OptionGroup var options: ConfigurationOptions

        @Flag(name: .long, help: "Only what is not the default.")
        var changed = false

        @Flag(name: .long, help: "JSON, for programs.")
        var json = false

        func run() throws {
            let effective = try options.effectiveSettings(for: .demonstration)
            let rows = effective.rows.filter { !changed || !$0.isDefault }
            if json {
                Console.write(json: SettingsText.json(rows))
            } else {
                Console.write(SettingsText.table(rows, columns: Console.columns))
            }
        }
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = self
        while text.last?.isNewline ?? false { text.removeLast() }
        return text
    }
}
