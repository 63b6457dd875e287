package import OTPContract

/// What the broker says of a partition when it is assigned.
package struct Positions: Equatable, Sendable {
    /// Nil when the group never committed one.
    package var committed: Int64?
    package var metadata: String?
    /// The partition's first offset that still exists.
    package var earliest: Int64
    /// The partition's last stable offset, as its leader says: at or before the true one.
    package var end: Int64

    package init(committed: Int64?, metadata: String?, earliest: Int64, end: Int64) {
        self.committed = committed
        self.metadata = metadata
        self.earliest = earliest
        self.end = end
    }
}

/// A record as it was received and decoded.
package struct ReceivedRecord: Sendable {
    package enum Content: Sendable {
        case command(VerifyCommand, session: SessionDigest, fingerprint: Fingerprint)
        case unusable(Rejection)
    }

    package var id: RecordID
    /// The record's own time.
    package var timestamp: WallTime
    package var key: [UInt8]?
    /// Headers that the result and the dead letter carry on.
    package var headers: [Header]
    /// Where the result is asked for; nil for the default topic.
    package var reply: ReplyAddress?
    package var content: Content
    /// Where wrong codes are limited by phone.
    package var phone: PhoneDigest?
    /// How often it has been replayed from a dead letter.
    package var replayCount = 0
    /// Its value, where a dead letter of it is to have a copy.
    package var value: [UInt8]?

    /// Bytes of memory that it takes until it is finished, what is kept of its handling included; about.
    var bytes: Int {
        Limits.commandBytes + (key?.count ?? 0) + (value?.count ?? 0) + headers.reduce(0) { $0 + $1.bytes }
    }

    package init(
        id: RecordID,
        timestamp: WallTime,
        key: [UInt8]?,
        headers: [Header],
        reply: ReplyAddress? = nil,
        content: Content
    ) {
        self.id = id
        self.timestamp = timestamp
        self.key = key
        self.headers = headers
        self.reply = reply
        self.content = content
    }
}
