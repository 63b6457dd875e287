package import OTPContract
package import OTPEngine

/// What an audit knows beforehand: the fleet's settings, and which part of the history it sees.
package struct AuditRules: Sendable {
    /// Results that answer another topic's records are none of this audit's.
    package var commandTopic: String
    /// The fleet's `commands.max_age`.
    package var maximumAge = Duration.seconds(120)
    /// The fleet's `ledger.retention`.
    package var retention = Duration.seconds(1_800)
    /// The fleet's `kafka.session_timeout`: a worker that was paused for less goes on where it was.
    package var sessionTimeout = Duration.seconds(6)
    /// The fleet's `ledger.max_codes_per_session`.
    package var maximumCodes = 10
    /// Wrong codes of a phone are limited as well, and other sessions of it are not seen here.
    package var limitsPhones = false
    /// When the results' end was taken: what is open then is judged by its deadline.
    package var now: WallTime
    /// Findings before this, or from `until` on, are not reported.
    package var since: WallTime?
    package var until: WallTime?
    /// The history is seen from here on; nil is from its beginning.
    package var historyFrom: WallTime?
    /// The ledger is seen from here on; nil is from its beginning.
    package var ledgerFrom: WallTime?
    /// Calls are told too, so that checks that need them are made.
    package var hasJournal = false
    /// Only some of the partitions are audited, so that the journal knows of sessions that are not seen.
    package var isPartial = false
    /// The journal begins here; nil is with the first call of all.
    package var journalFrom: WallTime?

    /// A fleet with the default settings, and a history that is seen whole.
    package init(commandTopic: String, now: WallTime) {
        self.commandTopic = commandTopic
        self.now = now
    }

    /// For how long a session is surely remembered: an entry may be forgotten once the retention has passed, and clocks differ.
    var surelyRemembered: Int64 { max(0, retention.milliseconds - max(retention.milliseconds / 10, 5_000)) }
    /// A session without anything new for so long is judged and dropped.
    var idle: Int64 { retention.milliseconds + 60_000 }

    func isReported(_ time: WallTime) -> Bool {
        if let since, time < since { return false }
        if let until, time >= until { return false }
        return true
    }
}

/// Phone and code as one question, known by a digest: equal for equal ones.
package typealias Question = UInt64

/// A record of the command topic.
package struct CommandFact: Equatable, Sendable {
    /// What the decoder makes of it.
    package enum Content: Equatable, Sendable {
        /// It asks this question; `expiresAt` is its own end, if it has one.
        case usable(SessionID, Question, expiresAt: WallTime?)
        /// Why it asks nothing, and its session, if that could be told.
        case unusable(InvalidReason, SessionID?)
    }

    package var partition: Int32
    package var offset: Int64
    /// The record's own time; not above 0 where the broker keeps none.
    package var time: WallTime
    /// What its result must name it by.
    package var commandID: String
    /// The phone with its middle masked; nil where it has no usable one.
    package var maskedPhone: String?
    package var content: Content
    /// Whether what was typed is a code at all: else it is rejected without a call, and nothing is remembered.
    package var canBeRight: Bool

    /// A record of the command topic, decoded.
    package init(
        partition: Int32,
        offset: Int64,
        time: WallTime,
        commandID: String,
        maskedPhone: String? = nil,
        content: Content,
        canBeRight: Bool = true
    ) {
        self.partition = partition
        self.offset = offset
        self.time = time
        self.commandID = commandID
        self.maskedPhone = maskedPhone
        self.content = content
        self.canBeRight = canBeRight
    }

    var session: SessionID? {
        switch content {
        case .usable(let session, _, _): session
        case .unusable(_, let session): session
        }
    }
}

/// A record of the result topic.
package struct ResultFact: Sendable {
    package var event: ResultEvent
    /// Where the result itself lies.
    package var coordinates: Coordinates
    /// The record's own time.
    package var time: WallTime
    /// It lies in the default topic because it could not go where its command asked.
    package var undeliverable: Bool

    /// A result, and where it was read.
    package init(_ event: ResultEvent, at coordinates: Coordinates, time: WallTime, undeliverable: Bool = false) {
        self.event = event
        self.coordinates = coordinates
        self.time = time
        self.undeliverable = undeliverable
    }
}

/// A dead letter, by what its headers say.
package struct DeadLetterFact: Equatable, Sendable {
    /// The command that it is about.
    package var source: Coordinates
    /// The reason's raw value, as the result has it.
    package var reason: String
    /// The record's own time.
    package var time: WallTime

    /// What a dead letter says of a command.
    package init(source: Coordinates, reason: String, time: WallTime) {
        self.source = source
        self.reason = reason
        self.time = time
    }
}

/// A record of the ledger topic.
package struct LedgerFact: Equatable, Sendable {
    package var partition: Int32
    package var offset: Int64
    package var time: WallTime
    package var record: LedgerRecord

    /// A record of the ledger, and where it was read; its partition is that of the commands.
    package init(partition: Int32, offset: Int64, time: WallTime, record: LedgerRecord) {
        self.partition = partition
        self.offset = offset
        self.time = time
        self.record = record
    }
}

/// A call as the upstream's journal has it.
package struct CallFact: Equatable, Sendable {
    /// Its number in the journal.
    package var sequence: Int
    /// When it arrived, by the upstream's clock.
    package var time: WallTime
    /// Nil where its body could not be read.
    package var session: SessionID?
    /// Nil where its body could not be read.
    package var question: Question?
    /// Phone and code were those of the session, whatever was answered.
    package var right: Bool
    /// The session saw the call: it may have been verified, or have lost a try.
    package var processed: Bool
    /// The HTTP status that was made, delivered or not; nil where none was.
    package var status: Int?
    /// The return code that was made, delivered or not; nil where none was.
    package var code: Int?
    /// Another call of the session had no answer yet when it arrived.
    package var overlapping: Bool

    /// A call, and what the upstream did with it.
    package init(
        sequence: Int,
        time: WallTime,
        session: SessionID?,
        question: Question?,
        right: Bool = false,
        processed: Bool = true,
        status: Int? = nil,
        code: Int? = nil,
        overlapping: Bool = false
    ) {
        self.sequence = sequence
        self.time = time
        self.session = session
        self.question = question
        self.right = right
        self.processed = processed
        self.status = status
        self.code = code
        self.overlapping = overlapping
    }

    /// Nothing was asked as far as the code is concerned: asking again is no second question.
    var isSafeToRepeat: Bool {
        if let status, [401, 403, 408, 421, 425, 429, 503].contains(status) { return true }
        if let code, [2, 3, 4, 7].contains(code) { return true }
        return false
    }
}
