/// Every metric the worker exposes, defined once: its name, kind, labels and meaning.
///
/// The article *Metrics* is held to this list, line by line. It holds no values and knows nothing of where they come from.
///
/// A raw value is the name without the worker's prefix. Names follow the Prometheus conventions: base units (seconds, bytes),
/// `_total` on counters, and nothing but bounded label values.
package enum Metric: String, CaseIterable, Sendable {
    case commands = "commands_total"
    case replays = "replays_total"
    case verifiedReplays = "verified_replays_total"
    case guesses = "guesses_total"
    case inDoubt = "in_doubt_total"
    case commandSeconds = "command_seconds"
    case commandsInMemory = "commands_in_memory"
    case waitingCommands = "waiting_commands"
    case waitingSessions = "waiting_sessions"
    case oldestUnfinishedAge = "oldest_unfinished_age_seconds"
    case ignoredRecords = "ignored_records_total"
    case commandKeys = "command_keys_total"
    case deadLetters = "dead_letters_total"
    case undeliverableResults = "undeliverable_results_total"
    case replies = "replies_total"

    case upstreamCalls = "upstream_calls_total"
    case upstreamAttemptSeconds = "upstream_attempt_seconds"
    case callsInFlight = "calls_in_flight"
    case httpConnections = "http_connections"
    case upstreamState = "upstream_state"
    case breakerOpenings = "breaker_openings_total"
    case upstreamHalts = "upstream_halts_total"
    case concurrencyLimit = "concurrency_limit"
    case retriesDenied = "retries_denied_total"
    case queueTimeouts = "queue_timeouts_total"
    case rateShare = "rate_share"

    case partitionCommittedOffset = "partition_committed_offset"
    case partitionLag = "partition_lag"
    case assignedPartitions = "assigned_partitions"
    case parkedPartitions = "parked_partitions"
    case unreadPartitions = "unread_partitions"
    case readingStalls = "reading_stalls_total"
    case undecodableOffsets = "undecodable_offsets_total"
    case topicPartitions = "topic_partitions"
    case rebalances = "rebalances_total"
    case leaseValid = "lease_valid"
    case leaseLosses = "lease_losses_total"
    case kafkaErrors = "kafka_errors_total"
    case kafkaConnectedBrokers = "kafka_connected_brokers"
    case kafkaRoundTrip = "kafka_round_trip_seconds"
    case kafkaThrottle = "kafka_throttle_seconds"
    case kafkaWaitingRequests = "kafka_waiting_requests"
    case kafkaRequestTimeouts = "kafka_request_timeouts_total"
    case kafkaQueuedRecords = "kafka_queued_records"

    case transactions = "transactions_total"
    case transactionSeconds = "transaction_seconds"
    case transactionRecords = "transaction_records"
    case transactionAborts = "transaction_aborts_total"

    case ledgerSessions = "ledger_sessions"
    case sessionsInDoubt = "ledger_sessions_in_doubt"
    case ledgerRestoreRecords = "ledger_restore_records_total"
    case ledgerRestores = "ledger_restores_total"
    case ledgerRestoreRemaining = "ledger_restore_remaining_records"
    case ledgerRestoreTimeLeft = "ledger_restore_time_left_seconds"
    case restoreSeconds = "restore_seconds"
    case stalePositions = "stale_positions_total"
    case predecessorsFenced = "predecessors_fenced_total"

    case auditOffences = "audit_offences_total"
    case auditResults = "audit_results_total"
    case auditJudgedAt = "audit_judged_at_timestamp_seconds"
    case auditFailedRounds = "audit_failed_rounds_total"
    case auditHeld = "audit_held"
    case auditForgotten = "audit_forgotten_sessions_total"

    case loopLag = "loop_lag_seconds"
    case logLines = "log_lines_total"
    case buildInfo = "build_info"

    case processResidentMemory = "process_resident_memory_bytes"
    case processCPU = "process_cpu_seconds_total"
    case processOpenFiles = "process_open_fds"
    case processMaxFiles = "process_max_fds"
    case processStartTime = "process_start_time_seconds"

    /// How a metric's values behave.
    package enum Kind: Sendable, Equatable {
        /// Only grows; starts at 0 with the process.
        case counter
        /// A value of the moment.
        case gauge
        /// Observations counted by size; `buckets` are inclusive upper bounds, ascending, in the metric's unit.
        case histogram(buckets: [Double])
    }

    /// Whose pages there are.
    package enum Program: Sendable {
        case worker
        /// `audit --follow`.
        case audit
    }

    /// The metrics of a program's page.
    package static func all(of program: Program) -> [Metric] {
        allCases.filter { metric in
            switch metric {
            case .auditOffences, .auditResults, .auditJudgedAt, .auditFailedRounds, .auditHeld, .auditForgotten:
                program == .audit
            case .logLines, .buildInfo: true
            default: metric.isOfProcess || program == .worker
            }
        }
    }

    /// The name as exposed.
    ///
    /// The `process_` metrics keep the names that every client library gives them.
    package var name: String {
        isOfProcess ? rawValue : "otp_worker_" + rawValue
    }

    /// True for the metrics that are read from the operating system when they are asked for.
    package var isOfProcess: Bool {
        rawValue.hasPrefix("process_")
    }

    /// The kind, with the buckets of a histogram.
    package var kind: Kind {
        switch self {
        case .commands, .replays, .verifiedReplays, .guesses, .inDoubt, .ignoredRecords, .commandKeys, .deadLetters,
            .undeliverableResults,
            .replies,
            .upstreamCalls,
            .breakerOpenings, .upstreamHalts, .retriesDenied, .queueTimeouts,
            .rebalances,
            .leaseLosses, .kafkaErrors, .kafkaRequestTimeouts, .transactions, .transactionAborts, .ledgerRestoreRecords,
            .ledgerRestores, .readingStalls, .undecodableOffsets, .stalePositions, .predecessorsFenced,
            .auditOffences, .auditResults, .auditFailedRounds, .auditForgotten,
            .logLines,
            .processCPU:
            .counter
        case .commandsInMemory, .waitingCommands, .waitingSessions, .kafkaConnectedBrokers, .kafkaRoundTrip,
            .kafkaThrottle, .kafkaWaitingRequests, .kafkaQueuedRecords, .sessionsInDoubt,
            .oldestUnfinishedAge, .callsInFlight, .httpConnections,
            .upstreamState, .concurrencyLimit, .rateShare, .partitionCommittedOffset,
            .partitionLag, .assignedPartitions, .parkedPartitions, .unreadPartitions, .topicPartitions, .leaseValid,
            .ledgerSessions,
            .ledgerRestoreRemaining,
            .ledgerRestoreTimeLeft, .auditJudgedAt, .auditHeld, .buildInfo,
            .processResidentMemory,
            .processOpenFiles, .processMaxFiles, .processStartTime:
            .gauge
        case .commandSeconds:
            .histogram(buckets: [0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120])
        case .upstreamAttemptSeconds:
            .histogram(buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15])
        case .transactionSeconds:
            .histogram(buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
        case .transactionRecords:
            .histogram(buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500])
        case .restoreSeconds:
            .histogram(buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
        case .loopLag:
            .histogram(buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5])
        }
    }

    /// What one of its values counts or measures.
    package var unit: String {
        switch self {
        case .upstreamState, .leaseValid, .buildInfo: "0 or 1"
        case .partitionCommittedOffset: "offset"
        case .rateShare: "calls/s"
        default:
            if rawValue.contains("seconds") {
                "seconds"
            } else if rawValue.contains("bytes") {
                "bytes"
            } else {
                "number"
            }
        }
    }

    /// Names of the labels, in the order in which their values are given.
    package var labels: [String] {
        switch self {
        case .commands: ["status", "reason"]
        case .commandKeys: ["partitioner"]
        case .auditOffences: ["check"]
        case .guesses: ["limit"]
        case .upstreamCalls: ["class"]
        case .partitionCommittedOffset, .partitionLag: ["partition"]
        case .transactions, .ledgerRestores, .deadLetters, .replies: ["outcome"]
        case .transactionAborts, .leaseLosses: ["cause"]
        case .kafkaErrors: ["code"]
        case .kafkaConnectedBrokers, .kafkaRoundTrip, .kafkaThrottle, .kafkaWaitingRequests, .kafkaRequestTimeouts,
            .kafkaQueuedRecords:
            ["client"]
        case .topicPartitions: ["topic"]
        case .upstreamState: ["state"]
        case .logLines: ["level"]
        case .buildInfo: ["version", "librdkafka"]
        default: []
        }
    }

    /// The most label combinations kept; what comes after them is counted under the value `other`.
    package var seriesLimit: Int {
        switch self {
        case .partitionCommittedOffset, .partitionLag: 1024
        case .commands, .kafkaErrors: 128
        default: labels.isEmpty ? 1 : 32
        }
    }
}

extension Metric {
    /// What the value says, in one sentence for an operator; the HELP text.
    package var meaning: String {
        switch self {
        case .commands: "Commands finished, their result committed, by the result's status and reason."
        case .replays: "Results given again from the ledger, without asking the upstream."
        case .verifiedReplays:
            "Those of them that say verified: a session was asked for by several commands, and must be acted on once."
        case .guesses:
            "Commands answered too_many_codes: other codes of their session, or wrong ones of their phone, reached the limit."
        case .inDoubt: "Results that carry in_doubt: an earlier answer was lost."
        case .commandSeconds: "Time from receiving a command to the commit of its result."
        case .commandsInMemory: "Commands received and not yet finished."
        case .waitingCommands: "Commands that wait for a predecessor, a call slot or a rate token."
        case .waitingSessions:
            "Sessions in which commands wait for one before them: one of a session at a time is handled."
        case .oldestUnfinishedAge: "Age of the oldest unfinished command; 0 when there is none."
        case .ignoredRecords: "Records received again and ignored, already finished or below the committed offset."
        case .commandKeys:
            "Commands by the partitioner that placed their key: murmur2 (Java), crc32 (librdkafka) or neither; two kinds are a fault."
        case .deadLetters: "Dead letters, by outcome: committed or dropped."
        case .undeliverableResults:
            "Results that could not be published as asked and went to the default topic, reduced."
        case .replies:
            "Results asked for on a reply topic or partition, by outcome: routed, not_allowed or unavailable (default topic)."
        case .upstreamCalls: "Attempts at check_otp, by the class of their answer."
        case .upstreamAttemptSeconds: "Time of one attempt at check_otp, connecting included."
        case .callsInFlight: "Attempts at check_otp under way."
        case .httpConnections: "Open connections to the upstream."
        case .upstreamState: "1 for the state the upstream is in: serving, halted, breaker_open, probing or held."
        case .breakerOpenings: "Times the upstream was left alone because it only failed."
        case .upstreamHalts: "Times the upstream refused the account or the key, and calls stopped."
        case .concurrencyLimit: "Calls at a time that the upstream is found to take."
        case .retriesDenied: "Commands answered instead of asked about again: there were too many retries already."
        case .queueTimeouts: "Commands answered without a call because the upstream was left alone for too long."
        case .rateShare: "Calls per second that this worker may make; 0 when there is no limit."
        case .partitionCommittedOffset: "Offset below which every command of the partition is finished and committed."
        case .partitionLag: "Records of the partition from the committed offset to its end."
        case .assignedPartitions: "Partitions that this worker owns."
        case .parkedPartitions: "Owned partitions that are stopped and need an operator."
        case .unreadPartitions: "Owned partitions that have records of which none comes."
        case .readingStalls: "Times that reading was begun again because nothing came."
        case .undecodableOffsets: "Offsets passed over because what lies there cannot be decoded."
        case .stalePositions: "Restores begun again because the committed offset was older than the ledger."
        case .predecessorsFenced: "Transactional ids of predecessors whose open transaction was ended in their place."
        case .topicPartitions: "Partitions of the topic of commands, and of results, as last seen."
        case .rebalances: "Changes of this worker's assignment."
        case .leaseValid: "1 when the worker is sure that it owns its partitions, 0 when it must not call the upstream."
        case .leaseLosses: "Times the worker lost the lease on its partitions, by cause."
        case .kafkaErrors: "Errors that the Kafka client reported, by error code."
        case .kafkaConnectedBrokers: "Brokers to which the consumer, the transactions or the intents have a connection."
        case .kafkaRoundTrip:
            "Time that one request in a hundred took at the slowest broker of late; a consumer's include waiting for records."
        case .kafkaThrottle: "Mean time of late that a broker held answers back because of a quota."
        case .kafkaWaitingRequests: "Requests to brokers that are ready and not sent yet."
        case .kafkaRequestTimeouts: "Requests that a broker did not answer in time."
        case .kafkaQueuedRecords:
            "Records fetched and not handed out yet (consumer), or not acknowledged yet (producers)."
        case .transactions: "Transactions ended, by outcome: committed, aborted or unknown."
        case .transactionSeconds: "Time of one transaction, from begin to the end of its commit."
        case .transactionRecords: "Commands finished by one transaction."
        case .transactionAborts: "Transactions aborted, by cause."
        case .ledgerSessions: "Sessions held in memory."
        case .sessionsInDoubt: "Sessions held in memory of which some answer was lost, by a call or by a crash."
        case .ledgerRestoreRecords: "Ledger records read while restoring partitions."
        case .ledgerRestores: "Restores of a partition's ledger ended, by outcome."
        case .ledgerRestoreRemaining: "Ledger records still to be read by the restore under way; 0 when there is none."
        case .ledgerRestoreTimeLeft:
            "Time that the restore under way still takes at its present rate; 0 when there is none."
        case .restoreSeconds: "Time of one restore, from assignment to resume."
        case .auditOffences: "Broken promises that `audit --follow` has found since it began, by check."
        case .auditResults: "Results that it has seen."
        case .auditJudgedAt:
            "When it last judged all that there was, since unix epoch in seconds; 0 before the first time."
        case .auditFailedRounds: "Times that it could not read the topics, and judged nothing."
        case .auditHeld: "Sessions and commands that it holds."
        case .auditForgotten: "Sessions that it judged and forgot before their time, because more did not fit."
        case .loopLag: "How late the event loop ran what was due."
        case .logLines: "Log lines written, by level."
        case .buildInfo: "Always 1; the labels say which version runs."
        case .processResidentMemory: "Resident memory size in bytes."
        case .processCPU: "Total user and system CPU time spent in seconds."
        case .processOpenFiles: "Number of open file descriptors."
        case .processMaxFiles: "Maximum number of open file descriptors."
        case .processStartTime: "Start time of the process since unix epoch in seconds."
        }
    }
}
