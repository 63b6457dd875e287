/// Every bound of the engine that is not a setting, with its unit and its reason.
package enum Limits {
    /// Offsets between a partition's committed offset and its newest admitted record.
    ///
    /// The bitmap of that many bits is 2,731 characters of base64, and the broker keeps 4,096 bytes of metadata with an
    /// offset.
    package static let window: Int64 = 16_384
    /// Offsets: intake of the partition pauses at the high mark and resumes at the low one.
    package static let windowHigh: Int64 = window * 3 / 4
    package static let windowLow: Int64 = window / 2
    /// Bytes of metadata that a committed offset may carry (`offset.metadata.max.bytes` of a broker).
    package static let offsetMetadataBytes = 4_096
    /// Bytes of a cluster id inside that metadata; Kafka's are 22.
    package static let clusterIDBytes = 64
    /// Bytes of memory that a command takes beside its key, its headers and the copy of its value: its texts of at most 256 bytes
    /// each, and its places in queues and tables.
    package static let commandBytes = 1_536
    /// Commands of one session that may wait behind the one being handled.
    package static let waitingPerSession = 64
    /// Bytes of a record's key by which commands take turns.
    package static let flowBytes = 256
    /// Codes of one session that a ledger record holds at the most, whatever the setting says: it bounds the record.
    package static let codesPerSession = 64
    /// Bytes of a command's id that are kept: the contract allows no more.
    package static let commandIDBytes = 256
    /// Wrong codes of one phone that are remembered: the setting allows no more.
    package static let wrongCodesPerPhone = 1_000
    /// Bytes of the upstream's message that are kept.
    package static let messageBytes = 512
    /// The longest that a revocation is left unanswered because one thing after another finishes, or a transaction does not: nothing
    /// that the worker keeps is read meanwhile.
    package static let longestRevocation = Duration.seconds(3)
    /// The longest that outcomes gather between two transactions because the last ones took long.
    package static let longestGathering = Duration.milliseconds(250)
    /// How long skipped offsets wait for company before their move alone is committed.
    package static let idleCommit = Duration.seconds(1)
    /// A transaction that is aborted after it has lasted so long was too large for what the cluster takes: half of it is tried next.
    package static let longTransaction = Duration.seconds(1)
    /// Sessions forgotten in one turn of the loop, so that forgetting never holds up an answer.
    package static let forgottenPerTurn = 1_000
    /// From then on an open transaction stands in the way, and is told: longer than a busy cluster takes, and earlier than brokers
    /// notice that one of them is dead, or than the transaction ends for its time-out.
    package static func overdueTransaction(timeout: Duration) -> Duration { min(.seconds(7), timeout * 0.7) }
    /// Waits between tries at what the broker refused: the first, and the longest.
    package static let firstRetry = Duration.milliseconds(50)
    package static let longestRetry = Duration.seconds(5)
    /// Between tries to take back a place in the group that another process has taken; the first is a session time-out, and none is shorter.
    package static let longestDisplacement = Duration.seconds(60)
    /// So many different sessions must be told the same before it is believed of the upstream, if nobody was served for so long;
    /// else so many.
    ///
    /// As long as a command may wait by default while nothing is asked: a command that is wronged by it has been asked about.
    package static let witnesses = 2
    package static let witnessSilence = Duration.seconds(3)
    package static let manyWitnesses = 10
    /// That the rate limit holds commands back is reported this often at the most.
    package static let limitReports = Duration.seconds(10)
    /// An owned partition whose leader has records above our position, and of which none comes for this long, is not being read.
    package static let readingPatience = Duration.seconds(10)
    /// How often the leaders are asked where the partitions end.
    package static let endsInterval = Duration.seconds(2)
    /// How often reading is begun again at its position before a new consumer is made.
    package static let revivals = 2
    /// Tries at a batch that cannot be decoded before it is passed over, a record at a time.
    package static let decodingTries = 5
    /// An undecided transaction that holds up a restore for so long is decided in its owner's place.
    package static let predecessorPatience = Duration.seconds(1)
    /// Fetches of an offset older than the ledger, before an operator's word that the ledger may be lost is taken for the reason.
    package static let staleOffsets = 5
    /// A ledger partition of no more records is read whole when a commit is resolved: what a few batches may have written into one that
    /// was made again.
    package static let smallLedger: Int64 = 10_000
    /// A barrier that the ledger's floor has passed is renewed at most this often.
    package static let barrierInterval = Duration.seconds(2)
    /// How long dead letters are withheld once the broker has refused them for want of a right.
    package static let deniedPause = Duration.seconds(60)
    /// Bytes of one partition's records in one produce request: the most that is ever sent, and the least that is tried.
    ///
    /// A topic's `max.message.bytes` is a limit of that (librdkafka's `batch.size`), not of a record.
    package static let batchBytes = 65_536
    package static let leastBatchBytes = 1_024
    /// The share of call slots that intents of one partition may hold while others want them: one half.
    package static func intentSlots(of limit: Int) -> Int { max(limit / 2, 1) }
    /// Waits between tries at a partition whose outputs are refused for good as far as the broker says.
    package static let firstParking = Duration.seconds(5)
    package static let longestParking = Duration.seconds(60)
}
