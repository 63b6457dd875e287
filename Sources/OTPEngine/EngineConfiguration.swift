/// The engine's settings, judged before they get here.
package struct EngineConfiguration: Sendable {
    /// Topic of the commands: part of every result's `source`.
    package var topic: String
    /// Consumer group: part of every dead letter.
    package var group: String
    /// This worker's name, as results carry it.
    package var worker: String
    /// The cluster's id: offset metadata of another cluster counts as none.
    package var clusterID: String
    /// A command is answered within this time of its record, or of its reading if that is earlier.
    package var maximumAge: Duration
    /// From a command's first request for a call until no more retry is begun.
    package var totalTimeout: Duration
    /// One attempt, connecting included.
    package var attemptTimeout: Duration
    package var retry: RetrySchedule
    /// Calls (and intents about to become calls) at a time.
    package var maximumInFlight: Int
    /// The upstream's protection.
    package var protection: ProtectionSettings
    /// Commands in memory, finished or not, at which intake pauses, and at which it resumes.
    package var admission: Admission
    /// Different codes of one session that may be asked about.
    package var maximumCodes: Int
    /// Wrong codes of one phone within ``retention``, in one partition, after which none is asked about; 0: any number.
    package var maximumWrongCodes: Int
    /// How long a session is remembered after its last call or record.
    package var retention: Duration
    /// Transactions begin this far apart at the least, while commands are under way: see ``CommitPace``.
    package var commitInterval: Duration
    /// Records in a transaction.
    package var maximumBatch: Int
    package var sessionTimeout: Duration
    /// After which the broker aborts a transaction by itself.
    package var transactionTimeout: Duration
    /// Bytes of one partition's records in one produce request that every topic takes.
    package var batchBytes: Int
    /// How long a revoked partition may go on without finishing anything before it is released, unless a transaction holds its results;
    /// within ``Limits/longestRevocation``.
    package var revokeTimeout: Duration
    /// How long a stopping worker waits for the calls in flight.
    package var drainTimeout: Duration
    /// One try at restoring a partition.
    package var restoreTimeout: Duration
    /// Take over a partition whose ledger was recreated, without what the old one knew.
    package var acceptLedgerLoss: Bool
    /// Which key makes this worker's fingerprints.
    package var keyID: UInt32
    /// 64 random bits, drawn again by every process.
    package var processID: UInt64
    /// The slot's transactional id, by which its barriers are known.
    package var transactionalID: String

    package init(
        topic: String,
        group: String,
        worker: String,
        clusterID: String,
        keyID: UInt32,
        processID: UInt64,
        transactionalID: String,
        maximumAge: Duration = .seconds(120),
        totalTimeout: Duration = .seconds(15),
        attemptTimeout: Duration = .seconds(5),
        retry: RetrySchedule = RetrySchedule(
            maximumAttempts: 4,
            base: .milliseconds(200),
            cap: .seconds(2),
            ambiguousRetries: 1
        ),
        maximumInFlight: Int = 512,
        protection: ProtectionSettings = .init(),
        admission: Admission = Admission(high: 16_384, low: 8_192),
        maximumCodes: Int = 10,
        maximumWrongCodes: Int = 0,
        retention: Duration = .seconds(1_800),
        commitInterval: Duration = .milliseconds(20),
        maximumBatch: Int = 2_000,
        sessionTimeout: Duration = .seconds(6),
        transactionTimeout: Duration = .seconds(10),
        batchBytes: Int = Limits.batchBytes,
        revokeTimeout: Duration = .seconds(1),
        drainTimeout: Duration = .seconds(20),
        restoreTimeout: Duration = .seconds(60),
        acceptLedgerLoss: Bool = false
    ) {
        self.topic = topic
        self.group = group
        self.worker = worker
        self.clusterID = clusterID
        self.keyID = keyID
        self.processID = processID
        self.transactionalID = transactionalID
        self.maximumAge = maximumAge
        self.totalTimeout = totalTimeout
        self.attemptTimeout = attemptTimeout
        self.retry = retry
        self.maximumInFlight = maximumInFlight
        self.protection = protection
        self.admission = admission
        self.maximumCodes = maximumCodes
        self.maximumWrongCodes = maximumWrongCodes
        self.retention = retention
        self.commitInterval = commitInterval
        self.maximumBatch = maximumBatch
        self.sessionTimeout = sessionTimeout
        self.transactionTimeout = transactionTimeout
        self.batchBytes = batchBytes
        self.revokeTimeout = revokeTimeout
        self.drainTimeout = drainTimeout
        self.restoreTimeout = restoreTimeout
        self.acceptLedgerLoss = acceptLedgerLoss
    }

    /// How long the ledger's entries are kept.
    ///
    /// After a crash a command may be asked about again under the intent of its first owner, until its deadline; what came of
    /// that is remembered for ``retention`` as well.
    package var memory: Duration { retention + maximumAge }
}
