import ArgumentParser
import OTPKafka

/// Says which version this is, and which librdkafka it found.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Prints the version, and that of librdkafka."
    )

    static let number = "0.1.0"
    static var text: String { "otp-worker \(number) (librdkafka \(LibrdKafka.version))" }

    func run() {
        Console.write(Self.text)
    }
}
