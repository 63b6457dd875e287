import ArgumentParser
import Worker

/// Shows what can be set, and judges what is set.
///
/// It connects to nothing.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Prints an example configuration, or checks the one in use.",
        subcommands: [Example.self, Check.self]
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
            discussion: "Exit code 2 when there is one."
        )

        @OptionGroup var options: ConfigurationOptions

        func run() throws {
            _ = try options.settings(for: .worker)
            Console.write("The configuration can be used.")
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
