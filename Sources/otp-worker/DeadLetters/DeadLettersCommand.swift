import ArgumentParser
import OTPContract
import OTPKafka
import OTPWorker

/// What to do about commands that no worker could use.
struct DeadLettersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Lists, shows and replays commands that were unusable.",
        discussion: """
            A dead letter says where an unusable command was and why it is one, not what it said: the value stays in the \
            command topic, and is read there as long as that keeps it.

            Examples:
              otp-worker dead-letters list --since 24h
              otp-worker dead-letters show otp.verify.commands/3/42
              otp-worker dead-letters replay --reason field_expires_at --since 1h
            """,
        subcommands: [List.self, Show.self, Replay.self]
    )

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "Lists dead letters.",
            discussion: """
                Partition by partition, in the order of writing: a table on a terminal; otherwise, or with --json, one JSON \
                object per line.

                Examples:
                  otp-worker dead-letters list --since 24h --reason field_user_gsm
                  otp-worker dead-letters list --json | jq -r .reason | sort | uniq -c
                """
        )

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var letters: LetterOptions

        @Flag(name: .long, help: "One JSON object per line, on a terminal too.")
        var json = false

        func run() throws {
            let settings = try options.settings(for: .client)
            let asTable = Console.isTerminal && !json
            let table = LetterText.table.fitted(to: Console.columns)
            if asTable { Console.write(table.header) }
            try settings.talking {
                let reader = try LetterReader(settings)
                defer { reader.close() }
                try reader.letters(letters.filter) { found in
                    if asTable {
                        Console.write(table.line(LetterText.cells(found)))
                    } else {
                        Console.write(json: LetterText.json(found))
                    }
                }
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Tells all about one dead letter.",
            discussion: """
                Where the command was, why it is unusable, whether it would be taken by the settings at hand (give the \
                fleet's --config), its headers, and its value, masked: the shape of all, the text of identifiers and times. \
                Never a code, a full phone number, or a text that might be one.

                Examples:
                  otp-worker dead-letters show otp.verify.commands/3/42
                  otp-worker dead-letters show otp.verify.dead-letters/0/7 --json
                """
        )

        @Argument(
            help: ArgumentHelp("Where the command was, or where the letter is.", valueName: "topic/partition/offset")
        )
        var coordinates: String

        @OptionGroup var options: ConfigurationOptions

        @Flag(name: .long, help: "One JSON object.")
        var json = false

        func validate() throws {
            guard Coordinates(parsing: coordinates) != nil else {
                throw ValidationError("Write topic/partition/offset, such as otp.verify.commands/3/42.")
            }
        }

        func run() throws {
            let settings = try options.settings(for: .client)
            guard let coordinates = Coordinates(parsing: coordinates) else { return }
            let whole = try settings.talking { () -> LetterText.Whole? in
                let reader = try LetterReader(settings)
                defer { reader.close() }
                guard let found = try reader.letter(coordinates) else { return nil }
                let record = try reader.record(at: found.letter.source)
                let commands = settings.worker.commands
                return .init(found: found, record: record, decoder: commands.decoder, fields: commands.fields)
            }
            guard let whole else {
                throw Failure(
                    "no dead letter is at \(coordinates), and none is about it",
                    remedy: "`otp-worker dead-letters list` shows what there is; `otp-worker explain` tells a session"
                )
            }
            if json {
                Console.write(json: LetterText.json(whole))
            } else {
                for line in LetterText.lines(whole) { Console.write(line) }
            }
        }
    }
}
