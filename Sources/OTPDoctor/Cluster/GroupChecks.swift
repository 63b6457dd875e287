import OTPContract
package import OTPKafka

/// Judges the group that the workers share, and where it stands.
package enum GroupChecks {
    /// Judges the group as its coordinator tells it.
    ///
    /// The topic is that of the commands, which is all that a worker subscribes to.
    package static func group(
        _ asked: Result<Admin.Group, KafkaError>,
        id: String,
        topic: String,
        partitions: Int
    ) -> [Diagnosis] {
        let check = "kafka.group_id"
        switch asked {
        case .failure(let error):
            return [.skipped(check, "the group \(id) cannot be described: \(error.reason)")]
        case .success(let group) where group.members == 0:
            return [.ok(check, "\(id) has no members now, or none that this user may see")]
        case .success(let group):
            let foreign = group.who.filter { isForeign($0, topic: topic) }.map { describe($0, topic: topic) }
            if !group.assignor.isEmpty, group.assignor != "cooperative-sticky" {
                return [
                    .failure(
                        check,
                        "\(id) is in use by something else: its members share partitions by \(group.assignor)"
                            + " (\(names(group.who.map { describe($0, topic: topic) })))",
                        remedy: "give the fleet a group of its own, or end those consumers: no worker can join them"
                    )
                ]
            }
            if !foreign.isEmpty {
                return [
                    .failure(
                        check,
                        "\(id) has members that are no workers: \(names(foreign)); the commands of the partitions that they get"
                            + " are not answered",
                        remedy: "end them, or give them a group of their own"
                    )
                ]
            }
            guard group.members > partitions else {
                return [.ok(check, "\(id): \(group.members.counted("member")), \(group.state.lowercased())")]
            }
            return [
                .warning(
                    check,
                    "\(id) has \(group.members) members for \(partitions) partitions: some have nothing to do",
                    remedy: "run at most \(partitions) workers, or add partitions (runbook, Growing)"
                )
            ]
        }
    }

    /// What other clients are called by default: a worker's client id is its name.
    private static let foreignNames = [
        "rdkafka", "consumer-", "console-consumer", "kafka-python", "aiokafka", "sarama", "kgo", "kafkajs", "nestjs",
        "confluent-",
    ]

    /// Certainly no worker: it subscribes to something else, or is called what other clients are called.
    private static func isForeign(_ member: Admin.Member, topic: String) -> Bool {
        if !member.topics.isEmpty, member.topics != [topic] { return true }
        return foreignNames.contains { member.clientID.hasPrefix($0) }
    }

    private static func describe(_ member: Admin.Member, topic: String) -> String {
        let topics =
            member.topics.isEmpty || member.topics == [topic]
            ? "" : ", subscribed to \(member.topics.joined(separator: ", "))"
        return "\(member.clientID) on \(member.host.drop { $0 == "/" })\(topics)"
    }

    private static func names(_ members: [String]) -> String {
        members.prefix(5).joined(separator: "; ") + (members.count > 5 ? "; and \(members.count - 5) more" : "")
    }

    /// Whether this user may see what the group has committed, which a member must.
    package static func access(_ error: KafkaError, id: String, brokers: String) -> Diagnosis {
        guard error.code == .groupAuthorizationFailed else {
            return .skipped("kafka.offsets", "what \(id) has committed cannot be read: \(error.reason)")
        }
        return .failure(
            "kafka.group_id",
            "this user has no right to the group \(id)",
            remedy: KafkaTool.grant(["Read", "Describe"], on: "--group \(id)", at: brokers)
        )
    }

    /// What was committed against what the partitions hold; they must have been asked for after the commits, for both only grow.
    package static func offsets(
        _ committed: [CommittedOffset],
        _ kept: [TopicPartition: Watermarks]
    ) -> [Diagnosis] {
        let check = "kafka.offsets"
        let commits = committed.compactMap { commit in
            commit.offset.flatMap { offset in kept[commit.topicPartition].map { (commit.topicPartition, offset, $0) } }
        }
        guard !commits.isEmpty else {
            return [.ok(check, "nothing committed yet: the first start begins at the oldest command")]
        }
        let deleted = commits.filter { $0.1 < $0.2.low }
        let beyond = commits.filter { $0.1 > $0.2.high }
        var findings: [Diagnosis] = []
        if !deleted.isEmpty {
            findings.append(
                .failure(
                    check,
                    "commands were deleted before they were read: \(list(deleted)) stand before the first record kept",
                    remedy: "raise retention.ms of the topic; what is gone stays unanswered (runbook, Disaster)"
                )
            )
        }
        if !beyond.isEmpty {
            findings.append(
                .failure(
                    check,
                    "\(list(beyond)) stand behind the topic's end: it was recreated, or restored from a copy",
                    remedy: "see the runbook, Disaster, before anything is started"
                )
            )
        }
        // A partition without a commit is read from its beginning.
        let starts = Dictionary(commits.map { ($0.0, $0.1) }, uniquingKeysWith: { first, _ in first })
        let lag = kept.reduce(0) { $0 + max(0, $1.value.high - (starts[$1.key] ?? $1.value.low)) }
        return findings.isEmpty ? [.ok(check, "\(lag.counted("command")) to be read")] : findings
    }

    private static func list(_ commits: [(TopicPartition, Int64, Watermarks)]) -> String {
        commits.map { "\($0.0)" }.sorted().joined(separator: ", ")
    }

    /// How far ahead of this machine's clock the newest commands are; both times in milliseconds since 1970.
    package static func clock(newest: Int64?, now: Int64) -> Diagnosis {
        let check = "clock.producers"
        guard let newest else { return .skipped(check, "no command is there to compare clocks by") }
        guard newest > now + 2_000 else { return .ok(check, "the newest command's time is not ahead of this clock") }
        return .warning(
            check,
            "the newest command's time is \((newest - now) / 1_000) s ahead of this machine's clock",
            remedy: "compare both clocks (chronyc tracking): deadlines are counted from a command's time"
        )
    }
}
