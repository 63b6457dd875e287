package import CheckOTP
package import OTPContract

/// Everything a worker can be told, as one value: read in one place, judged once, then only passed on.
///
/// Defaults are those of the design; each is documented where the settings are listed. It reads no file and no environment.
package struct WorkerConfiguration: Sendable {
    /// The cluster and how this worker shows itself to it.
    package struct Kafka: Sendable {
        /// Comma-separated `host:port`.
        package var brokers = ""
        package var groupID = "otp-worker"
        /// Static membership: this worker's slot in the group; nil is dynamic membership.
        package var groupInstanceID: String?
        /// Stable per worker slot; nil is derived from the instance id, else generated for this run.
        package var transactionalID: String?
        package var sessionTimeout = Duration.seconds(6)
        package var transactionTimeout = Duration.seconds(10)
        /// Any other property of librdkafka, by its own name.
        package var properties: [String: String] = [:]

        package init() {}
    }

    /// Names of the topics.
    package struct Topics: Equatable, Sendable {
        package var commands = "otp.verify.commands"
        package var results = "otp.verify.results"
        package var ledger = "otp.verify.ledger"
        package var deadLetters = "otp.verify.dead-letters"

        package var all: [String] { [commands, results, ledger, deadLetters] }

        package init() {}
    }

    /// Where results may go.
    package struct Results: Sendable {
        /// Topics that a command may name in `kafka_replyTopic`.
        package var allowedReplyTopics: [String] = []

        package init() {}
    }

    /// What is taken for a command.
    package struct Commands: Sendable {
        package var maximumAge = Duration.seconds(120)
        /// Bytes of a record's value.
        package var maximumBytes = 65_536
        package var requiresKey = true
        package var key = KeyRule.any
        /// Where the fields are in a record's JSON.
        package var fields = CommandFields()
        /// What may stand before a record's JSON.
        package var framing = Framing.auto

        package init() {}

        /// Reads commands as this says.
        package var decoder: CommandDecoder {
            CommandDecoder(
                requireKey: requiresKey,
                key: key,
                maximumBytes: maximumBytes,
                fields: fields,
                framing: framing
            )
        }
    }

    /// What is said about unusable records.
    package struct DeadLetters: Sendable {
        /// Whether a dead letter copies the record's value.
        package var includeValue = false

        package init() {}
    }

    /// The upstream and how it is asked.
    package struct CheckOTP: Sendable {
        package var origin: Origin?
        package var secretKey: Secret?
        /// The file that holds the key, where it comes from one: it is read again on SIGHUP and when the upstream refuses the key.
        package var secretKeyFile: String?
        package var authentication = CheckClientConfiguration.Authentication.secretKey
        package var totalTimeout = Duration.seconds(15)
        package var attemptTimeout = Duration.seconds(5)
        package var connectTimeout = Duration.seconds(3)
        package var maximumInFlight = 512
        package var maximumAttempts = 4
        package var ambiguousRetries = 1
        package var backOffBase = Duration.milliseconds(200)
        package var backOffCap = Duration.seconds(2)
        package var idleTimeout = Duration.seconds(30)
        package var connectionAge = Duration.seconds(300)
        package var reusesConnections = true
        /// Whether an `http` upstream may be beyond this machine.
        package var allowsPlaintext = false
        /// PEM file with authorities that are trusted besides the system's.
        package var caFile: String?
        /// PEM files of a client certificate and its key; both or neither.
        package var clientCertificateFile: String?
        package var clientKeyFile: String?
        /// An `http` proxy that tunnels to the upstream.
        package var proxy: Origin?
        /// Connections that are held open while nobody asks anything.
        package var warmConnections = 2
        /// Calls per second of the whole fleet; 0 is any number.
        package var rateLimit = 0
        /// Retries per hundred calls.
        package var retryPercent = 20
        package var adaptsConcurrency = true
        package var longestHold = Duration.seconds(30)

        package init() {}
    }

    /// How the upstream is spared when it is in trouble.
    package struct Breaker: Sendable {
        package var consecutiveFailures = 10
        /// Per cent of the calls within the window; 100 is never.
        package var failurePercent = 100
        package var minimumCalls = 20
        package var window = Duration.seconds(10)
        package var openDuration = Duration.seconds(1)
        package var maxOpenDuration = Duration.seconds(30)
        package var maximumWait = Duration.seconds(3)
        package var haltProbeInterval = Duration.seconds(5)
        package var maxHaltProbeInterval = Duration.seconds(30)

        package init() {}
    }

    /// What is remembered of a session.
    package struct Ledger: Sendable {
        package var retention = Duration.seconds(1_800)
        package var maximumCodesPerSession = 10
        /// Within ``retention`` and one partition; 0 is any number.
        package var maximumWrongCodesPerPhone = 0
        /// Keys the fingerprints; nil: the upstream's key does.
        package var secret: Secret?
        package var secretFile: String?
        package var restoreTimeout = Duration.seconds(60)
        package var acceptLoss = false

        package init() {}
    }

    /// Transactions, bounds and time-outs of the worker itself.
    package struct Delivery: Sendable {
        package var commitInterval = Duration.milliseconds(20)
        /// Records in a transaction.
        package var maximumBatch = 2_000
        /// Commands in memory at which intake pauses, and at which it resumes.
        package var admissionHigh = 16_384
        package var admissionLow = 8_192
        /// Memory, in bytes.
        package var admissionBytes = 64 << 20
        package var revokeTimeout = Duration.seconds(1)
        package var drainTimeout = Duration.seconds(20)

        package init() {}
    }

    /// The HTTP server for probes and metrics.
    package struct Admin: Sendable {
        package var host = "127.0.0.1"
        /// 0 lets the system choose.
        package var port = 9_464
        package var isEnabled = true
        /// Names, besides `localhost` and addresses, that it may be called by.
        package var allowedHosts: [String] = []

        package init() {}
    }

    /// This worker's name in results and logs; the host's name where it is not set.
    package var name = "otp-worker"
    package var kafka = Kafka()
    package var topics = Topics()
    package var results = Results()
    package var commands = Commands()
    package var deadLetters = DeadLetters()
    package var checkOTP = CheckOTP()
    package var breaker = Breaker()
    package var ledger = Ledger()
    package var delivery = Delivery()
    package var admin = Admin()

    package init() {}

    /// Keys what a fleet's workers and its replays must agree on: the ledger's own secret where one is given, else the upstream's.
    package var digestSecret: Secret? { ledger.secret ?? checkOTP.secretKey }

    /// The topics beside `topics.results` that a command may have its result on.
    package var replyTopics: [String] { results.allowedReplyTopics.filter { $0 != topics.results } }
}
