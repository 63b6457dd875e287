import ArgumentParser
import OTPContract
import OTPKafka
import OTPWorker

/// Prints what the ledger holds, for a person who wants to know why a session was answered as it was.
struct LedgerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger",
        abstract: "Prints the ledger's records.",
        discussion: """
            Up to the ledger's end at the moment of asking, committed records only. No code, phone number or key is in it: a \
            code shows as the start of its keyed digest, equal for equal codes of one phone number.

            Examples:
              otp-worker ledger --session 123456
              otp-worker ledger --partition 3
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Option(name: .long, help: ArgumentHelp("Only this partition.", valueName: "number"))
    var partition: Int32?

    @Option(name: .long, help: ArgumentHelp("Only this session.", valueName: "id"))
    var session: String?

    func run() throws {
        let settings = try options.settings(for: .client)
        try settings.talking { try show(settings) }
    }

    private func show(_ settings: Settings) throws {
        let topic = settings.worker.topics.ledger
        let count = try TopicCheck.partitionCounts([topic], settings.common)[topic] ?? 0
        if let partition, !(0..<Int32(count)).contains(partition) {
            throw Failure("\(topic) has the partitions 0 to \(count - 1)", isConfiguration: true)
        }
        let reader = try RangeReader(settings.common)
        defer { _ = reader.close(timeout: .seconds(2)) }
        let table = LedgerText.table.fitted(to: Console.columns)
        Console.write(table.header)
        for number in partition.map({ [$0] }) ?? Array(0..<Int32(count)) {
            let topicPartition = TopicPartition(topic, number)
            let marks = try reader.highWatermark(topicPartition, timeout: .seconds(10))
            try reader.read(topicPartition, from: marks.low, to: marks.high, timeout: .seconds(60)) { records in
                for record in records { show(record, in: table) }
            }
        }
    }

    private func show(_ record: ConsumedRecord, in table: TextTable) {
        guard let line = LedgerText.cells(record) else {
            if session == nil { Console.printError("\(record): not a ledger record") }
            return
        }
        if let session, line.session.text != session { return }
        Console.write(table.line(line.cells))
    }
}
