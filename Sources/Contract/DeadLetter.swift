/// Where an unusable record was and why it is one.
///
/// The published record has a key and headers and a null value.
///
/// Never carries what the record said: its value stays in the command topic, and only allow-listed headers come along.
package struct DeadLetter: Equatable, Sendable {
    /// Bytes of the key that are kept: enough to find the producer, too few to make the dead letter unpublishable.
    package static let maximumKeyBytes = 1024

    package let source: Coordinates
    /// The record's own time.
    package let timestamp: WallTime
    /// The first `maximumKeyBytes` of the record's key.
    package let key: [UInt8]?
    package let consumerGroup: String
    package let reason: InvalidReason
    /// Those of the record's headers that `EchoHeaders` keeps.
    package let headers: [Header]
    /// How often the record has been replayed from a dead letter.
    package let replayCount: Int

    package init(
        source: Coordinates,
        timestamp: WallTime,
        key: [UInt8]?,
        consumerGroup: String,
        reason: InvalidReason,
        headers: [Header],
        replayCount: Int = 0
    ) {
        self.source = source
        self.timestamp = timestamp
        self.key = key.map { Array($0.prefix(Self.maximumKeyBytes)) }
        self.consumerGroup = consumerGroup
        self.reason = reason
        self.headers = EchoHeaders.select(from: headers)
        self.replayCount = replayCount
    }

    /// The kept headers, then those that Spring's `DeadLetterPublishingRecoverer` writes, in its formats.
    package func headersForRecord() -> [Header] {
        headers + [
            Header(name: "kafka_dlt-original-topic", text: source.topic),
            Header(name: "kafka_dlt-original-partition", value: Self.bigEndian(source.partition)),
            Header(name: "kafka_dlt-original-offset", value: Self.bigEndian(source.offset)),
            Header(name: "kafka_dlt-original-timestamp", value: Self.bigEndian(timestamp.milliseconds)),
            Header(name: "kafka_dlt-original-consumer-group", text: consumerGroup),
            Header(name: "kafka_dlt-exception-message", text: reason.rawValue),
            Header(name: Self.replayCountName, text: String(replayCount)),
        ]
    }

    /// What `dlq_replay_count` says in the headers of a record; 0 if it says nothing usable.
    package static func replayCount(in headers: [Header]) -> Int {
        guard let value = headers.last(where: { $0.name == replayCountName })?.value, (1...9).contains(value.count),
            let count = Int(String(decoding: value, as: UTF8.self)), count >= 0
        else { return 0 }
        return count
    }

    private static let replayCountName = "dlq_replay_count"

    private static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        stride(from: value.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
