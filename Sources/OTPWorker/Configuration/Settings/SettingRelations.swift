import CheckOTP
import OTPContract

/// How settings must relate to one another, whatever each is by itself.
enum SettingRelations {
    /// Each fault under the setting that one would rather change.
    static func faults(of settings: Settings) -> [(key: String, fault: Setting.Fault)] {
        let worker = settings.worker
        return (calls(worker) + membership(worker)).compactMap { $0.fault(DurationText.format) }
            + bounds(worker).compactMap { $0.fault { "\($0)" } } + topics(worker.topics, worker.results)
            + fields(worker.commands.fields) + connection(worker.checkOTP)
    }

    private static func calls(_ worker: WorkerConfiguration) -> [Relation<Duration>] {
        [
            .init(
                ("ledger.retention", worker.ledger.retention),
                .above,
                ("commands.max_age", worker.commands.maximumAge),
                "a session must be remembered longer than its commands live"
            ),
            .init(
                ("check_otp.attempt_timeout", worker.checkOTP.attemptTimeout),
                .atMost,
                ("check_otp.total_timeout", worker.checkOTP.totalTimeout),
                "one attempt must fit into a command's total time"
            ),
            .init(
                ("check_otp.connect_timeout", worker.checkOTP.connectTimeout),
                .atMost,
                ("check_otp.attempt_timeout", worker.checkOTP.attemptTimeout),
                "connecting is part of an attempt"
            ),
            .init(
                ("check_otp.total_timeout", worker.checkOTP.totalTimeout),
                .atMost,
                ("commands.max_age", worker.commands.maximumAge),
                "a command must not be retried after it has expired"
            ),
            .init(
                ("check_otp.retry_initial_backoff", worker.checkOTP.backOffBase),
                .atMost,
                ("check_otp.retry_max_backoff", worker.checkOTP.backOffCap),
                "the first pause must not be longer than the longest"
            ),
            .init(
                ("breaker.open_duration", worker.breaker.openDuration),
                .below,
                ("breaker.max_wait", worker.breaker.maximumWait),
                "a waiting command must live to find out"
            ),
            .init(
                ("breaker.open_duration", worker.breaker.openDuration),
                .atMost,
                ("breaker.max_open_duration", worker.breaker.maxOpenDuration),
                "the first must not be longer than the longest"
            ),
            .init(
                ("breaker.halt_probe_interval", worker.breaker.haltProbeInterval),
                .atMost,
                ("breaker.max_halt_probe_interval", worker.breaker.maxHaltProbeInterval),
                "the first must not be longer than the longest"
            ),
            .init(
                ("check_otp.idle_timeout", worker.checkOTP.idleTimeout),
                .atMost,
                ("check_otp.max_connection_age", worker.checkOTP.connectionAge),
                "no connection can be idle for longer than it lives"
            ),
        ]
    }

    private static func membership(_ worker: WorkerConfiguration) -> [Relation<Duration>] {
        [
            .init(
                ("rebalance.revoke_timeout", worker.delivery.revokeTimeout),
                .below,
                ("kafka.session_timeout", worker.kafka.sessionTimeout),
                "the group would give the partitions away before their work is finished"
            ),
            .init(
                ("delivery.commit_interval", worker.delivery.commitInterval),
                .below,
                ("kafka.transaction_timeout", worker.kafka.transactionTimeout),
                "the broker would abort what is still collecting"
            ),
            .init(
                ("ledger.restore_timeout", worker.ledger.restoreTimeout),
                .above,
                ("kafka.transaction_timeout", worker.kafka.transactionTimeout),
                "a restore waits for a dead worker's open transaction"
            ),
        ]
    }

    private static func bounds(_ worker: WorkerConfiguration) -> [Relation<Int>] {
        [
            .init(
                ("admission.low", worker.delivery.admissionLow),
                .below,
                ("admission.high", worker.delivery.admissionHigh),
                "reading must pause above where it resumes"
            ),
            .init(
                ("check_otp.warm_connections", worker.checkOTP.warmConnections),
                .atMost,
                ("check_otp.max_in_flight", worker.checkOTP.maximumInFlight),
                "those held open are among those allowed"
            ),
            .init(
                ("delivery.max_batch", worker.delivery.maximumBatch),
                .atMost,
                ("admission.high", worker.delivery.admissionHigh),
                "a transaction cannot hold more commands than memory does"
            ),
        ]
    }

    private static func connection(_ upstream: WorkerConfiguration.CheckOTP) -> [(key: String, fault: Setting.Fault)] {
        var faults: [(String, Setting.Fault)] = []
        if let origin = upstream.origin, !origin.isTLS, !origin.isLoopback, !upstream.allowsPlaintext {
            faults.append(
                (
                    "check_otp.url",
                    Setting.Fault(
                        what: "key, phone numbers and codes would pass in the clear to \(origin.host)",
                        remedy: "write https://; a test upstream on a network of its own may have"
                            + " check_otp.allow_plaintext: true"
                    )
                )
            )
        }
        if (upstream.clientCertificateFile == nil) != (upstream.clientKeyFile == nil) {
            let missing = upstream.clientKeyFile == nil ? "client_key_file" : "client_certificate_file"
            faults.append(
                (
                    "check_otp.\(missing)",
                    Setting.Fault(
                        what: "a client certificate needs its key, and a key its certificate",
                        remedy: "set both files or neither"
                    )
                )
            )
        }
        if let proxy = upstream.proxy, let origin = upstream.origin, !proxy.canTunnel(to: origin) {
            faults.append(
                (
                    "check_otp.proxy",
                    Setting.Fault(
                        what:
                            "a proxy is asked for a tunnel only: it must be http://, and the upstream https:// with a name",
                        remedy: "correct it, or leave it out"
                    )
                )
            )
        }
        return faults
    }

    /// Two fields in one place, or one within the other, would leave no command usable.
    private static func fields(_ fields: CommandFields) -> [(key: String, fault: Setting.Fault)] {
        let all = Field.allCases
        return all.indices.compactMap { index in
            let names = fields[all[index]].names
            let clash = all[..<index].first { other in
                names.starts(with: fields[other].names) || fields[other].names.starts(with: names)
            }
            guard let clash else { return nil }
            return (
                "commands.fields.\(all[index].rawValue)",
                Setting.Fault(
                    what: "\(fields[all[index]]) and commands.fields.\(clash.rawValue) (\(fields[clash])) overlap",
                    remedy: "give each field a place of its own"
                )
            )
        }
    }

    private static func topics(
        _ topics: WorkerConfiguration.Topics,
        _ results: WorkerConfiguration.Results
    ) -> [(key: String, fault: Setting.Fault)] {
        let named = [
            ("topics.commands", topics.commands), ("topics.results", topics.results), ("topics.ledger", topics.ledger),
            ("topics.dead_letters", topics.deadLetters),
        ]
        let own = named.indices.compactMap { index -> (key: String, fault: Setting.Fault)? in
            guard let other = named[..<index].first(where: { $0.1 == named[index].1 }) else { return nil }
            return (
                named[index].0,
                Setting.Fault(what: "\(other.0) names the same topic", remedy: "give each of the four its own topic")
            )
        }
        // A producer must not be able to have a result written where commands or the ledger are read.
        let clash = named.first { $0.0 != "topics.results" && results.allowedReplyTopics.contains($0.1) }
        return own
            + (clash.map { clash in
                [
                    (
                        "results.allowed_reply_topics",
                        Setting.Fault(what: "\(clash.1) is \(clash.0)", remedy: "name topics for results only")
                    )
                ]
            } ?? [])
    }
}

/// One setting compared with another.
private struct Relation<Value: Comparable> {
    enum Order: String {
        case above = "more than"
        case below = "less than"
        case atMost = "at most"
    }

    private let left: (key: String, value: Value)
    private let order: Order
    private let right: (key: String, value: Value)
    private let why: String

    init(_ left: (String, Value), _ order: Order, _ right: (String, Value), _ why: String) {
        self.left = (left.0, left.1)
        self.order = order
        self.right = (right.0, right.1)
        self.why = why
    }

    func fault(_ format: (Value) -> String) -> (key: String, fault: Setting.Fault)? {
        let holds =
            switch order {
            case .above: left.value > right.value
            case .below: left.value < right.value
            case .atMost: left.value <= right.value
            }
        guard !holds else { return nil }
        let what = "\(format(left.value)) must be \(order.rawValue) \(right.key) (\(format(right.value))): \(why)"
        return (left.key, Setting.Fault(what: what, remedy: "change one of the two"))
    }
}
