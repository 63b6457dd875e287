import OTPAudit
import OTPContract
import OTPKafka
import OTPWorker

/// The commands of one partition, read a stretch at a time as far as the audit wants them.
struct CommandFeed {
    private let topicPartition: TopicPartition
    private let reader: RangeReader
    private let decoder: CommandDecoder
    /// Where the next stretch begins.
    private var position: Int64
    private var facts: ArraySlice<CommandFact> = []

    /// Offsets of one stretch.
    private static let stretch: Int64 = 2_000
    private static let timeout = Duration.seconds(30)

    init(_ reader: RangeReader, _ topicPartition: TopicPartition, from position: Int64, _ decoder: CommandDecoder) {
        self.reader = reader
        self.topicPartition = topicPartition
        self.position = position
        self.decoder = decoder
    }

    /// The first offset that was not read yet.
    var readTo: Int64 { position }

    /// The next command, if it lies before `end`; it stays the next until ``removeFirst()``.
    mutating func peek(before end: Int64) throws(KafkaError) -> CommandFact? {
        while facts.isEmpty, position < end {
            var read: [CommandFact] = []
            let decoder = decoder
            position = try reader.read(
                topicPartition,
                from: position,
                to: min(end, position + Self.stretch),
                timeout: Self.timeout
            ) { records in
                read += records.map { AuditDecoding.command($0, decoder) }
            }
            facts = read[...]
        }
        return facts.first.flatMap { $0.offset < end ? $0 : nil }
    }

    mutating func removeFirst() { facts.removeFirst() }
}
