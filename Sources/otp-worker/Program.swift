import ArgumentParser

/// The program: picks the command, runs it, and turns what went wrong into a message and an exit code.
///
/// 0 is success, 1 a failure or a difference found, 2 a wrong configuration or command line.
@main
struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "otp-worker",
        abstract: "Reads OTP-verify commands from Kafka, asks Paynet's check_otp, publishes one result for each.",
        discussion: """
            Try it without a cluster, in seconds:
              otp-worker demo

            On your own cluster:
              export OTP_KAFKA_BROKERS=localhost:9092 OTP_CHECK_OTP_SECRET_KEY=sck_…
              otp-worker topics --partitions 8
              otp-worker run
              otp-worker send --session 123456 --phone 5324818942 --code ART2 --wait

            Settings come from a YAML file (--config), then the environment (OTP_…), then flags; `otp-worker config \
            example` prints them all. Exit codes: 0 done, 1 failed, 2 wrong configuration or command line.
            """,
        version: VersionCommand.text,
        groupedSubcommands: [
            CommandGroup(
                name: "Run:",
                subcommands: [
                    RunCommand.self, TopicsCommand.self, ConfigCommand.self, DoctorCommand.self,
                ]
            ),
            CommandGroup(
                name: "Inspect:",
                subcommands: [
                    SendCommand.self, WatchCommand.self, MonitorCommand.self, DeadLettersCommand.self,
                    LedgerCommand.self, ExplainCommand.self, AuditCommand.self,
                ]
            ),
            CommandGroup(name: "Develop:", subcommands: [DemoCommand.self, BrokerCommand.self, SandboxCommand.self]),
            CommandGroup(name: "Other:", subcommands: [VersionCommand.self]),
        ]
    )

    static func main() async {
        ProcessShield.raise()
        Console.prepare()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            Failure.exit(with: error)
        }
    }
}
