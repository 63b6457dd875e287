import OTPContract
import OTPEngine

/// What the audit has seen of one session, until it is judged.
struct SessionFacts {
    /// A command and its answer.
    struct Exchange {
        var offset: Int64
        /// The record's own time.
        var time: WallTime
        var question: Question
        var expiresAt: WallTime?
        var canBeRight = true
        var answer: Answer?
    }

    /// What a result says, without what names or secrets could be in it.
    struct Answer {
        var reason: Reason
        var retryable: Bool
        var inDoubt: Bool
        var replayed: Bool
        var code: Int?
        var httpStatus: Int?
        /// Stands for the upstream's message; nil when it has none, or had to go without.
        var message: Int?
        var isMessageKnown: Bool
        var calls: Int
        var receivedAt: WallTime
        var completedAt: WallTime
        /// Stands for the topic that the result lies in: the default one or a reply topic.
        var topic: Int
        var partition: Int32
        var position: Int64

        init(_ result: ResultFact) {
            let event = result.event
            reason = event.reason
            retryable = event.retryable
            inDoubt = event.inDoubt
            replayed = event.replayed
            code = event.code
            httpStatus = event.httpStatus
            message = event.message.map(\.hashValue)
            isMessageKnown = !result.undeliverable
            calls = event.calls
            receivedAt = event.receivedAt
            completedAt = event.completedAt
            topic = result.coordinates.topic.hashValue
            partition = result.coordinates.partition
            position = result.coordinates.offset
        }

        /// Both lie in one partition, and this one further on.
        func isBehind(_ other: Answer) -> Bool {
            topic == other.topic && partition == other.partition && position > other.position
        }

        var isVerified: Bool { reason.status == .verified }
        var isBusy: Bool { reason == .sessionBusy }

        /// The record's answer is the code's own: what the ledger remembers and later commands are answered with.
        var concludesCode: Bool {
            switch reason {
            case .ok, .alreadyVerified, .wrongCode, .unknownSession, .refusedByUpstream, .unexpectedAnswer,
                .upstreamHalted, .outcomeUnknown:
                true
            case .sessionUsed: calls > 0
            case .tooManyCodes, .deadlinePassed, .invalid, .upstreamUnavailable, .sessionBusy, .other: false
            }
        }

        /// Reproduces what `other` says.
        func repeats(_ other: Answer) -> Bool {
            reason == other.reason && retryable == other.retryable && code == other.code
                && httpStatus == other.httpStatus
                && (message == other.message || !isMessageKnown || !other.isMessageKnown)
        }

        /// Says what the ledger holds.
        func agrees(with outcome: Outcome) -> Bool {
            reason == outcome.reason && retryable == outcome.retryable && code == outcome.code
                && httpStatus == outcome.httpStatus
                && (message == outcome.message.map(\.hashValue) || !isMessageKnown)
                && (inDoubt || isVerified || !outcome.inDoubt)
        }
    }

    /// One command partition's share of it; a session that keeps the key rule has one.
    struct Lane {
        var exchanges: [Exchange] = []
        var ledger = LedgerWord()

        /// Where the command at `offset` is; they are added in ascending order, and asked for soon after.
        func index(of offset: Int64) -> Int? {
            exchanges.lastIndex { $0.offset <= offset }.flatMap { exchanges[$0].offset == offset ? $0 : nil }
        }
    }

    /// What the ledger says about the session, the last state first of all.
    struct LedgerWord {
        struct CodeOutcome {
            var source: Int64
            var outcome: Outcome
        }

        var state: [CodeOutcome]?
        var isClosed = false
        var stateTime = WallTime(milliseconds: 0)
        var stateOffset: Int64 = -1
        /// Source offsets that some state showed as those of an outcome.
        var everConcluded: Set<Int64> = []
        var keyIDs: Set<UInt32> = []
        var hasUnreadable = false
        /// Some of it was written under another key or by another version: not everything that is concluded need be seen here.
        var isInPart: Bool { keyIDs.count > 1 || hasUnreadable }
        var isEmpty: Bool { stateOffset < 0 && keyIDs.isEmpty && !hasUnreadable }
    }

    let id: SessionID
    var lanes: [Int32: Lane] = [:]
    var calls: [CallFact] = []
    var firstTime: WallTime
    var lastTime: WallTime
    /// Its beginning was judged and dropped.
    var isTruncated = false
    /// Beside a fleet that goes on: what has been found about it already.
    var told: Set<Told> = []
    /// Beside a fleet that goes on: when something was last heard of it, and whether it is to be judged soon.
    var newsAt = WallTime(milliseconds: 0)
    var isFresh = false

    /// A finding is told once; in what words it is told depends on when.
    struct Told: Hashable {
        var check: AuditCheck
        var coordinates: Coordinates?

        init(_ finding: Finding) {
            check = finding.check
            coordinates = finding.coordinates
        }
    }

    init(_ id: SessionID, at time: WallTime) {
        self.id = id
        firstTime = time
        lastTime = time
    }

    var size: Int { lanes.values.reduce(calls.count) { $0 + $1.exchanges.count } }

    var hasOpenCommand: Bool {
        lanes.values.contains { $0.exchanges.contains { $0.answer == nil } }
    }

    /// Calls that no command of it explains.
    var unexplainedCalls: [CallFact] {
        let asked = Set(lanes.values.flatMap { $0.exchanges.filter(\.canBeRight).map(\.question) })
        return calls.filter { $0.question.map { !asked.contains($0) } ?? true }
    }

    mutating func touch(_ time: WallTime) {
        firstTime = min(firstTime, time)
        lastTime = max(lastTime, time)
    }

    mutating func note(_ fact: LedgerFact) {
        var word = lanes[fact.partition, default: Lane()].ledger
        switch fact.record.content {
        case .intent(let fingerprint, _, _), .void(let fingerprint): word.keyIDs.insert(fingerprint.keyID)
        case .notes: break
        case .unreadable: word.hasUnreadable = true
        case .state(let codes, let isClosed):
            let outcomes = codes.compactMap { code in
                code.outcome.map { LedgerWord.CodeOutcome(source: code.source, outcome: $0) }
            }
            for code in codes { word.keyIDs.insert(code.fingerprint.keyID) }
            word.everConcluded.formUnion(outcomes.map(\.source))
            guard fact.offset > word.stateOffset else { break }
            word.state = outcomes
            word.isClosed = isClosed
            word.stateTime = fact.time
            word.stateOffset = fact.offset
        }
        lanes[fact.partition, default: Lane()].ledger = word
    }
}
