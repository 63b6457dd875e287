package import OTPContract

/// One transaction, as a value: everything that becomes visible together, or not at all.
package struct Batch: Equatable, Sendable {
    /// A result event, with the record that it answers.
    package struct Result: Equatable, Sendable {
        package var record: RecordID
        package var event: ResultEvent
        /// Where the command asks for it; nil for the default topic.
        package var reply: ReplyAddress?

        package init(record: RecordID, event: ResultEvent, reply: ReplyAddress? = nil) {
            self.record = record
            self.event = event
            self.reply = reply
        }
    }

    /// A record for the ledger partition that carries the same number as the commands' one.
    package struct LedgerWrite: Equatable, Sendable {
        package var partition: Int32
        /// Nil for a barrier.
        package var record: LedgerRecord?
        package var key: [UInt8]
        /// Nil is a tombstone.
        package var value: [UInt8]?

        package init(partition: Int32, record: LedgerRecord) {
            self.partition = partition
            self.record = record
            key = record.key
            value = record.value
        }

        package init(partition: Int32, barrier: LedgerBarrier) {
            self.partition = partition
            key = barrier.key
            value = barrier.value
        }
    }

    /// The offset to commit for one partition, with its metadata.
    package struct Offset: Equatable, Sendable {
        package var epoch: PartitionEpoch
        package var offset: Int64
        package var metadata: String
    }

    package struct Letter: Equatable, Sendable {
        package var record: RecordID
        package var letter: DeadLetter

        package init(record: RecordID, letter: DeadLetter) {
            self.record = record
            self.letter = letter
        }
    }

    package var id: BatchID
    package var results: [Result] = []
    package var ledger: [LedgerWrite] = []
    package var deadLetters: [Letter] = []
    /// Never empty: a transaction without an offset would not be fenced by the group's generation.
    package var offsets: [Offset] = []

    package init(id: BatchID) { self.id = id }
}

/// One output of a batch, by its index in it.
package enum OutputReference: Hashable, Sendable {
    case result(Int)
    case ledger(Int)
    case deadLetter(Int)
}

/// How a transaction ended that did not commit, and certainly will not.
package enum AbortCause: String, Equatable, Sendable, CaseIterable {
    /// The group has moved on to another generation, and this process is a member of it: it speaks for what it owns.
    case stale
    /// The group does not know this member, another process has its instance id, or there was no membership to send.
    case unknownMember = "unknown_member"
    /// Another producer has the transactional id, or the broker took it back after the transaction's time-out.
    case fenced
    /// One or more outputs cannot be published, as named.
    case outputs
    /// A right is missing, and the broker refused the batch as a whole: it does not say for which of the topics.
    case denied
    /// Outputs were refused as too large: it may be each of them, or all of them together.
    case tooLarge = "too_large"
    /// The broker did not take it for now.
    case transient
}
