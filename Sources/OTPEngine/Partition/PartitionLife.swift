/// Where a partition stands between its assignment and its release: one state at a time, and nothing leads back from a restored one.
enum PartitionLife {
    /// The committed offset is being asked for.
    case positioning(Takeover)
    /// The takeover's record is being written to the ledger.
    case writingBarrier(Takeover, Start)
    /// The ledger is being read up to that record.
    case reading(Takeover, Start)
    /// The last try failed.
    case retrying(Takeover, at: Instant)
    case active
    /// To be given back; what finishes until then is committed.
    case revoking

    /// What is remembered of one takeover from try to try.
    struct Takeover {
        let began: Instant
        fileprivate var backOff = BackOff()
        /// Tries that found the committed offset older than the ledger.
        fileprivate(set) var staleOffsets = 0
        /// Processes whose transactions were decided in their place: each once.
        fileprivate var fenced: Set<UInt64> = []

        init(at now: Instant) { began = now }
    }

    /// Where the partition stood when one try began.
    struct Start {
        var positions: Positions
        /// What came with the committed offset; nil where nothing fits it.
        var metadata: OffsetMetadata?

        /// A partition without a committed offset begins with its earliest record.
        var committed: Int64 { positions.committed ?? positions.earliest }

        /// An offset that a tool moved, or that was mirrored from another cluster, has no metadata that fits it.
        init(_ positions: Positions, clusterID: String) {
            self.positions = positions
            metadata = positions.metadata.flatMap { OffsetMetadata($0) }.flatMap {
                $0.committedOffset == positions.committed && $0.clusterID == clusterID ? $0 : nil
            }
        }
    }

    var isActive: Bool {
        switch self {
        case .active: true
        case .positioning, .writingBarrier, .reading, .retrying, .revoking: false
        }
    }

    var isRevoking: Bool {
        switch self {
        case .revoking: true
        case .positioning, .writingBarrier, .reading, .retrying, .active: false
        }
    }

    var isRestored: Bool { isActive || isRevoking }

    /// When a takeover that failed is tried again.
    var nextTry: Instant? {
        switch self {
        case .retrying(_, let at): at
        case .positioning, .writingBarrier, .reading, .active, .revoking: nil
        }
    }

    // MARK: Taken over

    /// - Returns: whether it was waited for.
    mutating func positionsFetched(_ start: Start) -> Bool {
        switch self {
        case .positioning(let takeover):
            self = .writingBarrier(takeover, start)
            return true
        case .writingBarrier, .reading, .retrying, .active, .revoking: return false
        }
    }

    /// Where the takeover stands whose barrier is written; nil when none waits for that.
    var awaitingBarrier: Start? {
        switch self {
        case .writingBarrier(_, let start): start
        case .positioning, .reading, .retrying, .active, .revoking: nil
        }
    }

    mutating func readingBegan() {
        switch self {
        case .writingBarrier(let takeover, let start): self = .reading(takeover, start)
        case .positioning, .reading, .retrying, .active, .revoking: preconditionFailure("readingBegan in \(self)")
        }
    }

    /// Where the takeover stands whose ledger is read; nil when none is.
    var underRead: (takeover: Takeover, start: Start)? {
        switch self {
        case .reading(let takeover, let start): (takeover, start)
        case .positioning, .writingBarrier, .retrying, .active, .revoking: nil
        }
    }

    /// A transaction of this process holds the reading up.
    /// - Returns: whether it is to be decided in its place: once per takeover.
    mutating func heldUp(by process: UInt64) -> Bool {
        guard case .reading(var takeover, let start) = self, takeover.fenced.insert(process).inserted else {
            return false
        }
        self = .reading(takeover, start)
        return true
    }

    /// What was read proves the committed offset stale.
    /// - Returns: how often it has.
    mutating func foundStale() -> Int {
        guard case .reading(var takeover, let start) = self else { return 0 }
        takeover.staleOffsets += 1
        self = .reading(takeover, start)
        return takeover.staleOffsets
    }

    mutating func restored() {
        switch self {
        case .reading: self = .active
        case .positioning, .writingBarrier, .retrying, .active, .revoking: preconditionFailure("restored in \(self)")
        }
    }

    /// - Returns: whether a takeover was under way; it is tried again.
    mutating func takeoverFailed(at now: Instant) -> Bool {
        switch self {
        case .positioning(var takeover), .writingBarrier(var takeover, _), .reading(var takeover, _),
            .retrying(var takeover, _):
            let wait = takeover.backOff.failed()
            self = .retrying(takeover, at: now + wait)
            return true
        case .active, .revoking: return false
        }
    }

    /// The wait after a failure is over.
    mutating func triedAgain() {
        switch self {
        case .retrying(let takeover, _): self = .positioning(takeover)
        case .positioning, .writingBarrier, .reading, .active, .revoking: preconditionFailure("triedAgain in \(self)")
        }
    }

    // MARK: Given back

    /// - Returns: whether there is anything to finish first: one that is being restored has nothing, and must not begin.
    mutating func revoked() -> Bool {
        switch self {
        case .active, .revoking:
            self = .revoking
            return true
        case .positioning, .writingBarrier, .reading, .retrying: return false
        }
    }
}
