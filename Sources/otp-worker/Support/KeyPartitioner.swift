/// Which partition a key belongs to, as Java's default partitioner (murmur2) decides, and so as every other producer that
/// keeps the key rule does.
package enum KeyPartitioner {
    package static func partition(of key: [UInt8], count: Int) -> Int32 {
        Int32(Int(murmur2(key) & 0x7fff_ffff) % count)
    }

    package static func murmur2(_ bytes: [UInt8]) -> UInt32 {
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
}
