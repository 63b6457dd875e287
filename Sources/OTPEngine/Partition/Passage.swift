/// The way past records that cannot be decoded: tried often enough to know, then a record at a time, for how many a damaged
/// batch holds cannot be told, and the next one may begin at any offset.
package struct Passage: Equatable, Sendable {
    /// The first offset that could not be decoded.
    package private(set) var start: Int64
    /// Where reading is tried.
    package private(set) var position: Int64
    private var tries = 1

    package init(at offset: Int64) {
        start = offset
        position = offset
    }

    /// It failed again, at this offset where that is known: what lies before it was read, or holds nothing.
    ///
    /// Failures queue up: one of reading that had begun before `position` says nothing of what lies there, and must not count as
    /// the failure of what may well be read.
    /// - Parameters:
    ///   - offset: where, if that is known.
    ///   - from: the next offset to be read when it failed, as the consumer then had it.
    /// - Returns: whether to go on at once, from `position`.
    package mutating func failed(at offset: Int64?, from: Int64) -> Bool {
        guard from >= position else { return true }
        if let offset, offset > position {
            if position == start { start = offset }
            position = offset
        }
        tries += 1
        guard tries > Limits.decodingTries else { return false }
        position += 1
        return true
    }
}
