/// A record that a worker writes to a partition's ledger when it takes the partition over, and now and then after.
///
/// Its offset is where the restore ends: a broker that is no longer the partition's leader may answer an old end of the log, but
/// its log never holds this record. And it names its writer, so that the next owner knows whose transaction may hold up the
/// ledger's stable end. It says nothing of any session.
///
/// A transaction that finishes records of a partition and concludes no code (replays, unusable ones) has one as well, which names one
/// of them: so every commit leaves in the ledger what an older committed offset can be told by.
///
/// Binary, version 1: key `b` (`f` where it names a record: neither may overwrite the other) and the transactional id, so that
/// compaction keeps few of each worker slot; value `1`, the
/// process id (u64) and the offset of the record (i64, -1 for none), little-endian.
package struct LedgerBarrier: Hashable, Sendable {
    private static let kind = UInt8(ascii: "b")
    private static let finishedKind = UInt8(ascii: "f")
    private static let version: UInt8 = 1
    /// Bytes of a transactional id that are believed; a longer one is somebody else's record.
    package static let maximumIDBytes = 1_024

    /// The slot's transactional id.
    package var transactionalID: String
    /// Drawn again by every process.
    package var process: UInt64
    /// A record that was finished by the transaction that wrote it; nil outside any.
    package var finished: Int64?

    package init(transactionalID: String, process: UInt64, finished: Int64? = nil) {
        self.transactionalID = transactionalID
        self.process = process
        self.finished = finished
    }

    package var key: [UInt8] { [finished == nil ? Self.kind : Self.finishedKind] + Array(transactionalID.utf8) }

    package var value: [UInt8] {
        var writer = ByteWriter()
        writer.byte(Self.version)
        writer.fixed(process)
        writer.fixed(finished ?? -1)
        return writer.bytes
    }

    /// Whether the key is a barrier's, of whatever version.
    package static func isKey(_ key: [UInt8]) -> Bool { key.first == kind || key.first == finishedKind }

    /// Reads one.
    /// - Returns: nil when it is none, or another version's.
    package init?(key: [UInt8], value: [UInt8]?) {
        guard Self.isKey(key), key.count > 1, key.count <= Self.maximumIDBytes + 1, let value,
            let id = String(validating: key.dropFirst(), as: UTF8.self)
        else { return nil }
        var reader = ByteReader(value)
        guard reader.byte() == Self.version, let process = reader.fixed(UInt64.self),
            let finished = reader.fixed(Int64.self), reader.remaining == 0
        else { return nil }
        self.init(transactionalID: id, process: process, finished: finished < 0 ? nil : finished)
    }
}
