/// Where a record is in Kafka.
///
/// Two records never share coordinates while their topic lives.
public struct Coordinates: Hashable, Sendable, CustomStringConvertible {
    /// The topic's name.
    public var topic: String
    /// The partition's number, from 0.
    public var partition: Int32
    /// The record's offset in its partition, from 0.
    public var offset: Int64

    /// Names where a record lies; there need not be one.
    public init(topic: String, partition: Int32, offset: Int64) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }

    /// `topic/partition/offset`.
    public var description: String { String(decoding: encoded, as: UTF8.self) }

    /// The bytes of the description.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(topic.utf8.count + 40)
        bytes.append(contentsOf: topic.utf8)
        bytes.append(UInt8(ascii: "/"))
        bytes.appendDecimal(Int64(partition))
        bytes.append(UInt8(ascii: "/"))
        bytes.appendDecimal(offset)
        return bytes
    }
}

/// The `otp_session_id` that ties the commands of one OTP together: 1–256 bytes of UTF-8, no control characters.
///
/// Compared byte by byte: the upstream knows nothing of Unicode equivalence, so two spellings are two sessions.
public struct SessionID: Hashable, Sendable, CustomStringConvertible {
    /// The identifier as it was given.
    public let text: String

    /// `nil` if `text` is empty, longer than 256 bytes, or holds a control character.
    public init?(_ text: String) {
        guard Identifier.isUsable(text) else { return nil }
        self.text = text
    }

    /// `nil` also if it could be taken for another, see ``Identifier/isClear(_:)``.
    init?(clear text: String) {
        guard Identifier.isClear(text) else { return nil }
        self.text = text
    }

    /// Whether both are the same bytes.
    public static func == (lhs: SessionID, rhs: SessionID) -> Bool {
        lhs.text.hasSameBytes(as: rhs.text)
    }

    /// Hashes its bytes.
    public func hash(into hasher: inout Hasher) {
        text.hashBytes(into: &hasher)
    }

    /// The identifier as it was given.
    public var description: String { text }
}

enum Identifier {
    /// Bytes of an identifier: long enough for any UUID or URN, short enough to be a header and a ledger key.
    static let maximumBytes = 256

    static func isUsable(_ text: String) -> Bool {
        (1...maximumBytes).contains(text.utf8.count) && !text.hasControlCharacter
    }
}

extension String {
    /// Equality of the encoded bytes, where `==` would also equate canonically equivalent texts.
    func hasSameBytes(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let isSame = utf8.withContiguousStorageIfAvailable { bytes in
            other.utf8.withContiguousStorageIfAvailable { bytes.elementsEqual($0) }
        }
        return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
    }

    func hashBytes(into hasher: inout Hasher) {
        var text = self
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Whether a character of the Unicode category Cc occurs: U+0000–001F, U+007F–009F.
    var hasControlCharacter: Bool {
        var previous: UInt8 = 0
        for byte in utf8 {
            if byte < 0x20 || byte == 0x7f || (previous == 0xc2 && byte < 0xa0) { return true }
            previous = byte
        }
        return false
    }
}
