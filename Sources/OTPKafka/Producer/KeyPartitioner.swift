/// Which partition a key belongs to, as the default partitioners of producers decide.
///
/// Two that disagree on one topic tear the commands of a session apart.
package enum KeyPartitioner: Sendable, CaseIterable {
    /// Java's default, and that of every producer that keeps the key rule.
    case murmur2
    /// The default of librdkafka, and so of most producers in other languages.
    case crc32

    /// The partition of a topic that has `count` of them, at least one.
    package func partition(of key: [UInt8], count: Int) -> Int32 {
        switch self {
        case .murmur2: Int32(Int(hash(key) & 0x7fff_ffff) % count)
        case .crc32: Int32(Int(hash(key)) % count)
        }
    }

    package func hash(_ bytes: [UInt8]) -> UInt32 {
        switch self {
        case .murmur2: Self.murmur2(bytes)
        case .crc32: ~bytes.reduce(~0) { $0 >> 8 ^ Self.crcTable[Int(($0 ^ UInt32($1)) & 0xff)] }
        }
    }

    private static func murmur2(_ bytes: [UInt8]) -> UInt32 {
        let multiplier: UInt32 = 0x5bd1_e995
        var hash = 0x9747_b28c ^ UInt32(truncatingIfNeeded: bytes.count)
        let whole = bytes.count & ~3
        for start in stride(from: 0, to: whole, by: 4) {
            var word = UInt32(bytes[start]) | UInt32(bytes[start + 1]) << 8
            word |= UInt32(bytes[start + 2]) << 16 | UInt32(bytes[start + 3]) << 24
            word &*= multiplier
            word ^= word >> 24
            word &*= multiplier
            hash = hash &* multiplier ^ word
        }
        if bytes.count > whole {
            for (index, byte) in bytes[whole...].enumerated() { hash ^= UInt32(byte) << (8 * UInt32(index)) }
            hash &*= multiplier
        }
        hash ^= hash >> 13
        hash &*= multiplier
        return hash ^ hash >> 15
    }

    /// CRC-32 as in zlib.
    private static let crcTable: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
    }
}
