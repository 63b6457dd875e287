import CRdKafka

/// A consumer's membership at one moment: what a broker fences a transaction's offsets by.
///
/// The owner of the C value.
@safe
package final class GroupMetadata: @unchecked Sendable {
    // Safe because the C value is never changed after it was made.
    private let metadata: OpaquePointer

    package let memberID: String
    package let generationID: Int32

    /// Takes over the C value, unless it names no member: a broker would not fence that.
    init(consuming metadata: OpaquePointer) throws(KafkaError) {
        guard let (generation, member) = unsafe Self.fields(of: metadata), generation >= 0, !member.isEmpty else {
            unsafe rd_kafka_consumer_group_metadata_destroy(metadata)
            throw KafkaError("group metadata", .unknownMemberID, reason: "not a member of the group now")
        }
        unsafe self.metadata = metadata
        generationID = generation
        memberID = member
    }

    deinit {
        unsafe rd_kafka_consumer_group_metadata_destroy(metadata)
    }

    /// Lends the C value to a call.
    func with<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        unsafe body(metadata)
    }

    /// librdkafka has no accessors: its serialised form is a magic text, then the generation, group and member.
    private static func fields(of metadata: OpaquePointer) -> (generation: Int32, member: String)? {
        var start: UnsafeMutableRawPointer?
        var count = 0
        let error = unsafe rd_kafka_consumer_group_metadata_write(metadata, &start, &count)
        guard unsafe KafkaError("group metadata", consuming: error) == nil, let start = unsafe start else { return nil }
        defer { unsafe rd_kafka_mem_free(nil, start) }
        let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
        return parse(bytes)
    }

    /// Every text ends in a zero byte; the generation is four bytes in the machine's order.
    static func parse(_ bytes: [UInt8]) -> (generation: Int32, member: String)? {
        let magic = Array("CGMDv2:".utf8)
        guard bytes.starts(with: magic) else { return nil }
        let rest = bytes.dropFirst(magic.count)
        guard rest.count > 4 else { return nil }
        var raw: UInt32 = 0
        for (index, byte) in rest.prefix(4).enumerated() { raw |= UInt32(byte) << (8 * index) }
        let texts = rest.dropFirst(4).split(separator: 0, omittingEmptySubsequences: false)
        guard texts.count >= 2 else { return nil }
        return (Int32(bitPattern: UInt32(littleEndian: raw)), String(decoding: texts[1], as: UTF8.self))
    }
}
