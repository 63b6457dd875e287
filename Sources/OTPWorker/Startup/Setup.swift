package import CheckOTP
import Dispatch
import NIOSSL
import OTPContract
package import OTPEngine
import OTPKafka

/// What a worker is made of, judged and put together from its configuration before anything runs.
struct Setup: Sendable {
    let configuration: WorkerConfiguration
    let common: ClientProperties.Common
    let consumer: [String: String]
    let idempotent: [String: String]
    /// The slot's transactional id; of this run only where none is told.
    let transactionalID: String
    let admin: Admin
    let secret: Secret
    let fingerprinter: Fingerprinter
    let replayKey: ReplayKey
    let client: CheckClientConfiguration
    let tls: NIOSSLContext?

    init(_ configuration: WorkerConfiguration) throws(StartFailure) {
        self.configuration = configuration
        let kafka = configuration.kafka
        common = ClientProperties.Common(
            bootstrapServers: kafka.brokers,
            clientID: configuration.name,
            passThrough: kafka.properties
        )
        do throws(KafkaError) {
            consumer = try ClientProperties.consumer(
                common,
                groupID: kafka.groupID,
                instanceID: kafka.groupInstanceID,
                sessionTimeout: kafka.sessionTimeout
            )
            idempotent = try ClientProperties.idempotentProducer(common)
            transactionalID = Self.transactionalID(configuration)
            _ = try ClientProperties.transactionalProducer(common, transactionalID: transactionalID)
            admin = try Admin(common)
        } catch {
            throw StartFailure(
                .configuration,
                setting: "kafka.properties",
                "\(error.reason)",
                remedy: "correct or remove the property"
            )
        }
        guard let secret = configuration.checkOTP.secretKey else {
            throw StartFailure(
                .configuration,
                setting: "check_otp.secret_key",
                "no secret key is set",
                remedy: "set OTP_CHECK_OTP_SECRET_KEY, or check_otp.secret_key_file to a file that holds it"
            )
        }
        self.secret = secret
        let digestSecret = configuration.digestSecret ?? secret
        fingerprinter = Fingerprinter(secret: digestSecret, isLedgers: configuration.ledger.secret != nil)
        replayKey = ReplayKey(secret: digestSecret)
        client = try configuration.checkOTP.clientConfiguration()
        do {
            tls = try client.makeTLSContext()
        } catch {
            throw StartFailure(explaining: error)
        }
    }

    /// The properties of a producer under a transactional id, whose requests hold so many bytes of one partition at the most.
    func transactional(_ id: String, batchBytes: Int) throws(KafkaError) -> [String: String] {
        try ClientProperties.transactionalProducer(
            common,
            transactionalID: id,
            transactionTimeout: configuration.kafka.transactionTimeout,
            batchSize: batchBytes
        )
    }

    /// Looks at the cluster, on a thread of its own: blocking calls stay off the pool that everything asynchronous shares.
    func check(_ completion: @escaping @Sendable (Result<StartCheck.Findings, StartFailure>) -> Void) {
        let check = StartCheck(
            admin: admin,
            brokers: configuration.kafka.brokers,
            properties: configuration.kafka.properties,
            topics: configuration.topics,
            replyTopics: configuration.replyTopics,
            timeout: .seconds(10)
        )
        DispatchQueue.global().async { completion(Result { () throws(StartFailure) in try check.run() }) }
    }

    /// Stable per slot where one can be told, so that a restart fences what the last run left open; else of this run only, and
    /// what it leaves open times out.
    private static func transactionalID(_ configuration: WorkerConfiguration) -> String {
        configuration.slotTransactionalID
            ?? "\(configuration.kafka.groupID)-\(configuration.name)-\(UInt64.random(in: .min ... .max))"
    }
}

extension WorkerConfiguration {
    /// The transactional id of this worker's slot; nil where none is told: each run then draws one that begins with the group's id.
    package var slotTransactionalID: String? {
        kafka.transactionalID ?? kafka.groupInstanceID.map { "\(kafka.groupID)-\($0)" }
    }
}

extension WorkerConfiguration.CheckOTP {
    /// How the upstream is called.
    package func clientConfiguration() throws(StartFailure) -> CheckClientConfiguration {
        guard let origin else {
            throw StartFailure(
                .configuration,
                setting: "check_otp.url",
                "no URL is set",
                remedy: "set it to https://api.paynet.com.tr, or to the test environment's"
            )
        }
        var client = CheckClientConfiguration(origin: origin, wallClock: { Clocks.wall().milliseconds / 1_000 })
        client.authentication = authentication
        client.maximumConnections = maximumInFlight
        client.connectTimeout = connectTimeout
        client.idleTimeout = idleTimeout
        client.maximumAge = connectionAge
        client.reusesConnections = reusesConnections
        client.extraCAFile = caFile
        client.proxy = proxy
        if let certificate = clientCertificateFile, let key = clientKeyFile {
            client.clientIdentity = .init(certificateFile: certificate, keyFile: key)
        }
        return client
    }
}

extension CommandSpans.Names {
    init(_ configuration: WorkerConfiguration, _ origin: Origin) {
        self.init(
            topics: configuration.topics,
            group: configuration.kafka.groupID,
            host: origin.host,
            port: origin.port,
            url: "\(origin)/v1/card/check_otp"
        )
    }
}

extension ProtectionSettings {
    package init(
        _ breaker: WorkerConfiguration.Breaker,
        _ upstream: WorkerConfiguration.CheckOTP,
        partitions: Int
    ) {
        self.init(
            breaker: CircuitBreaker.Settings(
                consecutiveFailures: breaker.consecutiveFailures,
                failureShare: Double(breaker.failurePercent) / 100,
                minimumCalls: breaker.minimumCalls,
                window: breaker.window,
                openDuration: breaker.openDuration,
                maxOpenDuration: breaker.maxOpenDuration
            ),
            haltProbeInterval: breaker.haltProbeInterval,
            maxHaltProbeInterval: breaker.maxHaltProbeInterval,
            maximumWait: breaker.maximumWait,
            retryShare: Double(upstream.retryPercent) / 100,
            rateLimit: upstream.rateLimit == 0 ? nil : Double(upstream.rateLimit),
            partitions: partitions,
            adaptsConcurrency: upstream.adaptsConcurrency,
            longestHold: upstream.longestHold
        )
    }
}

extension EngineConfiguration {
    init(_ configuration: WorkerConfiguration, _ findings: StartCheck.Findings, _ setup: Setup, processID: UInt64) {
        let upstream = configuration.checkOTP
        let delivery = configuration.delivery
        self.init(
            topic: configuration.topics.commands,
            group: configuration.kafka.groupID,
            worker: configuration.name,
            clusterID: findings.clusterID,
            keyID: setup.fingerprinter.keyID,
            processID: processID,
            transactionalID: setup.transactionalID,
            maximumAge: configuration.commands.maximumAge,
            totalTimeout: upstream.totalTimeout,
            attemptTimeout: upstream.attemptTimeout,
            retry: RetrySchedule(
                maximumAttempts: upstream.maximumAttempts,
                base: upstream.backOffBase,
                cap: upstream.backOffCap,
                ambiguousRetries: upstream.ambiguousRetries
            ),
            maximumInFlight: upstream.maximumInFlight,
            protection: ProtectionSettings(configuration.breaker, upstream, partitions: findings.commandPartitions),
            admission: Admission(
                high: delivery.admissionHigh,
                low: delivery.admissionLow,
                maximumBytes: delivery.admissionBytes
            ),
            maximumCodes: configuration.ledger.maximumCodesPerSession,
            maximumWrongCodes: configuration.ledger.maximumWrongCodesPerPhone,
            retention: configuration.ledger.retention,
            commitInterval: delivery.commitInterval,
            maximumBatch: delivery.maximumBatch,
            sessionTimeout: configuration.kafka.sessionTimeout,
            transactionTimeout: configuration.kafka.transactionTimeout,
            batchBytes: findings.limits.batchBytes,
            revokeTimeout: delivery.revokeTimeout,
            drainTimeout: delivery.drainTimeout,
            restoreTimeout: configuration.ledger.restoreTimeout,
            acceptLedgerLoss: configuration.ledger.acceptLoss
        )
    }
}
