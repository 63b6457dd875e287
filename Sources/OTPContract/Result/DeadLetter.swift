/// Where an unusable record was and why it is one.
///
/// The published record has a key and headers, and a null value unless a copy was asked for.
///
/// Never carries what the record said otherwise: its value stays in the command topic, and only allow-listed headers come along.
package struct DeadLetter: Equatable, Sendable {
    /// Bytes of the key that are kept: enough to find the producer, too few to make the dead letter unpublishable.
    package static let maximumKeyBytes = 1024

    package let source: Coordinates
    /// The last record that it is about, where that is more than one: records that could not be decoded, from `source` on.
    package var lastOffset: Int64?
    /// The record's own time.
    package let timestamp: WallTime
    /// The first `maximumKeyBytes` of the record's key, or what stands for it (``concealed(digest:)``).
    package let key: [UInt8]?
    package let consumerGroup: String
    package let reason: InvalidReason
    /// Those of the record's headers that `EchoHeaders` keeps.
    package let headers: [Header]
    /// How often the record has been replayed from a dead letter.
    package var replayCount: Int
    /// A copy of the record's value, where the worker was told to make one.
    package var value: [UInt8]?

    package init(
        source: Coordinates,
        timestamp: WallTime,
        key: [UInt8]?,
        consumerGroup: String,
        reason: InvalidReason,
        headers: [Header],
        replayCount: Int = 0,
        value: [UInt8]? = nil
    ) {
        self.source = source
        self.timestamp = timestamp
        self.key = key.map { Array($0.prefix(Self.maximumKeyBytes)) }
        self.consumerGroup = consumerGroup
        self.reason = reason
        self.headers = EchoHeaders.select(from: headers)
        self.replayCount = replayCount
        self.value = value
    }

    /// What stands for a key that could be somebody's phone or card number.
    package static func concealed(digest: some Sequence<UInt8>) -> [UInt8] {
        let hex = Array("0123456789abcdef".utf8)
        return Array(concealment.utf8) + digest.flatMap { [hex[Int($0 >> 4)], hex[Int($0 & 15)]] }
    }

    /// The record's key is not known from here: it could be somebody's number.
    package var isKeyConcealed: Bool { key?.starts(with: Self.concealment.utf8) ?? false }

    private static let concealment = "hmac-sha256:"

    /// Reads a published one back; `nil` if the headers are not those of a dead letter of ours.
    package init?(key: [UInt8]?, value: [UInt8]?, headers: [Header]) {
        let last = { (name: String) in headers.last { $0.name == name }?.value }
        guard let topic = last(Name.topic).flatMap({ String(validating: $0, as: UTF8.self) }),
            let partition: Int32 = last(Name.partition).flatMap(Self.integer),
            let offset: Int64 = last(Name.offset).flatMap(Self.integer),
            let timestamp: Int64 = last(Name.timestamp).flatMap(Self.integer),
            let reason = last(Name.reason).flatMap({ InvalidReason(rawValue: String(decoding: $0, as: UTF8.self)) })
        else { return nil }
        self.init(
            source: Coordinates(topic: topic, partition: partition, offset: offset),
            timestamp: WallTime(milliseconds: timestamp),
            key: key,
            consumerGroup: String(decoding: last(Name.group) ?? [], as: UTF8.self),
            reason: reason,
            headers: headers,
            replayCount: Self.replayCount(in: headers),
            value: value
        )
        lastOffset = last(Name.lastOffset).flatMap(Self.integer)
    }

    /// The kept headers, then those that Spring's `DeadLetterPublishingRecoverer` writes, in its formats.
    package func headersForRecord() -> [Header] {
        headers + [
            Header(name: Name.topic, text: source.topic),
            Header(name: Name.partition, value: Self.bigEndian(source.partition)),
            Header(name: Name.offset, value: Self.bigEndian(source.offset)),
            Header(name: Name.timestamp, value: Self.bigEndian(timestamp.milliseconds)),
            Header(name: Name.group, text: consumerGroup),
            Header(name: Name.reason, text: reason.rawValue),
            Header(name: Name.replayCount, text: String(replayCount)),
        ] + (lastOffset.map { [Header(name: Name.lastOffset, value: Self.bigEndian($0))] } ?? [])
    }

    /// What `dlq_replay_count` says in the headers of a letter; 0 if it says nothing usable.
    package static func replayCount(in headers: [Header]) -> Int {
        guard let value = headers.last(where: { $0.name == Name.replayCount })?.value, (1...9).contains(value.count),
            let count = Int(String(decoding: value, as: UTF8.self)), count >= 0
        else { return 0 }
        return count
    }

    static let replayCountHeader = Name.replayCount
    static let replayOfHeader = Name.replayOf
    static let replayProofHeader = Name.replayProof

    private enum Name {
        static let topic = "kafka_dlt-original-topic"
        static let partition = "kafka_dlt-original-partition"
        static let offset = "kafka_dlt-original-offset"
        static let lastOffset = "otp_dlt-last-offset"
        static let timestamp = "kafka_dlt-original-timestamp"
        static let group = "kafka_dlt-original-consumer-group"
        static let reason = "kafka_dlt-exception-message"
        /// Of what only a replay writes.
        static let prefix = "dlq_"
        static let replayCount = "dlq_replay_count"
        static let replayOf = "dlq_replay_of"
        static let replayProof = "dlq_replay_proof"
    }

    private static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        stride(from: value.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// `nil` if it has another width.
    private static func integer<Value: FixedWidthInteger>(_ bytes: [UInt8]) -> Value? {
        guard bytes.count * 8 == Value.bitWidth else { return nil }
        return bytes.reduce(0) { $0 << 8 | Value($1) }
    }
}

/// Putting a record back where it was read from, once what was wrong with it is fixed.
extension DeadLetter {
    /// The headers of the original, the record that this letter is about, and what makes the replay its successor: the id under which
    /// its result is known, how often it has been replayed, and which record it repeats.
    ///
    /// `prove` makes the proof of the latter two; nil where no secret is at hand, and then no worker believes them.
    package func headersOfReplay(_ original: [Header], prove: (ReplayMark) -> [UInt8]?) -> [Header] {
        var headers = original.filter { !$0.name.hasPrefix(Name.prefix) }
        // Without an id of its own a command is named by where it lies, and a replay lies elsewhere.
        let isStructured = (try? CloudEvent.isStructured(headers)) ?? false
        if CloudEvent(headers: headers).id == nil, !isStructured {
            headers.append(Header(name: "ce_id", text: source.description))
        }
        let mark = ReplayMark(original: source, count: replayCount + 1)
        headers.append(Header(name: Name.replayCount, text: String(mark.count)))
        headers.append(Header(name: Name.replayOf, text: mark.original.description))
        if let proof = prove(mark) { headers.append(Header(name: Name.replayProof, value: proof)) }
        return headers
    }

    /// The record that the one at `coordinates` says it repeats; `nil` where its headers say nothing that can be.
    ///
    /// Any producer can write such headers: that it is so shows in the other record alone, which must have the same key and value.
    package static func original(namedBy headers: [Header], at coordinates: Coordinates) -> Coordinates? {
        guard let value = headers.last(where: { $0.name == Name.replayOf })?.value, value.count <= 512,
            let original = Coordinates(parsing: String(decoding: value, as: UTF8.self)),
            // A replay goes to its original's partition, and comes after it.
            original.topic == coordinates.topic, original.partition == coordinates.partition,
            original.offset < coordinates.offset
        else { return nil }
        return original
    }

    /// How often the command at `coordinates` was replayed, by its own account, where `isProven` takes the proof beside it; else 0, and never
    /// more than can be.
    package static func replayCount(
        ofCommandWith headers: [Header],
        at coordinates: Coordinates,
        isProven: (ReplayMark, _ proof: [UInt8]) -> Bool
    ) -> Int {
        let marks = headers.filter { [Name.replayCount, Name.replayOf, Name.replayProof].contains($0.name) }
        // A replay writes each once.
        guard marks.count == 3, let original = original(namedBy: headers, at: coordinates),
            let proof = marks.first(where: { $0.name == Name.replayProof })?.value
        else { return 0 }
        let mark = ReplayMark(original: original, count: replayCount(in: headers))
        return isProven(mark, proof) ? min(mark.count, mostReplays) : 0
    }

    /// The most that `otp-worker dead-letters replay` can be told to make of one command.
    private static let mostReplays = 100
}
