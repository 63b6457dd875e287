import CheckOTP
import OTPDoctor
import OTPKafka
import OTPWorker
import Testing

/// What `doctor` says about a cluster that is not as it should be: what is wrong, how bad it is, and what to do.
struct ClusterDiagnosisTests {
    /// One thing that is broken, and what must be said about it.
    struct Case: Sendable, CustomTestStringConvertible {
        let severity: Diagnosis.Severity
        let check: String
        let message: String
        let remedy: String
        let found: @Sendable () -> [Diagnosis]

        init(
            _ severity: Diagnosis.Severity,
            _ check: String,
            _ message: String,
            _ remedy: String,
            _ found: @escaping @Sendable () -> [Diagnosis]
        ) {
            self.severity = severity
            self.check = check
            self.message = message
            self.remedy = remedy
            self.found = found
        }

        var testDescription: String { "\(check): \(message)" }

        func verify() {
            let found = found()
            let wrong = found.filter { $0.severity == .failure || $0.severity == .warning }
            #expect(wrong.count == 1, "\(found)")
            guard let diagnosis = wrong.first else { return }
            #expect(diagnosis.check == check)
            #expect(diagnosis.severity == severity)
            #expect(diagnosis.message.contains(message), "\(diagnosis.message)")
            #expect(diagnosis.remedy?.contains(remedy) ?? false, "\(diagnosis.remedy ?? "no remedy")")
        }
    }

    static let connection: [Case] = [
        Case(.failure, "kafka.brokers", "no use of h:1", "check kafka.brokers, that the brokers run") {
            [refused(.transport)]
        },
        Case(.failure, "kafka.brokers", "the reason", "this host's name resolution") { [refused(.resolve)] },
        Case(.failure, "kafka.brokers", "the reason", "sasl.username and sasl.password") { [refused(.authentication)] },
        Case(.failure, "kafka.brokers", "the reason", "sasl.mechanism") { [refused(.unsupportedSASLMechanism)] },
        Case(.failure, "kafka.brokers", "the reason", "ssl.ca.location") { [refused(.ssl)] },
        Case(.failure, "kafka.brokers", "h:1 is no Kafka broker: it speaks HTTP (the reason)", "name a broker's port") {
            let finding = AddressProbe.finding(.http, at: "h:1", speaksTLS: false)
            let error = KafkaError("brokers", .transport, reason: "the reason")
            return [ConnectionChecks.connection(.failure(error), bootstrap: "h:1", finding: finding)]
        },
        Case(.failure, "kafka.listeners", "broker 2 at kafka-2:9092", "advertised.listeners") {
            [ConnectionChecks.announced(.init(id: 2, host: "kafka-2", port: 9092), .unresolved)]
        },
    ]

    static let brokers: [Case] = [
        Case(.failure, "kafka.version", "brokers speak 2.4-IV1", "2.5 or newer") {
            settings(["inter.broker.protocol.version": "2.4-IV1"])
        },
        Case(.failure, "kafka.transaction_timeout", "10s is more than the brokers allow", "at most 5s") {
            settings(["transaction.max.timeout.ms": "5000"])
        },
        Case(.failure, "kafka.session_timeout", "6s is not among", "within that") {
            settings(["group.min.session.timeout.ms": "30000"])
        },
        Case(.warning, "kafka.internal_topics", "offsets.topic.replication.factor is 1", "kafka-reassign-partitions") {
            settings(["offsets.topic.replication.factor": "1"])
        },
        Case(.warning, "kafka.offsets_retention", "is 60: a fleet that stands still", "a day at least") {
            settings(["offsets.retention.minutes": "60"])
        },
    ]

    static let topics: [Case] = [
        Case(.failure, "topics.results", "results does not exist", "`otp-worker topics` creates it") {
            judged { $0["otp.verify.results"] = nil }
        },
        Case(.failure, "topics.ledger", "it has 4 partitions, the commands have 6", "--bootstrap-server h:1 --alter") {
            judged { $0["otp.verify.ledger"]?.partitions.removeLast(2) }
        },
        Case(.warning, "topics.results", "it has 4 partitions, the commands have 6", "--partitions 6") {
            judged { $0["otp.verify.results"]?.partitions.removeLast(2) }
        },
        Case(.warning, "topics.ledger", "cleanup.policy is delete", "cleanup.policy=[compact,delete]") {
            judged { $0["otp.verify.ledger"]?.config?["cleanup.policy"] = "delete" }
        },
        Case(.warning, "topics.commands", "compaction would remove", "cleanup.policy=delete") {
            judged { $0["otp.verify.commands"]?.config?["cleanup.policy"] = "compact" }
        },
        Case(.failure, "topics.commands", "partitions [2] have no leader", "start the brokers") {
            judged { $0["otp.verify.commands"]?.partitions[2].leader = nil }
        },
        Case(.warning, "topics.results", "partitions [0] have replicas that are not in sync", "which broker is down") {
            judged { $0["otp.verify.results"]?.partitions[0].inSync = 2 }
        },
        Case(.warning, "topics.dead_letters", "has 1 replicas, not 3", "kafka-reassign-partitions") {
            judged { topics in
                topics["otp.verify.dead-letters"]?.partitions = Array(
                    repeating: .init(leader: 1, replicas: 1, inSync: 1),
                    count: 6
                )
                topics["otp.verify.dead-letters"]?.config?["min.insync.replicas"] = "1"
            }
        },
        Case(.failure, "topics.results", "min.insync.replicas is 4 of 3", "min.insync.replicas=2") {
            judged { $0["otp.verify.results"]?.config?["min.insync.replicas"] = "4" }
        },
        Case(.warning, "topics.results", "one broker less, and nothing can be written", "min.insync.replicas=2") {
            judged { $0["otp.verify.results"]?.config?["min.insync.replicas"] = "3" }
        },
        // Of two as well: the one broker that restarts stops it.
        Case(.warning, "topics.results", "one broker less, and nothing can be written", "min.insync.replicas=2") {
            judged(brokers: 2) { topics in
                for name in topics.keys {
                    topics[name]?.partitions = Array(repeating: .init(leader: 1, replicas: 2, inSync: 2), count: 6)
                    topics[name]?.config?["min.insync.replicas"] = name == "otp.verify.results" ? "2" : "1"
                }
            }
        },
        Case(.warning, "topics.ledger", "min.insync.replicas is 1", "min.insync.replicas=2") {
            judged { $0["otp.verify.ledger"]?.config?["min.insync.replicas"] = "1" }
        },
        Case(
            .warning,
            "topics.ledger",
            "unclean.leader.election.enable is true",
            "unclean.leader.election.enable=false"
        ) {
            judged { $0["otp.verify.ledger"]?.config?["unclean.leader.election.enable"] = "true" }
        },
        Case(.warning, "topics.commands", "less than commands.max_age", "retention.ms=86400000") {
            judged { $0["otp.verify.commands"]?.config?["retention.ms"] = "60000" }
        },
        Case(.warning, "topics.commands", "keeps codes and phone numbers for 49h", "retention.ms=86400000") {
            judged { $0["otp.verify.commands"]?.config?["retention.ms"] = "\(49 * 3_600_000)" }
        },
        Case(.warning, "topics.commands", "keeps codes and phone numbers for ever", "retention.ms=86400000") {
            judged { $0["otp.verify.commands"]?.config?["retention.ms"] = "-1" }
        },
        Case(
            .warning,
            "topics.commands",
            "max.message.bytes is 65536, and a record may need 81920",
            "max.message.bytes=262144"
        ) {
            judged { $0["otp.verify.commands"]?.config?["max.message.bytes"] = "65536" }
        },
        Case(
            .warning,
            "topics.commands",
            "max.message.bytes is 1048588: more than any command needs",
            "--alter --topic otp.verify.commands --add-config max.message.bytes=262144"
        ) {
            judged { $0["otp.verify.commands"]?.config?["max.message.bytes"] = "1048588" }
        },
        Case(.warning, "topics.commands", "compression.type is zstd", "compression.type=uncompressed") {
            judged { $0["otp.verify.commands"]?.config?["compression.type"] = "zstd" }
        },
        // A worker makes its batches as small as a topic asks, but not its records.
        Case(.warning, "topics.results", "max.message.bytes is 8000, and a record may need 16384", "262144") {
            judged { $0["otp.verify.results"]?.config?["max.message.bytes"] = "8000" }
        },
        Case(.warning, "topics.ledger", "max.message.bytes is 16000, and a record may need 16384", "262144") {
            judged { $0["otp.verify.ledger"]?.config?["max.message.bytes"] = "16000" }
        },
        Case(.warning, "results.allowed_reply_topics", "replies does not exist", "create it") {
            judged(replies: ["replies"]) { _ in }
        },
    ]

    static let group: [Case] = [
        Case(.failure, "kafka.group_id", "no right to the group g", "--group g") {
            [GroupChecks.access(KafkaError("x", .groupAuthorizationFailed), id: "g", brokers: "h:1")]
        },
        Case(
            .failure,
            "kafka.group_id",
            "in use by something else: its members share partitions by range (consumer-g-1 on 10.0.0.7; x on 10.0.0.8)",
            "a group of its own"
        ) {
            group(
                "range",
                .init(clientID: "consumer-g-1", host: "/10.0.0.7", topics: ["c"]),
                .init(clientID: "x", host: "/10.0.0.8")
            )
        },
        Case(.failure, "kafka.group_id", "members that are no workers: rdkafka on 10.0.0.7; the commands", "end them") {
            group("cooperative-sticky", member, .init(clientID: "rdkafka", host: "/10.0.0.7", topics: ["c"]))
        },
        Case(.failure, "kafka.group_id", "shop on 10.0.0.7, subscribed to c, d; the commands", "end them") {
            group("cooperative-sticky", member, .init(clientID: "shop", host: "/10.0.0.7", topics: ["c", "d"]))
        },
        Case(.warning, "kafka.group_id", "7 members for 6 partitions", "at most 6 workers") {
            GroupChecks.group(
                .success(.init(state: "Stable", members: 7, assignor: "cooperative-sticky")),
                id: "g",
                topic: "c",
                partitions: 6
            )
        },
        Case(.failure, "kafka.offsets", "c/1 stand before the first record kept", "raise retention.ms") {
            offsets(committed: 5, low: 10, high: 20)
        },
        Case(.failure, "kafka.offsets", "c/1 stand behind the topic's end", "runbook, Disaster") {
            offsets(committed: 21, low: 10, high: 20)
        },
        Case(.warning, "clock.producers", "60 s ahead of this machine's clock", "chronyc tracking") {
            [GroupChecks.clock(newest: 1_060_000, now: 1_000_000)]
        },
    ]

    private static let member = Admin.Member(clientID: "otp-worker-0", host: "/10.0.0.1", topics: ["c"])

    private static func group(_ assignor: String, _ members: Admin.Member...) -> [Diagnosis] {
        let group = Admin.Group(state: "Stable", members: members.count, assignor: assignor, who: members)
        return GroupChecks.group(.success(group), id: "g", topic: "c", partitions: 6)
    }

    private static func held(_ topic: String, since: Int64?) -> [Diagnosis] {
        var worker = WorkerConfiguration()
        worker.kafka.brokers = "h:1"
        let hold = OpenTransactions.Hold(topicPartition: TopicPartition(topic, 3), offset: 42, end: 50, since: since)
        return TransactionChecks(worker).holds(.success([hold]), now: 1_795_428_300_000)
    }

    static let open: [Case] = [
        Case(
            .failure,
            "kafka.open_transactions",
            "a transaction in otp.verify.commands/3, open since 2026-11-23T10:00:00.000Z (300 s), holds 8 records up from offset 42"
                + " on: no worker sees the commands",
            "kafka-transactions --bootstrap-server h:1 abort --topic otp.verify.commands --partition 3 --start-offset 42"
        ) {
            held("otp.verify.commands", since: 1_795_428_000_000)
        },
        Case(.failure, "kafka.open_transactions", "cannot be restored", "describe-producers --topic otp.verify.ledger")
        {
            held("otp.verify.ledger", since: nil)
        },
        Case(
            .failure,
            "kafka.open_transactions",
            "no read_committed reader sees the results",
            "after its transaction time-out"
        ) {
            held("otp.verify.results", since: 1_795_428_000_000)
        },
        Case(.warning, "kafka.quota", "hold answers to this user back by 250ms on average", "producer_byte_rate") {
            [judge().quota(.milliseconds(250))]
        },
    ]

    static let access: [Case] = [
        Case(
            .failure,
            "access.read",
            "may not read t",
            "--bootstrap-server h:1 --add --allow-principal User:… --operation Read --topic t"
        ) {
            [judge().reading("t", .failure(KafkaError("x", .topicAuthorizationFailed)))]
        },
        Case(.failure, "access.transactions", "begin with g-", "--resource-pattern-type prefixed --transactional-id g-")
        {
            [judge().transactions(KafkaError("x", .transactionalIDAuthorizationFailed))]
        },
        // The worker's own id may be all that was granted, and all that it needs.
        Case(
            .warning,
            "access.transactions",
            "not tried: this user has no right to the transactional id g-3-doctor",
            "--transactional-id g-3"
        ) {
            [judge(slot: "3").transactions(KafkaError("x", .transactionalIDAuthorizationFailed))]
        },
        Case(.failure, "access.transactions", "no transaction can be run", "IdempotentWrite --cluster") {
            [judge().transactions(KafkaError("x", .clusterAuthorizationFailed))]
        },
        Case(.failure, "access.transactions", "no transaction can be run", "a cluster that has transactions") {
            [judge().transactions(KafkaError("x", .unsupportedFeature))]
        },
        Case(.failure, "access.transactions", "no transaction can be run", "kafka.transaction_timeout") {
            [judge().transactions(KafkaError("x", .invalidTransactionTimeout))]
        },
        Case(.failure, "access.transactions", "no transaction can be run", "__transaction_state") {
            [judge().transactions(KafkaError("x", .timedOut))]
        },
        Case(.failure, "access.write", "t cannot be written to", "--operation Write --operation Describe --topic t") {
            [judge().writing("t", KafkaError("x", .topicAuthorizationFailed))]
        },
        Case(.failure, "access.write", "t cannot be written to", "min.insync.replicas of t") {
            [judge().writing("t", KafkaError("x", .notEnoughReplicas))]
        },
        Case(
            .failure,
            "access.group",
            "offsets of g cannot be committed",
            "--operation Read --operation Describe --group g"
        ) {
            [judge().committing(KafkaError("x", .groupAuthorizationFailed))]
        },
    ]

    static let host: [Case] = [
        Case(.warning, "host.open_files", "only 256 files may be open", "LimitNOFILE") {
            [HostChecks.openFiles(256, connections: 512)]
        },
        Case(.warning, "check_otp.secret_key_file", "every user of this machine may open /k", "chmod o-rwx /k") {
            [HostChecks.keyFile("/k", mode: 0o644)]
        },
    ]

    @Test(arguments: connection + brokers + topics) func aBrokenClusterIsToldWithItsRemedy(_ broken: Case) {
        broken.verify()
    }

    @Test(arguments: group + open + access + host) func aBrokenPlaceInItIsToldWithItsRemedy(_ broken: Case) {
        broken.verify()
    }

    /// A ledger that forgets breaks a promise; being short of 7 days as well, it is told twice.
    @Test func aLedgerThatForgetsTooEarlyIsAFailure() throws {
        let found = Self.judged { $0["otp.verify.ledger"]?.config?["retention.ms"] = "600000" }
        let failure = try #require(found.first { $0.severity == .failure })
        #expect(failure.message.contains("keeps records for 10m, and a session must be remembered for 32m"))
        #expect(failure.remedy?.contains("retention.ms=604800000") ?? false)
    }

    @Test func allIsWellWhereAllIsWell() {
        #expect(Self.judged { _ in }.allSatisfy { $0.severity == .ok })
        #expect(Self.judged { _ in }.count == 4)
        let answered = ConnectionChecks.Cluster(id: "abc", brokers: [.init(id: 1, host: "h", port: 1)])
        #expect(
            ConnectionChecks.connection(.success(answered), bootstrap: "h:1").message
                == "h:1 answers: 1 broker, cluster abc"
        )
        #expect(Self.settings(Self.goodSettings).map(\.severity) == [.ok])
        #expect(Self.offsets(committed: 15, low: 10, high: 20) == [.ok("kafka.offsets", "5 commands to be read")])
        // A partition that nothing was committed for is read from its beginning.
        let (first, second) = (TopicPartition("c", 0), TopicPartition("c", 1))
        let waiting = GroupChecks.offsets(
            [.init(first, offset: 20)],
            [first: .init(low: 0, high: 20), second: .init(low: 3, high: 10)]
        )
        #expect(waiting == [.ok("kafka.offsets", "7 commands to be read")])
        #expect(Self.judge().reading("t", .success(true)).severity == .ok)
        #expect(Self.judge().reading("t", .success(false)).severity == .skipped)
        #expect(Self.judge(slot: "3").transactionalID == "g-3-doctor")
        #expect(HostChecks.keyFile("/k", mode: 0o640).severity == .ok)
        #expect(Self.judge().transactions(nil).severity == .ok)
        #expect(Self.judge().quota(.zero).severity == .ok)
        let late = KafkaError("produce", .messageTimedOut)
        #expect(Self.judge().writing("t", late, throttle: .seconds(2)).severity == .skipped)
        #expect(Self.judge().writing("t", late).severity == .failure)
        #expect(TransactionChecks(Self.worker()).holds(.success([]), now: 0).map(\.severity) == [.ok])
        #expect(Self.group("cooperative-sticky", Self.member).map(\.severity) == [.ok])
    }

    /// Where a user may not see something, nothing is made of it.
    @Test func whatCannotBeSeenIsNoFault() {
        #expect(
            BrokerChecks.settings(.failure(KafkaError("x", .timedOut)), brokers: 3, for: Self.worker()).map(\.severity)
                == [.skipped]
        )
        #expect(
            Self.judged { topics in for name in topics.keys { topics[name]?.config = nil } }.allSatisfy {
                $0.severity == .ok
            }
        )
        #expect(
            GroupChecks.group(.failure(KafkaError("x", .timedOut)), id: "g", topic: "c", partitions: 1).map(\.severity)
                == [.skipped]
        )
    }
}

extension ClusterDiagnosisTests {
    private static func refused(_ code: KafkaError.Code) -> Diagnosis {
        ConnectionChecks.connection(.failure(KafkaError("brokers", code, reason: "the reason")), bootstrap: "h:1")
    }

    private static let goodSettings = [
        "inter.broker.protocol.version": "3.6-IV2", "transaction.max.timeout.ms": "900000",
        "group.min.session.timeout.ms": "6000", "group.max.session.timeout.ms": "1800000",
        "transaction.state.log.replication.factor": "3", "offsets.topic.replication.factor": "3",
        "offsets.retention.minutes": "10080",
    ]

    private static func worker(replies: [String] = []) -> WorkerConfiguration {
        var worker = WorkerConfiguration()
        worker.kafka.brokers = "h:1"
        worker.results.allowedReplyTopics = replies
        return worker
    }

    private static func judge(slot: String? = nil) -> AccessChecks {
        var worker = worker()
        worker.kafka.groupID = "g"
        worker.kafka.groupInstanceID = slot
        return AccessChecks(worker)
    }

    private static func settings(_ broken: [String: String], brokers: Int = 3) -> [Diagnosis] {
        BrokerChecks.settings(.success(goodSettings.merging(broken) { $1 }), brokers: brokers, for: worker())
    }

    /// Four topics on three brokers, all as they should be but for what the body breaks.
    private static func judged(
        replies: [String] = [],
        brokers: Int = 3,
        _ break: (inout [String: TopicChecks.Topic]) -> Void
    ) -> [Diagnosis] {
        let worker = worker(replies: replies)
        var topics: [String: TopicChecks.Topic] = [:]
        for name in worker.topics.all {
            topics[name] = TopicChecks.Topic(
                partitions: Array(repeating: .init(leader: 1, replicas: 3, inSync: 3), count: 6),
                config: [
                    "cleanup.policy": name == worker.topics.ledger ? "compact,delete" : "delete",
                    "retention.ms": name == worker.topics.commands ? "172800000" : "604800000",
                    "min.insync.replicas": "2", "max.message.bytes": "262144",
                    "unclean.leader.election.enable": "false",
                    "compression.type": name == worker.topics.commands ? "uncompressed" : "producer",
                ]
            )
        }
        `break`(&topics)
        return TopicChecks(worker, topics: topics, brokers: brokers).findings
    }

    private static func offsets(committed: Int64, low: Int64, high: Int64) -> [Diagnosis] {
        let partition = TopicPartition("c", 1)
        return GroupChecks.offsets([.init(partition, offset: committed)], [partition: .init(low: low, high: high)])
    }
}
