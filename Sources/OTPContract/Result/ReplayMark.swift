/// What a replayed command says of itself in its headers: which record it repeats, and how many replays that makes.
///
/// Any producer can write such headers. They count only beside a proof, which anyone who has the fleet's secret can make of one mark and
/// one record; what it is made over is here, and nothing here makes or judges one.
package struct ReplayMark: Equatable, Sendable {
    /// Characters of a proof: 16 bytes in hexadecimal.
    package static let proofLength = 32

    /// The record that is repeated.
    package let original: Coordinates
    package let count: Int

    package init(original: Coordinates, count: Int) {
        self.original = original
        self.count = count
    }

    /// The bytes that a proof is made over: two marks, or two records, never have the same.
    ///
    /// Of a long key it has the beginning and the size, for that is what a worker keeps of one.
    package func statement(key: [UInt8]?, keySize: Int, value: [UInt8]?) -> [UInt8] {
        var bytes: [UInt8] = []
        Self.append(Array(original.topic.utf8), size: original.topic.utf8.count, to: &bytes)
        Self.append(Int64(original.partition), to: &bytes)
        Self.append(original.offset, to: &bytes)
        Self.append(Int64(count), to: &bytes)
        Self.append(key.map { Array($0.prefix(DeadLetter.maximumKeyBytes)) }, size: keySize, to: &bytes)
        Self.append(value, size: value?.count ?? 0, to: &bytes)
        return bytes
    }

    /// A text with its size before it, so that none can run into the next; -1 for none, which differs from an empty one.
    private static func append(_ text: [UInt8]?, size: Int, to bytes: inout [UInt8]) {
        append(text == nil ? -1 : Int64(size), to: &bytes)
        bytes += text ?? []
    }

    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}
