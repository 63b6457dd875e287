import ArgumentParser
import OTPKafka
import OTPWorker

/// Runs the embedded broker for local play.
struct BrokerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "Runs an in-process mock of a Kafka broker, for local trials.",
        discussion: """
            It keeps nothing: all is gone when it ends. It isolates nothing: readers see what a transaction has not committed \
            yet, and nobody is fenced. It takes no admin calls (`otp-worker topics`). For anything but play, use Kafka.

            The bootstrap servers go to standard output, all else to standard error. Its port is chosen by the system.

            Example:
              otp-worker broker
            and in another terminal, with the address that it printed:
              export OTP_KAFKA_BROKERS=127.0.0.1:…
              otp-worker watch
            """
    )

    @Option(name: .long, help: ArgumentHelp("Partitions of each topic.", valueName: "count"))
    var partitions: Int32 = 8

    @Option(name: .long, help: ArgumentHelp("Number of brokers.", valueName: "count"))
    var count: Int32 = 1

    @Option(name: .long, help: ArgumentHelp("Any setting, such as topics.results=my.results.", valueName: "key=value"))
    var set: [String] = []

    func validate() throws {
        guard (1...1000).contains(partitions), (1...9).contains(count) else {
            throw ValidationError("--partitions: 1 to 1000; --count: 1 to 9.")
        }
    }

    func run() async throws {
        let settings = try SettingsReader.read(
            file: nil,
            environment: [:],
            flags: try ConfigurationOptions.flags(set),
            for: .demonstration,
            hostName: Console.hostName
        ).settings
        let broker = try EmbeddedBroker(brokers: count)
        defer { broker.stop() }
        let topics = settings.worker.topics
        let names = topics.all
        for name in names { try broker.createTopic(name, partitions: partitions) }
        Console.write(broker.bootstrapServers)
        Console.printError(
            """
            topics: \(names.joined(separator: ", ")) (\(partitions) partitions each)
            This broker is for play: it keeps nothing, and it isolates nothing (no committed-only reads, no fencing).
            Stop it with Ctrl-C. In another terminal:
              export OTP_KAFKA_BROKERS=\(broker.bootstrapServers)
              otp-worker watch
            """
        )
        await Signals.wait()
    }
}
