import CRdKafka

extension ClientProperties {
    /// Makes each kind of client that a worker has, without an address and so connecting to nobody, and ends it.
    ///
    /// That finds what librdkafka refuses: a property that it does not know, a value that it does not take, a file of certificates that
    /// it cannot read.
    package static func dryRun(
        _ common: Common,
        groupID: String,
        instanceID: String?,
        transactionalID: String,
        sessionTimeout: Duration,
        transactionTimeout: Duration
    ) throws(KafkaError) {
        let group = try consumer(common, groupID: groupID, instanceID: instanceID, sessionTimeout: sessionTimeout)
        let transactions = try transactionalProducer(
            common,
            transactionalID: transactionalID,
            transactionTimeout: transactionTimeout
        )
        try make(.groupConsumer, group)
        try make(.producer, try idempotentProducer(common))
        try make(.producer, transactions)
        try make(.simpleConsumer, try reader(common))
        try make(.simpleConsumer, try admin(common))
    }

    /// The same for a client that sends commands and reads their results.
    package static func dryRun(_ common: Common) throws(KafkaError) {
        try make(.producer, try idempotentProducer(common))
        try make(.simpleConsumer, try reader(common))
    }

    private static func make(_ kind: ClientHandle.Kind, _ properties: [String: String]) throws(KafkaError) {
        var properties = properties
        properties["bootstrap.servers"] = nil
        _ = try ClientHandle(kind, properties, events: 0).destroy(within: .seconds(2))
    }
}
