import CRdKafka

/// librdkafka's mock cluster in this process, for demonstrations and client tests: other processes may use it over TCP.
///
/// It knows no isolation, no fencing, no offsets in transactions, no compaction and no admin calls.
///
/// Its ports are chosen by the system; in librdkafka 2.0.2 they cannot be fixed.
@safe
package final class EmbeddedBroker: @unchecked Sendable {
    // Safe because the mock cluster takes every call on its own thread, under its own lock.
    private let handle: ClientHandle
    private let cluster: OpaquePointer
    private let stopped = Monitor(false)

    /// `127.0.0.1:port`, one for each broker, comma-separated.
    package let bootstrapServers: String

    /// Starts the brokers, numbered from 1.
    ///
    /// A topic that a client names comes into being by itself with `partitions`.
    package init(brokers: Int32 = 1) throws(KafkaError) {
        let handle = try ClientHandle(.producer, ["log_level": "3"], events: 0)
        let cluster = try unsafe handle.use("start broker") { client throws(KafkaError) in
            guard let cluster = unsafe rd_kafka_mock_cluster_new(client, brokers) else {
                throw KafkaError("start broker", .invalidArgument)
            }
            return unsafe Transferred(cluster)
        }
        self.handle = handle
        unsafe self.cluster = cluster.pointer
        bootstrapServers = unsafe String(cString: rd_kafka_mock_cluster_bootstraps(cluster.pointer))
    }

    deinit {
        stop()
    }

    /// Ends the brokers and their connections.
    package func stop() {
        let first = stopped.withLock { stopped in
            defer { stopped = true }
            return !stopped
        }
        guard first else { return }
        unsafe rd_kafka_mock_cluster_destroy(cluster)
        _ = handle.destroy(within: .seconds(5))
    }

    package func createTopic(_ name: String, partitions: Int32) throws(KafkaError) {
        try KafkaError.check("create topic", unsafe rd_kafka_mock_topic_create(cluster, name, partitions, 1))
    }

    /// The topic's metadata says this error from now on; nil clears it.
    package func setTopicError(_ name: String, _ code: KafkaError.Code?) {
        unsafe rd_kafka_mock_topic_set_error(cluster, name, rd_kafka_resp_err_t((code ?? .none).rawValue))
    }

    /// The next requests of this kind fail, one with each code, in order; `transport` cuts the connection.
    package func pushErrors(_ request: Request, _ codes: [KafkaError.Code]) {
        let responses = codes.map { rd_kafka_resp_err_t($0.rawValue) }
        unsafe rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, responses.count, responses)
    }

    /// Drops the errors pushed for this kind of request.
    package func clearErrors(_ request: Request) {
        unsafe rd_kafka_mock_clear_request_errors(cluster, request.rawValue)
    }

    /// Every answer of every broker takes this long from now on.
    package func setRoundTrip(_ time: Duration) throws(KafkaError) {
        try KafkaError.check("set round trip", unsafe rd_kafka_mock_broker_set_rtt(cluster, -1, time.wholeMilliseconds))
    }

    package func setCoordinator(ofGroup group: String, broker: Int32) throws(KafkaError) {
        try KafkaError.check("set coordinator", unsafe rd_kafka_mock_coordinator_set(cluster, "group", group, broker))
    }

    package func setCoordinator(ofTransactionalID id: String, broker: Int32) throws(KafkaError) {
        try KafkaError.check(
            "set coordinator",
            unsafe rd_kafka_mock_coordinator_set(cluster, "transaction", id, broker)
        )
    }

    /// Takes the brokers off the network, or brings them back.
    package func setReachable(_ reachable: Bool) throws(KafkaError) {
        try KafkaError.check(
            "set reachable",
            unsafe reachable ? rd_kafka_mock_broker_set_up(cluster, -1) : rd_kafka_mock_broker_set_down(cluster, -1)
        )
    }

    /// The kinds of request, by their number in the protocol.
    package enum Request: Int16, Sendable {
        case produce = 0
        case fetch = 1
        case listOffsets = 2
        case metadata = 3
        case offsetCommit = 8
        case offsetFetch = 9
        case findCoordinator = 10
        case joinGroup = 11
        case heartbeat = 12
        case syncGroup = 14
        case initProducerID = 22
        case addPartitionsToTransaction = 24
        case addOffsetsToTransaction = 25
        case endTransaction = 26
        case transactionOffsetCommit = 28
    }
}
