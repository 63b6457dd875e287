/// Records and offsets that become visible together or not at all.
package struct Transaction: Sendable {
    package var records: [OutgoingRecord]
    /// Never empty: without an offset a broker fences nothing.
    package var offsets: [OffsetCommit]
    /// The membership of the moment at which the batch was formed.
    package var groupMetadata: GroupMetadata

    package init(records: [OutgoingRecord], offsets: [OffsetCommit], groupMetadata: GroupMetadata) {
        self.records = records
        self.offsets = offsets
        self.groupMetadata = groupMetadata
    }
}

/// How a transaction ended.
package enum TransactionOutcome: Equatable, Sendable {
    /// All of it is visible.
    ///
    /// One offset for each record, nil where the broker did not say it.
    case committed(offsets: [Int64?])
    /// None of it is or will be visible, and the producer can go on.
    ///
    /// `faults` are the records that could not be written, in order; those merely dropped with the transaction are not
    /// among them.
    case aborted(cause: KafkaError, faults: [RecordFault])
    /// Nobody knows: the commit was asked for and its answer is lost, or the client broke on the way.
    ///
    /// The producer must be replaced, and ``TransactionalProducer/initTransactions(timeout:)`` of its successor decides
    /// the transaction.
    case unknown(KafkaError)
    /// Another producer with the same transactional id has taken over; this one must be replaced.
    ///
    /// Like `unknown`, it does not say what became of the transaction.
    case fenced(KafkaError)
}

/// One record that could not be written.
///
/// A broker refuses the records that reach it together for one partition as a whole: with a fault of its finding, the
/// neighbours of the record at fault may be named too.
package struct RecordFault: Equatable, Sendable {
    /// Its place in ``Transaction/records``.
    package var index: Int
    package var error: KafkaError

    package init(index: Int, error: KafkaError) {
        self.index = index
        self.error = error
    }
}
