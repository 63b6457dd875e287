import CRdKafka

/// Asks a cluster what it has, and creates topics.
///
/// Its calls block. It never changes or deletes anything that exists.
package final class Admin: Sendable {
    let handle: ClientHandle
    let properties: [String: String]

    /// A topic to be created.
    package struct NewTopic: Equatable, Sendable {
        package var name: String
        package var partitions: Int32
        /// -1 takes the broker's default.
        package var replication: Int32
        /// Such as `cleanup.policy`.
        package var config: [String: String]

        package init(_ name: String, partitions: Int32, replication: Int32 = -1, config: [String: String] = [:]) {
            self.name = name
            self.partitions = partitions
            self.replication = replication
            self.config = config
        }
    }

    package struct Broker: Equatable, Sendable {
        package var id: Int32
        package var host: String
        package var port: Int32

        package init(id: Int32, host: String, port: Int32) {
            self.id = id
            self.host = host
            self.port = port
        }
    }

    package init(_ common: ClientProperties.Common) throws(KafkaError) {
        properties = try ClientProperties.admin(common)
        handle = try ClientHandle(.simpleConsumer, properties, events: RD_KAFKA_EVENT_ERROR)
    }

    /// Partition counts by topic; a topic that does not exist is absent.
    package func partitionCounts(_ topics: [String], timeout: Duration) throws(KafkaError) -> [String: Int] {
        let deadline = Deadline(in: timeout)
        var counts: [String: Int] = [:]
        do throws(KafkaError) {
            for topic in topics { counts[topic] = try handle.partitionCount(topic, until: deadline) }
        } catch {
            throw explained(error)
        }
        return counts
    }

    /// Partition counts of those topics that can be written to as a whole; absent is one that does not exist, is not for this
    /// client, or has a partition without a leader.
    package func servedPartitionCounts(_ topics: [String], timeout: Duration) throws(KafkaError) -> [String: Int] {
        let deadline = Deadline(in: timeout)
        var counts: [String: Int] = [:]
        for topic in topics {
            do throws(KafkaError) {
                let found = try handle.partitions(topic, until: deadline)
                counts[topic] = found.flatMap { $0.led == $0.count ? $0.count : nil }
            } catch {
                guard error.isDestinationUnusable else { throw explained(error) }
            }
        }
        return counts
    }

    /// The brokers that the cluster names.
    package func brokers(timeout: Duration) throws(KafkaError) -> [Broker] {
        do throws(KafkaError) {
            return try unsafe handle.metadata("brokers", topic: nil, until: Deadline(in: timeout)) { metadata in
                (0..<Int(unsafe metadata.broker_cnt)).map { index in
                    let broker = unsafe metadata.brokers[index]
                    return unsafe Broker(id: broker.id, host: String(cString: broker.host), port: broker.port)
                }
            }
        } catch {
            throw explained(error)
        }
    }

    /// The cluster's own id; nil when it says none in time.
    package func clusterID(timeout: Duration) throws(KafkaError) -> String? {
        try unsafe handle.use("cluster id") { client in
            guard let text = unsafe rd_kafka_clusterid(client, timeout.wholeMilliseconds) else { return nil }
            defer { unsafe rd_kafka_mem_free(client, text) }
            return unsafe String(cString: text)
        }
    }

    /// Creates topics and waits until the controller has answered; what failed is returned by name
    /// (`TOPIC_ALREADY_EXISTS` among it).
    package func createTopics(_ topics: [NewTopic], timeout: Duration) throws(KafkaError) -> [String: KafkaError] {
        guard !topics.isEmpty else { return [:] }
        let event = try unsafe NewTopic.with(topics) { requests, count throws(KafkaError) in
            try unsafe call("create topics", timeout: timeout) { client, options, queue in
                unsafe rd_kafka_CreateTopics(client, requests, count, options, queue)
            }
        }
        return try unsafe event.withPointer { event throws(KafkaError) in
            guard let result = unsafe rd_kafka_event_CreateTopics_result(event) else {
                throw KafkaError("create topics", .state)
            }
            var count = 0
            let topics = unsafe rd_kafka_CreateTopics_result_topics(result, &count)
            var failures: [String: KafkaError] = [:]
            for index in 0..<count {
                guard let topic = unsafe topics?[index], let name = unsafe rd_kafka_topic_result_name(topic) else {
                    continue
                }
                failures[unsafe String(cString: name)] = unsafe KafkaError(
                    "create topic",
                    rd_kafka_topic_result_error(topic)
                )
            }
            return failures
        }
    }

    /// False when ending took longer; it then ends by itself.
    package func close(timeout: Duration) -> Bool {
        handle.destroy(within: timeout)
    }

    /// Makes an admin call and waits for its result event.
    func call(
        _ operation: String,
        timeout: Duration,
        _ body: (_ client: OpaquePointer, _ options: OpaquePointer?, _ queue: OpaquePointer) -> Void
    ) throws(KafkaError) -> Event {
        let made = try unsafe handle.use(operation) { client throws(KafkaError) in
            guard let queue = unsafe rd_kafka_queue_new(client) else { throw KafkaError(operation, .state) }
            defer { unsafe rd_kafka_queue_destroy(queue) }
            let options = unsafe rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_ANY)
            defer { unsafe rd_kafka_AdminOptions_destroy(options) }
            unsafe rd_kafka_AdminOptions_set_request_timeout(options, timeout.wholeMilliseconds, nil, 0)
            unsafe body(client, options, queue)
            // librdkafka answers within the time-out, even if only to say that it has passed.
            guard let event = unsafe rd_kafka_queue_poll(queue, (timeout + .seconds(1)).wholeMilliseconds) else {
                throw KafkaError(operation, .timedOut)
            }
            return unsafe Transferred(event)
        }
        let event = unsafe Event(made.pointer)
        if event.response != RD_KAFKA_RESP_ERR_NO_ERROR { throw explained(event.error(operation)) }
        return event
    }

    /// Tells what the connections reported: a mere time-out hides a refused password or certificate.
    func explained(_ error: KafkaError) -> KafkaError {
        var error = error
        var reported: KafkaError?
        while let event = handle.poll(milliseconds: 0) {
            guard event.kind == .error else { continue }
            let said = event.error(error.operation)
            // That all brokers are down says less than why one of them is.
            if reported == nil || said.code != .allBrokersDown { reported = said }
        }
        guard let reported else { return error }
        error.reason += " (\(reported.reason))"
        if reported.code != .allBrokersDown { error.code = reported.code }
        return error
    }
}

extension Admin.NewTopic {
    /// Lends the C values of a call that creates topics to the body.
    fileprivate static func with<Result: ~Copyable>(
        _ requests: [Self],
        _ body: (UnsafeMutablePointer<OpaquePointer?>?, Int) throws(KafkaError) -> Result
    ) throws(KafkaError) -> Result {
        let topics = UnsafeMutablePointer<OpaquePointer?>.allocate(capacity: requests.count)
        var count = 0
        defer {
            unsafe rd_kafka_NewTopic_destroy_array(topics, count)
            unsafe topics.deallocate()
        }
        for request in requests {
            let topic = unsafe rd_kafka_NewTopic_new(request.name, request.partitions, request.replication, nil, 0)
            guard let topic = unsafe topic else {
                throw KafkaError("create topic", .invalidArgument, reason: "\(request.name) cannot be created as asked")
            }
            unsafe (topics + count).initialize(to: topic)
            count += 1
            for (name, value) in request.config { unsafe rd_kafka_NewTopic_set_config(topic, name, value) }
        }
        return try unsafe body(topics, count)
    }
}
