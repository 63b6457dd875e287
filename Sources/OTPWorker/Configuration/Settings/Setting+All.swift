import CheckOTP
import Logging
import OTPContract
import OTPEngine
import OTPObservability

extension Setting {
    /// Every setting, in the order of the example file.
    ///
    /// Keys with the same first word stand together.
    ///
    /// Any property of librdkafka can be set besides, under ``propertyPrefix``.
    package static let all: [Setting] =
        kafka + topics + commands + results + deadLetters + checkOTP + breaker + ledger + delivery + process

    private static let kafka: [Setting] = [
        .text(
            "kafka.brokers",
            \.worker.kafka.brokers,
            "Where the cluster is found at first; two or three brokers are enough, the rest is learnt from them.",
            .brokers,
            example: "localhost:9092"
        ),
        .text(
            "kafka.group_id",
            \.worker.kafka.groupID,
            "The consumer group; all workers of one fleet share it."
        ),
        .text(
            "kafka.group_instance_id",
            \.worker.kafka.groupInstanceID,
            """
            This worker's fixed slot in the group (static membership): its partitions wait for its restart instead of \
            moving. Unique in the fleet. Unset, a worker joins and leaves as it starts and stops, as scaling wants it.
            """,
            .name,
            example: "otp-worker-0"
        ),
        .text(
            "kafka.transactional_id",
            \.worker.kafka.transactionalID,
            """
            Stable per worker slot, never shared by two workers, so that a restart ends what its predecessor left open. \
            Unset, it is made from kafka.group_instance_id, else in Kubernetes from the name of a StatefulSet's pod, else \
            drawn again at each start: then what a crash left open blocks readers until transaction_timeout.
            """,
            example: "otp-worker-0"
        ),
        .duration(
            "kafka.session_timeout",
            \.worker.kafka.sessionTimeout,
            .seconds(6) ... .seconds(300),
            "After this silence the group gives a worker's partitions to others. Short: a user waits for the answer."
        ),
        .duration(
            "kafka.transaction_timeout",
            \.worker.kafka.transactionTimeout,
            .seconds(2) ... .seconds(300),
            "After this time the broker aborts a dead worker's transaction, which blocks readers until then."
        ),
    ]

    private static let topics: [Setting] = [
        .text("topics.commands", \.worker.topics.commands, "Commands are read from here.", .topic),
        .text("topics.results", \.worker.topics.results, "One result per command goes here.", .topic),
        .text(
            "topics.ledger",
            \.worker.topics.ledger,
            "What was asked and answered; compacted, as many partitions as the commands have, written by workers only.",
            .topic
        ),
        .text("topics.dead_letters", \.worker.topics.deadLetters, "Where unusable records are pointed to.", .topic),
    ]

    private static let checkOTP: [Setting] = upstream + calls + connections

    private static let upstream: [Setting] = [
        Setting(
            key: "check_otp.url",
            kind: .url,
            unit: "",
            range: "https://host[:port][/path]",
            meaning: "The upstream's origin; the test environment is https://pts-api.paynet.com.tr.",
            example: nil,
            store: { text, settings throws(Fault) in
                do throws(Origin.Unusable) {
                    settings.worker.checkOTP.origin = try Origin(text)
                } catch {
                    throw Fault(what: "\(error)", remedy: "write an origin such as \(Settings.liveURL)")
                }
            },
            show: { $0.worker.checkOTP.origin?.description }
        ),
        .flag(
            "check_otp.allow_plaintext",
            \.worker.checkOTP.allowsPlaintext,
            "Take http:// for an upstream beyond this machine: key, phone numbers and codes then pass in the clear."
        ),
        Setting(
            key: "check_otp.secret_key",
            kind: .secret,
            unit: "",
            range: "the key exactly as issued (sck_…)",
            meaning: "The upstream's secret key: by environment only. It also keys the ledger's fingerprints.",
            example: nil,
            store: { text, settings throws(Fault) in settings.worker.checkOTP.secretKey = try secret(text) },
            show: { _ in nil }
        ),
        .text(
            "check_otp.secret_key_file",
            \.worker.checkOTP.secretKeyFile,
            "A file that holds the secret key alone; read again on SIGHUP and while the upstream refuses the key.",
            .file,
            kind: .file,
            example: "/run/secrets/check_otp"
        ),
        .choice(
            "check_otp.authentication",
            \.worker.checkOTP.authentication,
            [("secret_key", .secretKey), ("basic_pair", .basicPair)],
            "How the key is shown: `Basic <key>` as documented, or `Basic base64(<key>:)` as some accounts send it.",
            isShown: false
        ),
        .text(
            "check_otp.ca_file",
            \.worker.checkOTP.caFile,
            "PEM file with certificate authorities to trust besides the system's.",
            .file,
            kind: .file,
            example: "/etc/ssl/private-ca.pem"
        ),
        .text(
            "check_otp.client_certificate_file",
            \.worker.checkOTP.clientCertificateFile,
            "PEM file with a client certificate and its chain, for an upstream that asks for one.",
            .file,
            kind: .file,
            example: "/run/secrets/client.pem"
        ),
        .text(
            "check_otp.client_key_file",
            \.worker.checkOTP.clientKeyFile,
            "PEM file with that certificate's key, without a passphrase.",
            .file,
            kind: .file,
            example: "/run/secrets/client.key"
        ),
        Setting(
            key: "check_otp.proxy",
            kind: .url,
            unit: "",
            range: "http://host[:port]",
            meaning: "A proxy that tunnels (CONNECT) to the upstream, for an egress address that the upstream knows.",
            example: "http://egress.example:3128",
            store: { text, settings throws(Fault) in
                do throws(Origin.Unusable) {
                    settings.worker.checkOTP.proxy = try Origin(text)
                } catch {
                    throw Fault(what: "\(error)", remedy: "write http://host:port")
                }
            },
            show: { $0.worker.checkOTP.proxy?.description }
        ),
    ]

    private static let calls: [Setting] = [
        .duration(
            "check_otp.total_timeout",
            \.worker.checkOTP.totalTimeout,
            .milliseconds(100) ... .seconds(300),
            "From a command's first turn on, no retry begins later than this."
        ),
        .duration(
            "check_otp.attempt_timeout",
            \.worker.checkOTP.attemptTimeout,
            .milliseconds(100) ... .seconds(60),
            "One attempt, connecting included. An answer that comes later is unknown: the result may be in doubt."
        ),
        .integer(
            "check_otp.max_attempts",
            \.worker.checkOTP.maximumAttempts,
            1...20,
            unit: "attempts",
            "Attempts per command, the first included."
        ),
        .integer(
            "check_otp.ambiguous_retries",
            \.worker.checkOTP.ambiguousRetries,
            0...5,
            unit: "attempts",
            "How often to ask again when an earlier attempt may have been processed. More answers, more doubt."
        ),
        .duration(
            "check_otp.retry_initial_backoff",
            \.worker.checkOTP.backOffBase,
            .milliseconds(1) ... .seconds(60),
            "The first pause between attempts is drawn from up to this; each next one from twice as much."
        ),
        .duration(
            "check_otp.retry_max_backoff",
            \.worker.checkOTP.backOffCap,
            .milliseconds(1) ... .seconds(60),
            "No pause between attempts is longer, unless the upstream asks for it."
        ),
        .integer(
            "check_otp.max_in_flight",
            \.worker.checkOTP.maximumInFlight,
            1...10_000,
            unit: "calls",
            "Calls, and so connections, at a time per worker."
        ),
        .flag(
            "check_otp.adaptive_concurrency",
            \.worker.checkOTP.adaptsConcurrency,
            "Fewer calls at a time while the upstream answers 429 or 503 or lets attempts time out."
        ),
        .integer(
            "check_otp.rate_limit",
            \.worker.checkOTP.rateLimit,
            0...1_000_000,
            unit: "calls/s of the whole fleet",
            "Each worker takes the share of its partitions; 0 is no limit."
        ),
        .integer(
            "check_otp.retry_percent",
            \.worker.checkOTP.retryPercent,
            0...100,
            unit: "retries per 100 calls",
            "Beyond it a command is answered instead of asked about again: retries must not add to an outage."
        ),
        .duration(
            "check_otp.max_retry_after",
            \.worker.checkOTP.longestHold,
            .zero ... .seconds(60),
            """
            The longest that Retry-After holds back all commands, once several sessions were told to wait; until then each \
            waits for itself.
            """
        ),
    ]

    private static let connections: [Setting] = [
        .duration(
            "check_otp.connect_timeout",
            \.worker.checkOTP.connectTimeout,
            .milliseconds(50) ... .seconds(60),
            "Name look-up, connecting and TLS handshake together."
        ),
        .duration(
            "check_otp.idle_timeout",
            \.worker.checkOTP.idleTimeout,
            .seconds(1) ... .seconds(3_600),
            """
            An unused connection is closed after this; keep it shorter than the upstream's own limit. A shorter one that the \
            upstream tells in `Keep-Alive` is kept by itself.
            """
        ),
        .duration(
            "check_otp.max_connection_age",
            \.worker.checkOTP.connectionAge,
            .seconds(1) ... .seconds(86_400),
            "No connection is used for longer, so that a change in DNS is followed."
        ),
        .flag(
            "check_otp.reuse_connections",
            \.worker.checkOTP.reusesConnections,
            "False: one call per connection, so that not even a late second answer can meet the next; each pays a handshake."
        ),
        .integer(
            "check_otp.warm_connections",
            \.worker.checkOTP.warmConnections,
            0...100,
            unit: "connections",
            "So many are held open while nobody asks, so that a first command pays no handshake."
        ),
    ]

    private static let breaker: [Setting] = [
        .integer(
            "breaker.consecutive_failures",
            \.worker.breaker.consecutiveFailures,
            1...1_000,
            unit: "sessions",
            """
            After so many different sessions failed in a row, and none was served between, the upstream is not asked for a \
            while; 1 counts as 2.
            """
        ),
        .integer(
            "breaker.failure_percent",
            \.worker.breaker.failurePercent,
            5...100,
            unit: "%",
            """
            So is it after this share of failures within breaker.window, if several sessions failed; 100 is never: while \
            somebody is served, a session that fails may be alone with that.
            """
        ),
        .integer(
            "breaker.minimum_calls",
            \.worker.breaker.minimumCalls,
            1...10_000,
            unit: "calls",
            "Fewer calls within breaker.window are too few to judge by their share."
        ),
        .duration(
            "breaker.window",
            \.worker.breaker.window,
            .seconds(1) ... .seconds(300),
            "How far back the share looks."
        ),
        .duration(
            "breaker.open_duration",
            \.worker.breaker.openDuration,
            .milliseconds(100) ... .seconds(300),
            "How long the upstream is left alone at first; then one command finds out, and each next time is twice as long."
        ),
        .duration(
            "breaker.max_open_duration",
            \.worker.breaker.maxOpenDuration,
            .milliseconds(100) ... .seconds(300),
            "No such time is longer."
        ),
        .duration(
            "breaker.max_wait",
            \.worker.breaker.maximumWait,
            .milliseconds(100) ... .seconds(300),
            "A command that has waited so long while the upstream is left alone is answered without a call."
        ),
        .duration(
            "breaker.halt_probe_interval",
            \.worker.breaker.haltProbeInterval,
            .seconds(1) ... .seconds(300),
            """
            After a refused key or a blocked account, once several sessions were refused: from one probe to the next at \
            first, then twice as long each time.
            """
        ),
        .duration(
            "breaker.max_halt_probe_interval",
            \.worker.breaker.maxHaltProbeInterval,
            .seconds(1) ... .seconds(300),
            "No such time is longer: so soon the fleet notices at the latest that its key works again."
        ),
    ]

    private static let delivery: [Setting] = [
        .duration(
            "delivery.commit_interval",
            \.worker.delivery.commitInterval,
            .milliseconds(1) ... .seconds(5),
            "Between the beginnings of two transactions at the least, while commands are under way; the first after a quiet time"
                + " begins at once, and slow brokers are given more. Longer: less load, later answers."
        ),
        .integer(
            "delivery.max_batch",
            \.worker.delivery.maximumBatch,
            1...10_000,
            unit: "records",
            "Finished commands in one transaction."
        ),
        .integer(
            "admission.high",
            \.worker.delivery.admissionHigh,
            64...1_000_000,
            unit: "commands",
            "With this many commands in memory, reading pauses."
        ),
        .integer(
            "admission.low",
            \.worker.delivery.admissionLow,
            1...1_000_000,
            unit: "commands",
            "With this few in memory, reading goes on."
        ),
        .integer(
            "admission.max_bytes",
            \.worker.delivery.admissionBytes,
            8_388_608...68_719_476_736,
            unit: "bytes",
            "With commands of so many bytes in memory, reading pauses, until half of them are finished."
        ),
        .duration(
            "rebalance.revoke_timeout",
            \.worker.delivery.revokeTimeout,
            .zero ... .seconds(60),
            "A partition that is asked back is given back once nothing of it has finished for so long and no transaction holds its results; after 3 s, or this if it is longer, in any case. Meanwhile the worker reads nothing."
        ),
        .duration(
            "drain.timeout",
            \.worker.delivery.drainTimeout,
            .zero ... .seconds(600),
            "How long a stopping worker waits for calls under way; keep it below the supervisor's grace period."
        ),
    ]

    private static let process: [Setting] = [
        .text("admin.host", \.worker.admin.host, "Address of the server for probes and metrics.", .listenAddress),
        .integer(
            "admin.port",
            \.worker.admin.port,
            0...65_535,
            unit: "port",
            "Port of the server for probes and metrics; 0 takes any free one."
        ),
        .flag(
            "admin.enabled",
            \.worker.admin.isEnabled,
            "Serve /live, /ready, /status and /metrics, and at / a page for people."
        ),
        .list(
            "admin.allowed_hosts",
            \.worker.admin.allowedHosts,
            "Names, besides localhost and addresses, by which that server may be called; any other `Host` is refused.",
            .hostName,
            example: "otp-worker.internal"
        ),
        .choice("log.level", \.logLevel, Logger.Level.allCases.map { ($0.rawValue, $0) }, "The least level logged."),
        logLevels,
        .choice(
            "log.format",
            \.logForm,
            [("automatic", .automatic), ("json", .json), ("text", .text)],
            "One JSON object per line, or lines for people; automatic: for people when standard error is a terminal."
        ),
        .text(
            "worker.name",
            \.worker.name,
            "This worker in results and logs; the host's name where it is not set.",
            .name,
            example: "otp-worker-0"
        ),
    ]

    /// The key as it may be sent in a header; white space around it, such as a file's last line feed, is dropped.
    static func secret(_ text: String) throws(Fault) -> Secret {
        let key = String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        guard !key.isEmpty else {
            throw Fault(what: "it is empty", remedy: "put the key there exactly as issued (sck_…)")
        }
        guard key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Fault(
                what: "it holds characters that no header can carry",
                remedy: "put the key there exactly as issued, one line of visible ASCII characters"
            )
        }
        return Secret(key)
    }
}
