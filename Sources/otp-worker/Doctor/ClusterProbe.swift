import CheckOTP
import Foundation
import Kafka
import NIOCore
import Worker

/// Looks at the cluster as a worker would use it, and hands what it sees to the judges.
///
/// It joins no group and changes nothing; what it writes is within transactions that it takes back.
struct ClusterProbe {
    let worker: WorkerConfiguration
    let common: ClientProperties.Common
    /// Writes nothing, not even to take it back.
    let isReadOnly: Bool
    let eventLoop: any EventLoop
    let tell: (Diagnosis) -> Void

    /// For one question.
    private static let timeout = Duration.seconds(5)
    /// Some brokers never answer what they do not know.
    private static let optionalTimeout = Duration.seconds(3)

    func run() async throws(KafkaError) {
        let admin = try Admin(common)
        defer { _ = admin.close(timeout: .seconds(2)) }
        let asked = Self.result { () throws(KafkaError) in
            let brokers = try admin.brokers(timeout: Self.timeout)
            return ConnectionJudge.Cluster(id: try admin.clusterID(timeout: Self.optionalTimeout), brokers: brokers)
        }
        tell(ConnectionJudge.connection(asked, bootstrap: worker.kafka.brokers))
        guard case .success(let cluster) = asked else { return }
        for broker in cluster.brokers {
            let failure = await UpstreamProbe.reaches(
                host: broker.host,
                port: Int(broker.port),
                within: .seconds(3),
                on: eventLoop
            )
            tell(ConnectionJudge.announced(broker, failure))
        }
        lookAtBrokers(admin, cluster)
        let topics = try lookAtTopics(admin, cluster)
        lookAtGroup(admin, topics)
        lookAtAccess(topics, groupIsFree: isFree(admin), admin)
    }

    private func lookAtBrokers(_ admin: Admin, _ cluster: ConnectionJudge.Cluster) {
        let settings = Self.result { () throws(KafkaError) in
            try admin.brokerConfig(cluster.brokers.first?.id ?? 0, timeout: Self.optionalTimeout)
        }
        BrokerJudge.settings(settings, brokers: cluster.brokers.count, for: worker).forEach(tell)
    }

    private func lookAtTopics(
        _ admin: Admin,
        _ cluster: ConnectionJudge.Cluster
    ) throws(KafkaError) -> [String: TopicJudge.Topic] {
        var topics: [String: TopicJudge.Topic] = [:]
        var tellsSettings = true
        for name in worker.topics.all + worker.replyTopics {
            // One that this user may not see is, for its purposes, not there.
            let found = Self.result { () throws(KafkaError) in try admin.partitions(of: name, timeout: Self.timeout) }
            guard case .success(let partitions?) = found else { continue }
            let config =
                tellsSettings ? try? admin.topicConfig(name, timeout: Self.optionalTimeout) : nil
            tellsSettings = config != nil
            topics[name] = TopicJudge.Topic(partitions: partitions, config: config)
        }
        TopicJudge(worker, topics: topics, brokers: cluster.brokers.count).findings.forEach(tell)
        return topics
    }

    private func lookAtGroup(_ admin: Admin, _ topics: [String: TopicJudge.Topic]) {
        let group = worker.kafka.groupID
        let asked = Self.result { () throws(KafkaError) in
            try admin.group(group, timeout: Self.optionalTimeout)
        }
        let commands = worker.topics.commands
        let count = topics[commands]?.partitions.count ?? 0
        GroupJudge.group(asked, id: group, partitions: count).forEach(tell)
        guard count > 0 else { return }
        var kept: [TopicPartition: Watermarks] = [:]
        for partition in (0..<Int32(count)).map({ TopicPartition(commands, $0) }) {
            kept[partition] = try? admin.watermarks(partition, timeout: Self.optionalTimeout)
        }
        let committed = try? admin.committed(by: group, Array(kept.keys), timeout: Self.optionalTimeout)
        if let committed { GroupJudge.offsets(committed, kept).forEach(tell) }
        tell(GroupJudge.clock(newest: newest(kept), now: Int64(Date().timeIntervalSince1970 * 1_000)))
    }

    /// The time of the newest command of all partitions, in milliseconds since 1970.
    private func newest(_ kept: [TopicPartition: Watermarks]) -> Int64? {
        let last = kept.filter { $0.value.high > $0.value.low }.map { ($0.key.partition, $0.value.high - 1) }
        guard !last.isEmpty,
            let reader = try? TopicReader(
                common,
                topic: worker.topics.commands,
                partitions: last.map(\.0),
                from: .offsets(Dictionary(uniqueKeysWithValues: last))
            )
        else { return nil }
        defer { _ = reader.close(timeout: .seconds(2)) }
        return (try? reader.poll(timeout: .seconds(1)))?.compactMap(\.timestamp).max()
    }

    private func isFree(_ admin: Admin) -> Bool {
        (try? admin.group(worker.kafka.groupID, timeout: Self.optionalTimeout))?.members == 0
    }

    private func lookAtAccess(_ topics: [String: TopicJudge.Topic], groupIsFree: Bool, _ admin: Admin) {
        for name in [worker.topics.commands, worker.topics.ledger] where topics[name] != nil {
            let error = Self.error { () throws(KafkaError) in
                let reader = try TopicReader(common, topic: name, partitions: [0], from: .now)
                defer { _ = reader.close(timeout: .seconds(2)) }
                _ = try reader.poll(timeout: .seconds(1))
            }
            tell(AccessJudge.reading(name, error))
        }
        guard !isReadOnly else { return tell(.skipped("access.transactions", "not tried: --read-only")) }
        rehearse(topics, groupIsFree: groupIsFree, admin)
    }

    /// Runs transactions and takes them back: one for each topic, so that each refusal is seen.
    private func rehearse(_ topics: [String: TopicJudge.Topic], groupIsFree: Bool, _ admin: Admin) {
        let id = "\(worker.slotTransactionalID ?? worker.kafka.groupID)-doctor"
        var producer: TransactionalProducer?
        defer { _ = producer?.close(timeout: .seconds(2)) }
        let error = Self.error { () throws(KafkaError) in
            let properties = try ClientProperties.transactionalProducer(
                common,
                transactionalID: id,
                transactionTimeout: worker.kafka.transactionTimeout
            )
            producer = try TransactionalProducer(properties)
            try producer?.initTransactions(timeout: Self.timeout)
        }
        tell(AccessJudge.transactions(error, transactionalID: id))
        guard error == nil, let producer else { return }
        let written = [worker.topics.ledger, worker.topics.results, worker.topics.deadLetters] + worker.replyTopics
        for name in written where topics[name] != nil {
            let record = OutgoingRecord(topic: name, key: Array("otp-worker doctor".utf8))
            let error = producer.rehearse([record], group: worker.kafka.groupID)
            tell(AccessJudge.writing(name, error, transactionalID: id))
            // A producer that broke would say the same of everything that follows.
            if error?.isFatal ?? false { return }
        }
        guard topics[worker.topics.commands] != nil else { return }
        guard groupIsFree else {
            return tell(.skipped("access.group", "the group has members: they prove the right to commit by themselves"))
        }
        let commands = TopicPartition(worker.topics.commands, 0)
        let offset = (try? admin.watermarks(commands, timeout: Self.optionalTimeout))?.low ?? 0
        let refusal = producer.rehearse(
            [],
            offsets: [OffsetCommit(commands, offset: offset)],
            group: worker.kafka.groupID
        )
        tell(AccessJudge.committing(worker.kafka.groupID, refusal, transactionalID: id))
    }

    private static func result<Value>(_ body: () throws(KafkaError) -> Value) -> Result<Value, KafkaError> {
        do throws(KafkaError) { return .success(try body()) } catch { return .failure(error) }
    }

    private static func error(_ body: () throws(KafkaError) -> Void) -> KafkaError? {
        do throws(KafkaError) {
            try body()
            return nil
        } catch {
            return error
        }
    }
}
