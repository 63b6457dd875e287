/// What travels with a committed offset, atomic with it: what the offset alone cannot say.
///
/// Text is base64 of: version `1`, length and bytes of the cluster id, the offset itself (i64), batch id (2 × u64), ledger
/// offset (i64), then a bitmap without trailing zeros in which bit i (least significant first) is offset + 1 + i.
package struct OffsetMetadata: Equatable, Sendable {
    package var clusterID: String
    /// The committed offset that it came with.
    ///
    /// Another one means that a tool moved it: the rest no longer fits.
    package var committedOffset: Int64
    package var batch: BatchID
    /// Where the next owner begins to read the ledger.
    package var ledgerOffset: Int64
    /// Finished offsets above the committed one, ascending.
    package var finished: [Int64]

    package init(clusterID: String, committedOffset: Int64, batch: BatchID, ledgerOffset: Int64, finished: [Int64]) {
        self.clusterID = clusterID
        self.committedOffset = committedOffset
        self.batch = batch
        self.ledgerOffset = ledgerOffset
        self.finished = finished
    }

    private static let version: UInt8 = 1

    package var encoded: String {
        var writer = ByteWriter()
        writer.byte(Self.version)
        writer.text(clusterID)
        writer.fixed(committedOffset)
        writer.fixed(batch.process)
        writer.fixed(batch.counter)
        writer.fixed(ledgerOffset)
        if let last = finished.last {
            var bitmap = [UInt8](repeating: 0, count: Int(last - committedOffset - 1) / 8 + 1)
            for offset in finished {
                let bit = Int(offset - committedOffset - 1)
                precondition(bit >= 0 && bit < Int(Limits.window), "finished beyond the window")
                bitmap[bit / 8] |= 1 << UInt8(bit % 8)
            }
            writer.raw(bitmap)
        }
        return Base64.encode(writer.bytes)
    }

    /// Reads it back.
    /// - Returns: nil for anything that this version did not write; the offset then stands alone.
    package init?(_ text: String) {
        guard text.utf8.count <= Limits.offsetMetadataBytes, let bytes = Base64.decode(text) else { return nil }
        var reader = ByteReader(bytes)
        guard reader.byte() == Self.version, let clusterID = reader.text(atMost: Limits.clusterIDBytes),
            let committedOffset = reader.fixed(Int64.self), let process = reader.fixed(UInt64.self),
            let counter = reader.fixed(UInt64.self), let ledgerOffset = reader.fixed(Int64.self),
            committedOffset >= 0, committedOffset < Int64.max - Limits.window, ledgerOffset >= 0,
            reader.remaining <= Int(Limits.window) / 8, let bitmap = reader.raw(reader.remaining)
        else { return nil }
        var finished: [Int64] = []
        for (position, byte) in bitmap.enumerated() where byte != 0 {
            for bit in 0..<8 where byte & (1 << UInt8(bit)) != 0 {
                finished.append(committedOffset + 1 + Int64(position * 8 + bit))
            }
        }
        self.init(
            clusterID: clusterID,
            committedOffset: committedOffset,
            batch: BatchID(process: process, counter: counter),
            ledgerOffset: ledgerOffset,
            finished: finished
        )
    }
}

/// Base64 with padding (RFC 4648), strict when reading.
///
/// Here because the engine imports no Foundation.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let values: [UInt8?] = {
        var values = [UInt8?](repeating: nil, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()
    private static let padding = UInt8(ascii: "=")

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var group: UInt32 = 0
            for position in 0..<3 { group = group << 8 | (position < count ? UInt32(bytes[start + position]) : 0) }
            for position in 0..<4 {
                text.append(position <= count ? alphabet[Int(group >> UInt32(18 - 6 * position) & 63)] : padding)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func decode(_ text: String) -> [UInt8]? {
        var characters = Array(text.utf8)
        guard characters.count.isMultiple(of: 4) else { return nil }
        var padded = 0
        while padded < 2, characters.last == padding {
            characters.removeLast()
            padded += 1
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count * 3 / 4)
        var group: UInt32 = 0
        var bits = 0
        for character in characters {
            guard let value = values[Int(character)] else { return nil }
            group = group << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
                group &= (1 << UInt32(bits)) - 1
            }
        }
        return group == 0 ? bytes : nil
    }
}
