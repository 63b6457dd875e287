import ArgumentParser
import Contract
import Kafka
import Worker

/// Prints results as they arrive.
///
/// It belongs to no group and disturbs nobody.
struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Prints results as they arrive.",
        discussion: """
            A table on a terminal; otherwise, or with --json, one event per line, as it was published.

            Examples:
              otp-worker watch --brokers localhost:9092
              otp-worker watch --from-beginning --json | jq -r 'select(.in_doubt) | .otp_session_id'
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Flag(name: .long, help: "Begin with the oldest result that the topic holds.")
    var fromBeginning = false

    @Flag(name: .long, help: "One JSON event per line, on a terminal too.")
    var json = false

    @Option(name: .long, help: ArgumentHelp("End after this many results.", valueName: "count"))
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit: write a number from 1 on.") }
    }

    func run() throws {
        let settings = try options.settings(for: .client)
        try settings.talking { try watch(settings) }
    }

    private func watch(_ settings: Settings) throws {
        let topic = settings.worker.topics.results
        _ = try TopicCheck.partitionCounts([topic], settings.common)
        let reader = try TopicReader(settings.common, topic: topic, from: fromBeginning ? .beginning : .now)
        let asTable = Console.isTerminal && !json
        if asTable { Console.write(ResultLine.table.header) }
        var left = limit ?? Int.max
        while left > 0 {
            for record in try reader.poll(timeout: .milliseconds(500), maximum: min(left, 1000)) {
                show(record, asTable: asTable)
                left -= 1
            }
        }
        _ = reader.close(timeout: .seconds(2))
    }

    private func show(_ record: ConsumedRecord, asTable: Bool) {
        guard let value = record.value, let event = try? ResultEvent.decode(value) else {
            Console.complain("\(record): not a result that this version can read")
            return
        }
        if asTable {
            Console.write(ResultLine.table.line(ResultLine.cells(event)))
        } else {
            Console.write(ResultLine.json(value))
        }
    }
}
