import ArgumentParser
import Foundation
import OTPContract
import OTPKafka
import OTPVerifyClient
import OTPWorker

/// Publishes commands, keyed by their session, and waits for their results if asked to.
struct SendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Sends one command, or a file of them.",
        discussion: """
            The key of each record is its session, as the contract asks. A file holds one JSON object per line, as it \
            should be published; `--file -` reads standard input. With --wait, each result is printed as it arrives: a \
            table on a terminal, else one JSON object per line; the exit code is 1 when some did not come in time.

            A code on the command line can be seen in the process list: for real ones use --file -.

            Examples:
              otp-worker send --session 123456 --phone 5324818942 --code ART2 --wait
              otp-worker send --file commands.jsonl --wait --timeout 1m
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Option(name: .long, help: ArgumentHelp("otp_session_id.", valueName: "id"))
    var session: String?

    @Option(name: .long, help: ArgumentHelp("user_gsm, such as 5324818942.", valueName: "number"))
    var phone: String?

    @Option(name: .long, help: ArgumentHelp("otp_code, as the user typed it.", valueName: "code"))
    var code: String?

    @Option(name: .long, help: ArgumentHelp("command_id, the name that the result carries.", valueName: "id"))
    var commandID: String?

    @Option(name: .long, help: ArgumentHelp("expires_at, ISO 8601 with an offset.", valueName: "time"))
    var expiresAt: String?

    @Option(
        name: .long,
        help: ArgumentHelp("JSON lines instead of one command; - is standard input.", valueName: "path")
    )
    var file: String?

    @Flag(name: .long, help: "Wait for the results and print them.")
    var wait = false

    @Option(name: .long, help: ArgumentHelp("How long to wait, with --wait (default: 30s).", valueName: "duration"))
    var timeout: String?

    /// Longer than any command may take.
    private static let defaultTimeout = "30s"

    @Flag(name: .long, help: "Print results as JSON, on a terminal too.")
    var json = false

    func validate() throws {
        let single = [session, phone, code]
        if file != nil {
            guard (single + [commandID, expiresAt]).allSatisfy({ $0 == nil }) else {
                throw ValidationError("Give either --file, or --session, --phone and --code.")
            }
        } else if single.contains(where: { $0 == nil }) {
            throw ValidationError("Give --session, --phone and --code, or --file.")
        }
        if let timeout, DurationText.parse(timeout) == nil {
            throw ValidationError("--timeout: write a whole number and ms, s or m, such as 30s.")
        }
        if !wait {
            if json { throw ValidationError("--json prints results, which only --wait waits for: give --wait too.") }
            if timeout != nil { throw ValidationError("--timeout is for --wait: give --wait too, or leave it out.") }
        }
    }

    func run() async throws {
        let settings = try options.settings(for: .client)
        let commands = try commands()
        guard !commands.isEmpty else { throw Failure("the file holds no command", isConfiguration: true) }
        try await settings.whileTalking { try await send(commands, settings) }
    }

    private func commands() throws -> [CommandLine] {
        guard let file else {
            let command = CommandLines.command(
                session: session ?? "",
                phone: phone ?? "",
                code: code ?? "",
                commandID: commandID,
                expiresAt: expiresAt
            )
            guard let command else {
                throw ValidationError("--session: 1 to 256 bytes without control characters.")
            }
            return [command]
        }
        let bytes = try Self.bytes(of: file)
        do throws(CommandLines.Unusable) {
            return try CommandLines.parse(bytes)
        } catch {
            throw Failure("\(file) was not sent:\n    \(error)", isConfiguration: true)
        }
    }

    private static func bytes(of file: String) throws -> [UInt8] {
        // As bytes, for text that is no UTF-8 must be refused and not repaired.
        let data =
            file == "-"
            ? try? FileHandle.standardInput.readToEnd() ?? Data() : FileManager.default.contents(atPath: file)
        guard let data else { throw Failure("\(file) cannot be read", isConfiguration: true) }
        return Array(data)
    }

    private func send(_ commands: [CommandLine], _ settings: Settings) async throws {
        let topics = settings.worker.topics
        _ = try TopicCheck.partitionCounts([topics.commands] + (wait ? [topics.results] : []), settings.common)
        let exchange = try CommandExchange(settings, count: commands.count)
        let timeout = timeout ?? Self.defaultTimeout
        let limit = DurationText.parse(timeout) ?? .seconds(30)
        let asTable = Console.isTerminal && !json
        let table = ResultLine.table.fitted(to: Console.columns)
        let open = try await exchange.run(commands, waiting: wait ? limit : nil) { event in
            switch event {
            case .sent(let all):
                if all.count == 1, let coordinates = all[0] {
                    Console.printError("sent to \(coordinates)")
                } else {
                    Console.printError("sent \(all.count.counted("command")) to \(topics.commands)")
                }
                if wait, asTable { Console.write(table.header) }
            case .result(let answer) where asTable: Console.write(table.line(ResultLine.cells(answer.event)))
            case .result(let answer): Console.write(json: answer.value)
            }
        }
        guard open == 0 else {
            throw Failure(
                "\(open) of \(commands.count) commands were not answered within \(timeout)",
                remedy:
                    "is a worker running and ready (/ready)? A longer --timeout waits longer; the commands stay where"
                    + " they are and will be answered"
            )
        }
    }
}
