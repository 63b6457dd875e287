import OTPContract
import OTPEngine
import OTPKafka

/// Turns what the consumer hands out into what the loop takes: records decoded and fingerprinted on the consumer's
/// thread, so that the loop is spared both.
///
/// It decides nothing.
struct CommandIntake: Sendable {
    /// One thing for the loop, in the order in which it happened.
    enum Item: Sendable {
        case records([Decoded])
        case assigned([Int32])
        case revoked([Int32])
        case lost([Int32])
        case endOfPartition(Int32, offset: Int64)
        case partitionError(Int32, offset: Int64?, from: Int64, KafkaError)
        case statistics(ConsumerStatistics)
        case error(KafkaError)
        case log(ClientLog)
    }

    /// A record without its epoch, which only the loop knows.
    struct Decoded: Sendable {
        var partition: Int32
        var offset: Int64
        var timestamp: WallTime
        var key: [UInt8]?
        var headers: [Header]
        var reply: ReplyAddress?
        var content: ReceivedRecord.Content
        /// Where wrong codes are limited by phone.
        var phone: PhoneDigest?
        var replayCount = 0
        /// For a dead letter that is to have a copy.
        var value: [UInt8]?
    }

    /// What of a record is taken into memory: a key's beginning is enough to find its producer, and a value over the limit is not
    /// read.
    static func selection(maximumBytes: Int) -> RecordSelection {
        RecordSelection(
            headers: .ofCommand,
            maximumKeyBytes: DeadLetter.maximumKeyBytes,
            maximumValueBytes: maximumBytes
        )
    }

    let decoder: CommandDecoder
    let fingerprinter: Fingerprinter
    let replayKey: ReplayKey
    /// Wrong codes are limited by phone, so it needs a digest.
    let digestsPhones: Bool
    /// Whether a dead letter copies the value, and how many bytes at most; a longer one stays where it is.
    let copiedBytes: Int?
    let keys: KeyWatch

    func items(_ events: [ConsumerEvent]) -> [Item] {
        events.map { event in
            switch event {
            case .records(let records): item(of: records)
            case .assigned(let partitions): .assigned(partitions.map(\.partition))
            case .revoked(let partitions): .revoked(partitions.map(\.partition))
            case .lost(let partitions): .lost(partitions.map(\.partition))
            case .endOfPartition(let topicPartition, let offset):
                .endOfPartition(topicPartition.partition, offset: offset)
            case .partitionError(let topicPartition, let offset, let next, let error):
                .partitionError(topicPartition.partition, offset: offset, from: next, error)
            case .statistics(let statistics): .statistics(statistics)
            case .error(let error): .error(error)
            case .log(let log): .log(log)
            }
        }
    }

    private func item(of records: [ConsumedRecord]) -> Item {
        keys.count(records)
        return .records(records.map(decode))
    }

    private func decode(_ record: ConsumedRecord) -> Decoded {
        let coordinates = Coordinates(topic: record.topic, partition: record.partition, offset: record.offset)
        let reading = decoder.read(
            key: record.key,
            value: record.value,
            headers: record.headers,
            size: record.keySize + record.valueSize,
            at: coordinates
        )
        let content: ReceivedRecord.Content
        var phone: PhoneDigest?
        switch reading.content {
        case .success(let command):
            content = .command(
                command,
                session: Fingerprinter.digest(command.sessionID),
                fingerprint: fingerprinter.fingerprint(
                    session: command.sessionID,
                    phone: command.phone,
                    code: command.code
                )
            )
            if digestsPhones { phone = fingerprinter.digest(command.phone) }
        case .failure(let rejection): content = .unusable(rejection)
        }
        var decoded = Decoded(
            partition: record.partition,
            offset: record.offset,
            timestamp: WallTime(milliseconds: record.timestamp ?? -1),
            key: record.key,
            headers: EchoHeaders.select(from: reading.trace.isEmpty ? record.headers : record.headers + reading.trace),
            reply: ReplyAddress(in: record.headers),
            content: content,
            phone: phone
        )
        if case .unusable = content {
            decoded.key = record.key.map(fingerprinter.concealingNumbers(in:))
            decoded.replayCount = replayKey.replayCount(of: record)
            if let copiedBytes, record.value?.count ?? 0 <= copiedBytes { decoded.value = record.value }
        }
        return decoded
    }
}
