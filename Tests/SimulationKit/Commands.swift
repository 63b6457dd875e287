import OTPContract
import OTPEngine

/// One record of the command topic, with what became of it as a reader of the results sees it.
final class CommandRecord {
    let partition: Int32
    var offset: Int64 = -1
    let timestamp: Int64
    let lane: Lane?
    let phone: PhoneNumber?
    let code: OTPCode?
    let expiresAt: Int64?
    let rejection: InvalidReason?
    let headers: [Header]
    /// Its result is refused wherever the command's own headers go along, its dead letter always.
    let isPoison: Bool

    /// When it was written, in simulated time.
    var writtenAt: Int64 = 0
    var deliveries = 0
    var letters = 0
    var result: ResultEvent? {
        didSet { isAnswered = result != nil }
    }
    /// There is a result: asked at each event, and a comparison of results would copy them.
    private(set) var isAnswered = false
    var resultLease: Lease?
    /// Retention deleted it before anybody answered it.
    var isDeleted = false

    init(
        partition: Int32,
        timestamp: Int64,
        lane: Lane?,
        phone: PhoneNumber?,
        code: OTPCode?,
        expiresAt: Int64? = nil,
        rejection: InvalidReason? = nil,
        headers: [Header] = [],
        isPoison: Bool = false
    ) {
        self.partition = partition
        self.timestamp = timestamp
        self.lane = lane
        self.phone = phone
        self.code = code
        self.expiresAt = expiresAt
        self.rejection = rejection
        self.headers = headers
        self.isPoison = isPoison
    }

    /// Some are named by their producers, some by where they are.
    var commandID: String { isNamed ? "c/\(partition)/\(offset)" : "commands/\(partition)/\(offset)" }
    var isNamed: Bool { !offset.isMultiple(of: 3) }

    var question: Question? {
        guard let phone, let code else { return nil }
        return Question(phone: phone.revealed, code: code.revealed)
    }

    /// What was typed can be no code.
    var isSlip: Bool { rejection == nil && code?.canBeRight == false }

    /// The record as a worker with this key decodes it.
    func received(at epoch: PartitionEpoch, keyID: UInt32) -> ReceivedRecord {
        let content: ReceivedRecord.Content
        if let lane, let phone, let code, rejection == nil, let question {
            let command = VerifyCommand(
                commandID: commandID,
                sessionID: lane.session.id,
                phone: phone,
                code: code,
                expiresAt: expiresAt.map { WallTime(milliseconds: $0) }
            )
            content = .command(command, session: lane.session.digest, fingerprint: question.fingerprint(keyID: keyID))
        } else {
            content = .unusable(
                Rejection(
                    reason: rejection ?? .malformed,
                    detail: "is unusable",
                    commandID: commandID,
                    sessionID: lane?.session.id
                )
            )
        }
        var received = ReceivedRecord(
            id: RecordID(epoch: epoch, offset: offset),
            timestamp: WallTime(milliseconds: timestamp),
            key: [1],
            headers: headers,
            content: content
        )
        received.phone = phone.map { PhoneDigest(value: fnv($0.revealed, UInt64(keyID))) }
        return received
    }
}

/// One partition of the command topic.
final class CommandLog {
    let partition: Int32
    private(set) var records: [CommandRecord] = []
    private(set) var end: Int64 = 0
    private(set) var start: Int64 = 0
    /// A transaction of some producer holds back what is visible.
    var heldAt: Int64?

    init(partition: Int32) { self.partition = partition }

    var visibleEnd: Int64 { heldAt ?? end }

    /// Stretches that no client can decode, each a batch.
    private(set) var damaged: [Range<Int64>] = []

    func isDamaged(_ offset: Int64) -> Bool { damaged.contains { $0.contains(offset) } }

    func appendDamaged(_ count: Int64) {
        damaged.append(end..<end + count)
        end += count
    }

    func append(_ record: CommandRecord, at now: Int64) {
        record.offset = end
        record.writtenAt = now
        records.append(record)
        end += 1
    }

    /// Aborted records, markers, or what compaction took away.
    func skip(_ count: Int64) { end += count }

    func delete(before offset: Int64) {
        start = max(start, min(offset, end))
        for record in records where record.offset < start && !record.isAnswered { record.isDeleted = true }
    }

    func index(from offset: Int64) -> Int {
        var low = 0
        var high = records.count
        while low < high {
            let middle = (low + high) / 2
            if records[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func record(_ offset: Int64) -> CommandRecord? {
        let index = index(from: offset)
        return index < records.count && records[index].offset == offset ? records[index] : nil
    }

    func read(from offset: Int64, atMost count: Int) -> [CommandRecord] {
        let first = index(from: max(offset, start))
        let limit = min(visibleEnd, damaged.first { $0.lowerBound >= offset }?.lowerBound ?? .max)
        return records[first..<min(first + count, records.count)].prefix { $0.offset < limit }.map { $0 }
    }
}
