import CRdKafka

/// What a cluster says of its topics, brokers and groups.
extension Admin {
    /// A partition at the moment of the question.
    package struct PartitionState: Equatable, Sendable {
        /// The broker that leads it; nil when none does.
        package var leader: Int32?
        package var replicas: Int
        package var inSync: Int

        package init(leader: Int32?, replicas: Int, inSync: Int) {
            self.leader = leader
            self.replicas = replicas
            self.inSync = inSync
        }
    }

    /// A consumer group at the moment of the question.
    package struct Group: Equatable, Sendable {
        /// Such as `Stable` or `Empty`; `Dead` for one that does not exist.
        package var state: String
        package var members: Int
        /// How its members share the partitions; empty when it has none.
        package var assignor: String
        /// Who they are, as far as the broker tells.
        package var who: [Member]

        package init(state: String, members: Int, assignor: String, who: [Member] = []) {
            self.state = state
            self.members = members
            self.assignor = assignor
            self.who = who
        }
    }

    /// The topic's partitions in their order; nil when it does not exist.
    package func partitions(of topic: String, timeout: Duration) throws(KafkaError) -> [PartitionState]? {
        do throws(KafkaError) {
            return try handle.partitionStates(topic, until: Deadline(in: timeout))
        } catch {
            throw explained(error)
        }
    }

    /// The topic's settings by name; a sensitive one has no value and is absent.
    package func topicConfig(_ topic: String, timeout: Duration) throws(KafkaError) -> [String: String] {
        try config(RD_KAFKA_RESOURCE_TOPIC, topic, timeout: timeout)
    }

    /// A broker's settings by name; a sensitive one has no value and is absent.
    package func brokerConfig(_ id: Int32, timeout: Duration) throws(KafkaError) -> [String: String] {
        try config(RD_KAFKA_RESOURCE_BROKER, "\(id)", timeout: timeout)
    }

    private func config(
        _ type: rd_kafka_ResourceType_t,
        _ name: String,
        timeout: Duration
    ) throws(KafkaError) -> [String: String] {
        guard let resource = unsafe rd_kafka_ConfigResource_new(type, name) else {
            throw KafkaError("describe settings", .invalidArgument)
        }
        defer { unsafe rd_kafka_ConfigResource_destroy(resource) }
        let event = try unsafe call("describe settings", timeout: timeout) { client, options, queue in
            var list: [OpaquePointer?] = unsafe [resource]
            unsafe rd_kafka_DescribeConfigs(client, &list, 1, options, queue)
        }
        return try unsafe event.withPointer { event throws(KafkaError) in
            guard let result = unsafe rd_kafka_event_DescribeConfigs_result(event) else {
                throw KafkaError("describe settings", .state)
            }
            var count = 0
            guard let resources = unsafe rd_kafka_DescribeConfigs_result_resources(result, &count), count > 0,
                let resource = unsafe resources[0]
            else { return [:] }
            try KafkaError.check("describe settings", unsafe rd_kafka_ConfigResource_error(resource))
            let entries = unsafe rd_kafka_ConfigResource_configs(resource, &count)
            var config: [String: String] = [:]
            for index in 0..<count {
                guard let entry = unsafe entries?[index], let name = unsafe rd_kafka_ConfigEntry_name(entry),
                    let value = unsafe rd_kafka_ConfigEntry_value(entry)
                else { continue }
                config[unsafe String(cString: name)] = unsafe String(cString: value)
            }
            return config
        }
    }

    /// Describes a consumer group.
    ///
    /// By librdkafka's older call: the admin client's own ends the process in 2.0.2 where a broker does not know the request.
    /// - Throws: `GROUP_AUTHORIZATION_FAILED` among others.
    package func group(_ id: String, timeout: Duration) throws(KafkaError) -> Group {
        try unsafe handle.use("describe group") { client throws(KafkaError) in
            var list: UnsafePointer<rd_kafka_group_list>?
            let response = unsafe rd_kafka_list_groups(client, id, &list, timeout.wholeMilliseconds)
            defer { unsafe list.map { unsafe rd_kafka_group_list_destroy($0) } }
            // Some brokers not having answered in time is no harm if the one that coordinates the group has.
            guard let groups = unsafe list?.pointee, unsafe groups.group_cnt > 0 else {
                try KafkaError.check("describe group", response)
                return Group(state: "Dead", members: 0, assignor: "")
            }
            let group = unsafe groups.groups[0]
            try unsafe KafkaError.check("describe group", group.err)
            return unsafe Group(
                state: String(cString: group.state),
                members: Int(group.member_cnt),
                assignor: group.protocol.map { unsafe String(cString: $0) } ?? "",
                who: (0..<Int(group.member_cnt)).map { unsafe Member(group.members[$0]) }
            )
        }
    }

    /// What a group has committed, one entry for each of the partitions that it has committed anything for.
    package func committed(
        by group: String,
        _ partitions: [TopicPartition],
        timeout: Duration
    ) throws(KafkaError) -> [CommittedOffset] {
        let asker = try ClientHandle(.simpleConsumer, properties.merging(["group.id": group]) { $1 }, events: 0)
        defer { _ = asker.destroy(within: .seconds(2)) }
        return try asker.committed(partitions, timeout: timeout).filter { $0.offset != nil }
    }

    /// The partition's first offset and its end.
    package func watermarks(_ partition: TopicPartition, timeout: Duration) throws(KafkaError) -> Watermarks {
        try handle.watermarks(partition, until: Deadline(in: timeout))
    }
}
