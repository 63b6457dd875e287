package import Logging

/// Every message that the worker logs, defined once: its text and its level.
///
/// The runbook's table of messages is held to this list. What varies from line to line is in a line's fields, never in its message.
///
/// A raw value is the text as written.
package enum LogMessage: String, CaseIterable, Sendable {
    // Starting and stopping.

    /// The worker begins to work.
    case started
    /// The admin server has its port.
    case adminServerListens = "admin server listens"
    /// Kubernetes made variables that look like settings.
    case serviceLinksIgnored = "variables that Kubernetes makes for Services are ignored"
    /// A setting, or the mode of a file, lets others see a secret.
    case configurationLeak = "configuration gives secrets away"
    /// A setting can be used and may be a mistake.
    case settingSuspicious = "a setting is seldom meant so"
    /// What the start found about the topics, and can work with.
    case topicFinding = "topics"
    /// A trial at the start found a right that will be needed.
    case rightMissing = "a right is missing"
    /// The first signal to stop came.
    case stopping = "Stopping"
    /// The second signal to stop came: nothing is committed any more.
    case stoppingAtOnce = "Stopping at once, on a second signal"
    /// No command is taken any more.
    case draining
    /// What was under way is finished, or the time for that is over.
    case drained
    /// The drain hangs: the worker leaves all the same.
    case drainTimedOut = "drain did not end in time"
    /// The worker has left.
    case stopped

    // The event loop and the intake.

    /// The engine has work and gets nowhere with it.
    case noProgress = "no progress although there is work"
    /// Commands in memory reached their bound.
    case intakePaused = "intake paused: too many commands in memory"
    /// Commands in memory are few again.
    case intakeResumed = "intake resumed"

    // The key.

    /// A reload was asked for and there is no file to read.
    case keyFromEnvironment = "the key came from the environment: only a restart reads it again"
    /// A reload was asked for and changed nothing.
    case keyUnchanged = "key file read again: the key is the same"
    /// A reload brought another key.
    case keyReplaced = "key file read again: another key is used from now on"
    /// The key that was read again has few characters.
    case shortKeyRead = "the key is short: is it whole? The ledger's fingerprints rest on it from the next start on"
    /// The file is not readable, empty, or no key.
    case keyFileUnusable = "key file is unusable, the key before stays"
    /// The key of the start has few characters, and the ledger has no secret of its own.
    case fingerprintsOnShortKey = "the ledger's fingerprints rest on a short key: set ledger.secret_file"

    // Single commands.

    /// A command's result is decided.
    case commandConcluded = "command concluded"
    /// One attempt at check_otp had no usable answer.
    case attemptFailed = "attempt failed"
    /// A command waits for its next attempt.
    case askingAgainLater = "asking again later"
    /// A command waited as long as it may and was not asked about.
    case answeredWithoutCall = "answered without a call"
    /// Codes of one session, or wrong ones of one phone, reached their limit.
    case tooManyCodes = "too many codes: it looks like guessing"
    /// A result went to the default topic, without what could not be published.
    case resultUndeliverable = "result undeliverable, reduced"
    /// A dead letter was refused and is lost.
    case deadLetterDropped = "dead letter dropped"

    // The upstream.

    /// The upstream is left alone for a while.
    case breakerOpened = "breaker opened: the upstream only fails"
    /// The upstream is probed.
    case breakerHalfOpened = "breaker half open: one command finds out"
    /// The probe was answered.
    case breakerClosed = "breaker closed: the upstream answers again"
    /// The upstream refuses the key or the account.
    case callsHalted = "calls halted"
    /// The upstream refuses them no longer.
    case callsResumed = "calls go on: the upstream takes the key again"
    /// The upstream sent `Retry-After`.
    case pauseAskedFor = "the upstream asks for a pause"
    /// There are more commands than the setting lets pass.
    case rateLimited = "commands wait for check_otp.rate_limit"
    /// The concurrency limit went down.
    case concurrencyCut = "fewer calls at a time: the upstream is overloaded"

    // Transactions.

    /// A transaction was given up; its outcomes go into the next.
    case transactionAborted = "transaction aborted"
    /// The answer to a commit was lost.
    case commitUnknown = "commit unknown"
    /// What became of such a commit is known.
    case commitResolved = "unknown commit resolved"
    /// A transaction was open for longer than its time-out.
    case transactionTimedOut = "the broker ended a transaction that took too long"
    /// Another process took the transactional id.
    case producerFenced = "producer fenced: another worker has this transactional id"
    /// A transactional producer could not be made.
    case noProducer = "no transactional producer"
    /// The second transactional id takes over.
    case producerSwitched = "transactional id locked, the slot's other id goes on"
    /// A topic did not take several outputs together, or its limit went down.
    case batchBytesCut = "outputs are sent in smaller batches from now on"
    /// A predecessor's open transaction is left to its time-out.
    case predecessorNotEnded = "predecessor's transaction not ended"
    /// The topic of dead letters refuses them.
    case deadLettersDenied = "no right to write dead letters, none is written for a minute"

    // The group and its partitions.

    /// The worker is not sure that its partitions are still its own.
    case leaseLost = "lease lost, calls withheld"
    /// A commit proved that they are.
    case leaseRegained = "lease valid again, calls go on"
    /// The consumer was given up; another follows.
    case consumerFailed = "consumer failed"
    /// The group gave partitions to this worker.
    case partitionsAssigned = "partitions assigned"
    /// The group asked for partitions back.
    case partitionsRevoked = "partitions revoked"
    /// The group gave partitions to others without asking.
    case partitionsLost = "partitions lost"
    /// Revoked partitions are given back.
    case partitionsReleased = "partitions released"
    /// The worker idles.
    case noPartitionLeft = "no partition is left for this worker: the group has more members than the topic partitions"
    /// A partition stops: an output refuses a record, or an offset cannot be read.
    case partitionParked = "partition parked"
    /// A stopped partition is given another try.
    case partitionRetried = "partition tried again"
    /// Records are there and none comes.
    case partitionUnread = "partition not read, begun again at its position"
    /// They come again.
    case partitionReadAgain = "partition read again"
    /// Offsets of which the client can make no record have no result.
    case recordsUndecodable = "records that cannot be decoded passed over"
    /// Retention was faster than the worker.
    case commandsDeletedUnread = "commands deleted before they were read"

    // The ledger.

    /// A partition's ledger is about to be read.
    case restoringPartition = "restoring partition"
    /// How far a long restore has come.
    case restoreUnderWay = "restore under way"
    /// A partition's sessions are known.
    case partitionRestored = "partition restored"
    /// A partition's ledger could not be read; it is tried again.
    case restoreFailed = "restore failed"
    /// A restore waited for a transaction that its owner cannot end any more.
    case predecessorFenced = "predecessor's open transaction holds up the restore, ended"
    /// The group's offset lies before what the ledger knows to be committed.
    case committedOffsetStale = "committed offset is older than the ledger, fetched again"
    /// The ledger ends before what was recorded of it: the partition is not served.
    case ledgerRefused = "ledger was recreated, partition refused"
    /// The same, and the partition is served, as a setting asks.
    case ledgerLossAccepted = "ledger was recreated, its loss accepted"

    // Topics, and those who write to them.

    /// Commands or results have more partitions than before.
    case partitionsAdded = "partitions were added: a session whose commands move to another one is not known there"
    /// A topic is gone, or commands have partitions without a ledger.
    case topicsMismatched = "topics do not fit each other"
    /// Neither is so any longer.
    case topicsFit = "topics fit each other again: what could not be restored is tried again"
    /// Two partitioners place the keys of the commands.
    case keysMixed = "producers place keys differently: commands of one session may reach different partitions"
    /// Results went to the default topic: the one asked for is not on the list.
    case replyTopicNotAllowed = "a reply topic is asked for that is not on results.allowed_reply_topics"
    /// Results went to the default topic: the one asked for cannot be used.
    case replyTopicUnavailable = "a reply topic or partition is asked for that does not exist or takes nothing"

    // The audit beside a fleet.

    /// `audit --follow` judges from now on.
    case auditBegins = "audit begins"
    /// The topics hold less than was to be judged.
    case auditNarrowed = "the audit judges less than it was asked to"
    /// What a fleet did does not agree with what it promises.
    case promiseBroken = "a promise is broken"
    /// A round failed: nothing is judged until one ends.
    case auditCannotRead = "the audit cannot read the topics, and judges nothing"
    /// A round ended again.
    case auditReadsAgain = "the audit reads the topics again, from where it was"
    /// More is held than fits.
    case auditForgets = "the audit forgets sessions before their time: raise --hold"

    // The client of Kafka.

    /// One of the worker's clients reports an error.
    case kafkaError = "kafka error"
    /// A line of librdkafka's own log.
    case kafkaClient = "kafka client"
    /// Brokers hold answers back.
    case quotaReached = "a quota of the cluster holds this worker back: commands wait"

    /// The level at which it is written; of `kafkaClient` the highest.
    package var level: Logger.Level {
        switch self {
        case .noProgress:
            .critical
        case .rightMissing, .drainTimedOut, .keyFileUnusable, .resultUndeliverable, .deadLetterDropped, .breakerOpened,
            .callsHalted, .commitUnknown, .transactionTimedOut, .producerFenced, .noProducer, .deadLettersDenied,
            .consumerFailed, .partitionParked, .partitionUnread, .recordsUndecodable, .commandsDeletedUnread,
            .restoreFailed, .committedOffsetStale, .ledgerRefused, .ledgerLossAccepted, .topicsMismatched,
            .promiseBroken, .auditCannotRead, .kafkaClient:
            .error
        case .configurationLeak, .settingSuspicious, .topicFinding, .stoppingAtOnce, .keyFromEnvironment,
            .shortKeyRead, .fingerprintsOnShortKey, .tooManyCodes, .pauseAskedFor, .transactionAborted,
            .producerSwitched, .batchBytesCut, .predecessorNotEnded, .leaseLost, .partitionsLost,
            .noPartitionLeft, .partitionsAdded, .keysMixed, .replyTopicNotAllowed, .replyTopicUnavailable,
            .kafkaError, .quotaReached, .auditNarrowed, .auditForgets:
            .warning
        case .started, .adminServerListens, .stopping, .draining, .drained, .stopped, .intakePaused, .intakeResumed,
            .keyUnchanged, .keyReplaced, .breakerHalfOpened, .breakerClosed, .callsResumed, .rateLimited,
            .concurrencyCut, .commitResolved, .leaseRegained, .partitionsAssigned, .partitionsRevoked,
            .partitionsReleased, .partitionRetried, .partitionReadAgain, .partitionRestored, .predecessorFenced,
            .topicsFit, .auditBegins, .auditReadsAgain:
            .notice
        case .attemptFailed, .restoringPartition, .restoreUnderWay:
            .info
        case .serviceLinksIgnored, .commandConcluded, .askingAgainLater, .answeredWithoutCall:
            .debug
        }
    }

    /// Every level at which it may be written: a line of librdkafka's log keeps librdkafka's.
    package var levels: [Logger.Level] {
        self == .kafkaClient ? [.error, .warning, .debug] : [level]
    }
}

extension Logger {
    /// Logs a message with its text; at its own level, where none of its levels is given.
    ///
    /// `fields` are what the line says besides, and are asked only if it is written.
    package func log(
        _ message: LogMessage,
        at level: Logger.Level? = nil,
        _ fields: @autoclosure () -> Logger.Metadata? = nil,
        file: String = #fileID,
        function: String = #function,
        line: UInt = #line
    ) {
        log(
            level: level ?? message.level,
            Logger.Message(stringLiteral: message.rawValue),
            metadata: fields(),
            file: file,
            function: function,
            line: line
        )
    }
}
