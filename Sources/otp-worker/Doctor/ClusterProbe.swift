import CheckOTP
import Dispatch
import Foundation
import NIOCore
import OTPDoctor
import OTPKafka
import OTPWorker

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
    private let throttle = Throttle()

    init(
        worker: WorkerConfiguration,
        common: ClientProperties.Common,
        isReadOnly: Bool,
        eventLoop: any EventLoop,
        tell: @escaping (Diagnosis) -> Void
    ) {
        self.worker = worker
        self.common = common
        self.isReadOnly = isReadOnly
        self.eventLoop = eventLoop
        self.tell = tell
    }

    private var judge: AccessChecks { AccessChecks(worker) }

    /// For one question.
    private static let timeout = Duration.seconds(5)
    /// Some brokers never answer what they do not know.
    private static let optionalTimeout = Duration.seconds(3)
    /// Topics that were just made are not known to every broker at once: what is not whole is looked at again, for so long in all.
    private static let topicPatience = Duration.seconds(5)

    func run() async throws(KafkaError) {
        let admin = try Admin(common)
        defer { _ = admin.close(timeout: .seconds(2)) }
        let asked = Self.result { () throws(KafkaError) in
            let brokers = try admin.brokers(timeout: Self.timeout)
            return ConnectionChecks.Cluster(id: try admin.clusterID(timeout: Self.optionalTimeout), brokers: brokers)
        }
        var finding: AddressProbe.Finding?
        if case .failure(let error) = asked {
            finding = AddressProbe.explain(error, at: worker.kafka.brokers, properties: worker.kafka.properties)
        }
        tell(ConnectionChecks.connection(asked, bootstrap: worker.kafka.brokers, finding: finding))
        guard case .success(let cluster) = asked else { return }
        for broker in cluster.brokers {
            let failure = await UpstreamProbe.reaches(
                host: broker.host,
                port: Int(broker.port),
                within: .seconds(3),
                on: eventLoop
            )
            tell(ConnectionChecks.announced(broker, failure))
        }
        lookAtBrokers(admin, cluster)
        let topics = lookAtTopics(admin, cluster)
        let groupIsFree = lookAtGroup(admin, topics)
        lookAtReading(topics)
        lookAtTransactions(topics)
        if isReadOnly {
            tell(.skipped("access.transactions", "not tried: --read-only"))
        } else {
            dryRun(topics, groupIsFree: groupIsFree, admin)
        }
        tell(judge.quota(throttle.longest))
    }

    private func lookAtBrokers(_ admin: Admin, _ cluster: ConnectionChecks.Cluster) {
        let settings = Self.result { () throws(KafkaError) in
            try admin.brokerConfig(cluster.brokers.first?.id ?? 0, timeout: Self.optionalTimeout)
        }
        BrokerChecks.settings(settings, brokers: cluster.brokers.count, for: worker).forEach(tell)
    }

    private func lookAtTopics(
        _ admin: Admin,
        _ cluster: ConnectionChecks.Cluster
    ) -> [String: TopicChecks.Topic] {
        var topics: [String: TopicChecks.Topic] = [:]
        var tellsSettings = true
        let deadline = ContinuousClock.now + Self.topicPatience
        for name in worker.topics.all + worker.replyTopics {
            // One that this user may not see is, for its purposes, not there.
            let found = Self.result { () throws(KafkaError) in
                try admin.retry(within: deadline - .now) { admin throws(KafkaError) in
                    try admin.partitions(of: name, timeout: Self.timeout)
                } until: { partitions in
                    partitions?.allSatisfy { $0.leader != nil && $0.inSync == $0.replicas } == true
                }
            }
            guard case .success(let partitions?) = found else { continue }
            var config: [String: String]?
            if tellsSettings {
                do throws(KafkaError) {
                    config = try admin.topicConfig(name, timeout: Self.optionalTimeout)
                } catch {
                    // A broker that does not answer this will not answer it again; a right may be missing for this topic alone.
                    tellsSettings = !error.isTransient && error.code != .unsupportedFeature
                }
            }
            topics[name] = TopicChecks.Topic(partitions: partitions, config: config)
        }
        TopicChecks(worker, topics: topics, brokers: cluster.brokers.count).findings.forEach(tell)
        return topics
    }

    /// - Returns: whether the group certainly has no member.
    private func lookAtGroup(_ admin: Admin, _ topics: [String: TopicChecks.Topic]) -> Bool {
        let group = worker.kafka.groupID
        let asked = Self.result { () throws(KafkaError) in
            try admin.group(group, timeout: Self.optionalTimeout)
        }
        let states = topics[worker.topics.commands]?.partitions ?? []
        GroupChecks.group(asked, id: group, topic: worker.topics.commands, partitions: states.count).forEach(tell)
        // One without a leader would only be waited for.
        let partitions = states.indices.filter { states[$0].leader != nil }
            .map { TopicPartition(worker.topics.commands, Int32($0)) }
        guard !partitions.isEmpty else { return false }
        do throws(KafkaError) {
            let committed = try admin.committed(by: group, partitions, timeout: Self.optionalTimeout)
            var kept: [TopicPartition: Watermarks] = [:]
            for partition in partitions {
                kept[partition] = try admin.watermarks(partition, timeout: Self.optionalTimeout)
            }
            GroupChecks.offsets(committed, kept).forEach(tell)
            tell(GroupChecks.clock(newest: newest(kept), now: Int64(Date().timeIntervalSince1970 * 1_000)))
        } catch {
            tell(GroupChecks.access(error, id: group, brokers: worker.kafka.brokers))
            return false
        }
        guard case .success(let found) = asked else { return false }
        return found.members == 0
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

    /// Whether some transaction has been open for so long that it holds readers up.
    private func lookAtTransactions(_ topics: [String: TopicChecks.Topic]) {
        let names = [worker.topics.commands, worker.topics.ledger, worker.topics.results]
        let topicPartitions = names.flatMap { name in
            let states = topics[name]?.partitions ?? []
            return states.indices.filter { states[$0].leader != nil }.map { TopicPartition(name, Int32($0)) }
        }
        let asked = Self.result { () throws(KafkaError) in
            let transactions = try OpenTransactions(common)
            defer { transactions.close() }
            return try transactions.holds(in: topicPartitions, openFor: Self.patience, timeout: .seconds(30))
        }
        TransactionChecks(worker).holds(asked, now: Int64(Date().timeIntervalSince1970 * 1_000)).forEach(tell)
    }

    /// A transaction of a worker's lasts some hundredths of a second.
    private static let patience = Duration.seconds(2)

    private func lookAtReading(_ topics: [String: TopicChecks.Topic]) {
        for name in [worker.topics.commands, worker.topics.ledger] where topics[name]?.partitions.first?.leader != nil {
            let outcome = Self.result { () throws(KafkaError) in
                let reader = try TopicReader(common, topic: name, partitions: [0], from: .now)
                defer { _ = reader.close(timeout: .seconds(2)) }
                return try reader.answers(within: Self.timeout)
            }
            tell(judge.reading(name, outcome))
        }
        // Whatever is there is read for a second, as a worker reads it, so that a quota on reading shows.
        let commands = worker.topics.commands
        let partitions = (topics[commands]?.partitions ?? []).indices.prefix(Self.maximumRead)
        let offsets = Dictionary(uniqueKeysWithValues: partitions.map { (Int32($0), Int64(0)) })
        guard !offsets.isEmpty else { return }
        if let held = try? ThrottleProbe.reading(common, topic: commands, from: offsets, for: .seconds(1)) {
            throttle.saw(held)
        }
    }

    /// Partitions that are read to see whether a quota holds reading back.
    private static let maximumRead = 32

    /// Runs transactions and takes them back: one for each topic, so that each refusal is seen.
    ///
    /// Reply topics are somebody else's, and are left alone.
    private func dryRun(_ topics: [String: TopicChecks.Topic], groupIsFree: Bool, _ admin: Admin) {
        var producer: TransactionalProducer?
        defer {
            // Statistics come five times a second: the last requests' too shall be among them.
            _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(300))
            _ = producer?.close(timeout: .seconds(2))
        }
        let error = Self.error { () throws(KafkaError) in
            var properties = try ClientProperties.transactionalProducer(
                common,
                transactionalID: judge.transactionalID,
                // Also how long readers wait for what a doctor leaves open that was killed.
                transactionTimeout: min(worker.kafka.transactionTimeout, .seconds(10))
            )
            properties["statistics.interval.ms"] = "200"
            producer = try TransactionalProducer(properties) { [throttle] in throttle.heard($0) }
            try producer?.initTransactions(timeout: Self.timeout)
        }
        tell(judge.transactions(error))
        guard error == nil, let producer else { return }
        for name in [worker.topics.ledger, worker.topics.results, worker.topics.deadLetters]
        where topics[name]?.partitions.allSatisfy({ $0.leader != nil }) ?? false {
            let record = OutgoingRecord(topic: name, key: Array("otp-worker doctor".utf8))
            let error = producer.dryRun([record], group: worker.kafka.groupID)
            tell(judge.writing(name, error, throttle: throttle.longest))
            // A producer that broke would say the same of everything that follows.
            if error?.isFatal ?? false { return }
        }
        guard topics[worker.topics.commands] != nil else { return }
        guard groupIsFree else {
            return tell(.skipped("access.group", "not tried: the group has members, or may have some"))
        }
        let commands = TopicPartition(worker.topics.commands, 0)
        let offset = (try? admin.watermarks(commands, timeout: Self.optionalTimeout))?.low ?? 0
        let refusal = producer.dryRun(
            [],
            offsets: [OffsetCommit(commands, offset: offset)],
            group: worker.kafka.groupID
        )
        tell(judge.committing(refusal))
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
