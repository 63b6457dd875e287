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

        package init(state: String, members: Int, assignor: String) {
            self.state = state
            self.members = members
            self.assignor = assignor
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
    /// - Throws: `GROUP_AUTHORIZATION_FAILED` among others.
    package func group(_ id: String, timeout: Duration) throws(KafkaError) -> Group {
        let event = try unsafe call("describe group", timeout: timeout) { client, options, queue in
            unsafe id.withCString { name in
                var names: [UnsafePointer<CChar>?] = unsafe [name]
                unsafe rd_kafka_DescribeConsumerGroups(client, &names, 1, options, queue)
            }
        }
        return try unsafe event.withPointer { event throws(KafkaError) in
            var count = 0
            guard let result = unsafe rd_kafka_event_DescribeConsumerGroups_result(event),
                let groups = unsafe rd_kafka_DescribeConsumerGroups_result_groups(result, &count), count > 0,
                let group = unsafe groups[0]
            else { throw KafkaError("describe group", .state) }
            if let error = unsafe rd_kafka_ConsumerGroupDescription_error(group) {
                throw KafkaError(
                    "describe group",
                    KafkaError.Code(rawValue: unsafe rd_kafka_error_code(error).rawValue)
                )
            }
            let state = unsafe rd_kafka_ConsumerGroupDescription_state(group)
            let assignor = unsafe rd_kafka_ConsumerGroupDescription_partition_assignor(group)
            return unsafe Group(
                state: String(cString: rd_kafka_consumer_group_state_name(state)),
                members: rd_kafka_ConsumerGroupDescription_member_count(group),
                assignor: assignor.map { unsafe String(cString: $0) } ?? ""
            )
        }
    }

    /// What a group has committed, one entry for each partition that it has committed anything for.
    package func committed(by group: String, timeout: Duration) throws(KafkaError) -> [CommittedOffset] {
        guard let request = unsafe rd_kafka_ListConsumerGroupOffsets_new(group, nil) else {
            throw KafkaError("committed", .invalidArgument)
        }
        defer { unsafe rd_kafka_ListConsumerGroupOffsets_destroy(request) }
        let event = try unsafe call("committed", timeout: timeout) { client, options, queue in
            var requests: [OpaquePointer?] = unsafe [request]
            unsafe rd_kafka_ListConsumerGroupOffsets(client, &requests, 1, options, queue)
        }
        return try unsafe event.withPointer { event throws(KafkaError) in
            var count = 0
            guard let result = unsafe rd_kafka_event_ListConsumerGroupOffsets_result(event),
                let groups = unsafe rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count), count > 0,
                let group = unsafe groups[0]
            else { throw KafkaError("committed", .state) }
            if let error = unsafe rd_kafka_group_result_error(group) {
                throw KafkaError("committed", KafkaError.Code(rawValue: unsafe rd_kafka_error_code(error).rawValue))
            }
            guard let list = unsafe rd_kafka_group_result_partitions(group) else { return [] }
            return unsafe PartitionList.entries(of: list).compactMap { entry in
                guard entry.response == RD_KAFKA_RESP_ERR_NO_ERROR, entry.offset >= 0 else { return nil }
                return CommittedOffset(entry.topicPartition, offset: entry.offset, metadata: entry.metadata)
            }
        }
    }

    /// The partition's first offset and its end.
    package func watermarks(_ partition: TopicPartition, timeout: Duration) throws(KafkaError) -> Watermarks {
        try handle.watermarks(partition, until: Deadline(in: timeout))
    }
}
