import CRdKafka

/// A failure that librdkafka or a broker reported, as a value: what was tried, the code, and what the code asks of the
/// caller.
///
/// It never carries a record's key, value or header, nor the value of a property.
package struct KafkaError: Error, Equatable, Sendable {
    /// What was tried, such as `commit`.
    package var operation: String
    /// The protocol's code, or a negative one of librdkafka's own.
    package var code: Code
    /// librdkafka's description of the failure.
    package var reason: String
    /// The client is of no more use and must be replaced.
    package var isFatal: Bool
    /// The same call, with the same arguments, may succeed.
    package var isRetriable: Bool
    /// The transaction can only be aborted.
    package var requiresAbort: Bool

    package init(
        _ operation: String,
        _ code: Code,
        reason: String? = nil,
        isFatal: Bool = false,
        isRetriable: Bool = false,
        requiresAbort: Bool = false
    ) {
        self.operation = operation
        self.code = code
        self.reason = reason ?? code.text
        self.isFatal = isFatal || code == .fatal
        self.isRetriable = isRetriable
        self.requiresAbort = requiresAbort
    }

    /// The code's name as librdkafka prints it, such as `_TRANSPORT`.
    package var name: String { code.name }

    /// Another member has taken this client's place: a transaction's offsets or its producer were refused.
    package var isFencing: Bool { Self.fencing.contains(code) }

    /// The topic or partition is not there, or not for this client: waiting does not help.
    package var isDestinationUnusable: Bool { Self.unusableDestination.contains(code) }

    /// The cluster refuses this client the right to do it: waiting does not help.
    package var isDenied: Bool { Self.denied.contains(code) }

    /// What is in the topic cannot be unpacked, no matter who reads it: waiting does not help.
    package var isUndecodable: Bool { Self.undecodable.contains(code) }

    /// A record, or a batch of them, is larger than its topic takes.
    package var isTooLarge: Bool { code == .messageTooLarge || code == .recordListTooLarge }

    /// A transaction of the same transactional id is decided and not at its end yet: a partition's leader is away.
    package var isLocked: Bool { code == .concurrentTransactions }

    /// The record was dropped because its transaction was aborted: it is not at fault.
    package var isPurged: Bool { code == .purgedInFlight || code == .purgedInQueue }

    /// A leader, coordinator or connection is missing for now.
    package var isTransient: Bool { isRetriable || Self.transient.contains(code) }

    private static let fencing: Set<Code> = [
        .illegalGeneration, .unknownMemberID, .fencedInstanceID, .producerFenced, .invalidProducerEpoch, .fenced,
    ]
    private static let undecodable: Set<Code> = [.badCompression, .badMessage, .corruptMessage]
    private static let denied: Set<Code> = [
        .topicAuthorizationFailed, .groupAuthorizationFailed, .transactionalIDAuthorizationFailed,
        .clusterAuthorizationFailed,
    ]
    private static let unusableDestination: Set<Code> = [
        .unknownTopicOrPartition, .unknownTopic, .unknownPartition, .topicAuthorizationFailed, .invalidTopic,
    ]
    private static let transient: Set<Code> = [
        .transport, .allBrokersDown, .timedOut, .timedOutQueue, .requestTimedOut, .waitingForCoordinator,
        .waitingForCache, .leaderNotAvailable, .notLeader, .coordinatorLoading, .coordinatorNotAvailable,
        .notCoordinator, .networkException, .brokerNotAvailable, .replicaNotAvailable,
    ]
}

extension KafkaError: CustomStringConvertible {
    package var description: String { "\(operation): \(name): \(reason)" }
}

extension KafkaError {
    /// Reads and destroys a C error; nil means success.
    init?(_ operation: String, consuming error: OpaquePointer?) {
        guard let error = unsafe error else { return nil }
        defer { unsafe rd_kafka_error_destroy(error) }
        self.init(
            operation,
            Code(rawValue: unsafe rd_kafka_error_code(error).rawValue),
            reason: unsafe String(cString: rd_kafka_error_string(error)),
            isFatal: unsafe rd_kafka_error_is_fatal(error) != 0,
            isRetriable: unsafe rd_kafka_error_is_retriable(error) != 0,
            requiresAbort: unsafe rd_kafka_error_txn_requires_abort(error) != 0
        )
    }

    init?(_ operation: String, _ response: rd_kafka_resp_err_t) {
        guard response != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        self.init(operation, Code(rawValue: response.rawValue))
    }

    /// Throws a C error that is not null, and destroys it.
    static func check(_ operation: String, consuming error: OpaquePointer?) throws(KafkaError) {
        if let error = unsafe KafkaError(operation, consuming: error) { throw error }
    }

    /// Throws when the response code is not success.
    static func check(_ operation: String, _ response: rd_kafka_resp_err_t) throws(KafkaError) {
        if let error = KafkaError(operation, response) { throw error }
    }
}
