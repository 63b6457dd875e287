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
    /// None of it is or ever will be visible.
    case aborted(Abortion)
    /// Nobody knows: the commit was asked for and its answer is lost.
    ///
    /// The producer must be replaced, and ``TransactionalProducer/initTransactions(timeout:patience:)`` of its successor decides
    /// the transaction.
    case unknown(KafkaError)
    /// The commit was asked for, and another producer with the same transactional id has taken over; this one must be replaced.
    ///
    /// Like `unknown`, it does not say what became of the transaction.
    case fenced(KafkaError)
}

/// Why a transaction came to nothing, and what that leaves behind.
package struct Abortion: Equatable, Sendable {
    package var cause: KafkaError
    /// The records that could not be written, in order; those merely dropped with the transaction are not among them.
    package var faults: [RecordFault]
    /// Indices of the records of which nothing was heard, where the wait for them was ended; in order.
    package var waiting: [Int]
    /// Whether the producer can go on.
    package var producer: ProducerCondition

    package init(
        _ cause: KafkaError,
        faults: [RecordFault] = [],
        waiting: [Int] = [],
        producer: ProducerCondition = .usable
    ) {
        self.cause = cause
        self.faults = faults
        self.waiting = waiting
        self.producer = producer
    }

    package var needsNewProducer: Bool { producer != .usable }
}

/// What an aborted transaction has made of its producer.
package enum ProducerCondition: Equatable, Sendable {
    case usable
    /// It must be replaced: the transaction could not be ended by it, or the client is of no more use.
    case broken
    /// It must be replaced, and another producer with the same transactional id has taken its place.
    case fenced
}

/// Ends a transaction that has not come to its commit, from any thread.
package final class Cancellation: Sendable {
    private let state = Monitor(false)

    package init() {}

    package var isCancelled: Bool { state.withLock { $0 } }

    package func cancel() { state.withLock { $0 = true } }
}

/// One record that could not be written.
///
/// A broker refuses the records that reach it together for one partition as a whole: with a fault of its finding, the
/// neighbours of the record at fault may be named too.
package struct RecordFault: Equatable, Sendable {
    /// Its index in ``Transaction/records``.
    package var index: Int
    package var error: KafkaError

    package init(index: Int, error: KafkaError) {
        self.index = index
        self.error = error
    }
}
