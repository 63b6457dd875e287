/// Which transactional producer is to be made.
package struct ProducerChoice: Hashable, Sendable {
    /// The slot's second transactional id.
    ///
    /// A transaction that touched a partition without a leader keeps its id locked, in a decided state, until that leader is
    /// back: the coordinator has accepted the end and cannot write its marker. Under another id the rest goes on. That is safe
    /// because nothing can change a decided transaction, and because offsets are fenced by the group's generation, not by the id.
    package var isAlternate = false
    /// Bytes of one partition's records in one request (`batch.size`).
    package var batchBytes = Limits.batchBytes

    package init(isAlternate: Bool = false, batchBytes: Int = Limits.batchBytes) {
        self.isAlternate = isAlternate
        self.batchBytes = batchBytes
    }

    /// The second id of a slot, by its first.
    package static func alternate(of transactionalID: String) -> String { transactionalID + "-b" }
}
