import Foundation
import Logging
import OTPContract
import OTPObservability
import OTPWorker
import Testing

/// File, then environment, then flags, each setting for itself.
struct PrecedenceTests {
    private let yaml = """
        kafka:
          brokers: file:9092
          group_id: from-file
          session_timeout: 20s
          properties:
            security.protocol: SASL_SSL
            sasl.mechanism: PLAIN
        topics:
          commands: from.file
        """

    @Test func theFileAloneIsTaken() throws {
        let kafka = try Reading.settings(yaml: yaml).worker.kafka
        #expect(kafka.brokers == "file:9092")
        #expect(kafka.groupID == "from-file")
        #expect(kafka.sessionTimeout == .seconds(20))
        #expect(kafka.properties == ["security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"])
    }

    @Test func fieldsAreMappedOneByOne() throws {
        let settings = try Reading.settings(
            yaml: "commands:\n  fields:\n    otp_session_id: /card/otp/session\n    otp_code: /a~1b/0\n",
            environment: ["OTP_COMMANDS_FIELDS_USER_GSM": "/card/owner/phone"],
            flags: [("commands.fields.otp_code", "/code")]
        )
        let fields = settings.worker.commands.fields
        #expect(fields.sessionID.names == ["card", "otp", "session"])
        #expect(fields.phone.names == ["card", "owner", "phone"])
        #expect(fields.code.names == ["code"])
        #expect(fields.commandID.names == ["command_id"])
    }

    @Test func aListIsWrittenInOneLineOrAsOne() throws {
        for yaml in ["[a, b.c, a]", "a, b.c,a", "\n    - a\n    - b.c"] {
            let settings = try Reading.settings(yaml: "results:\n  allowed_reply_topics: \(yaml)\n")
            #expect(settings.worker.results.allowedReplyTopics == ["a", "b.c"])
        }
        let variable = ["OTP_RESULTS_ALLOWED_REPLY_TOPICS": "a,b.c,otp.verify.results"]
        #expect(try Reading.settings(environment: variable).worker.replyTopics == ["a", "b.c"])
    }

    @Test func theEnvironmentGoesOverTheFileAndFlagsGoOverBoth() throws {
        let settings = try Reading.settings(
            yaml: yaml,
            environment: [
                "OTP_KAFKA_BROKERS": "variable:9092", "OTP_KAFKA_GROUP_ID": "from-variable",
                "OTP_KAFKA_PROPERTIES_SASL_MECHANISM": "SCRAM-SHA-512", "OTP_TOPICS_DEAD_LETTERS": "from.variable",
            ],
            flags: [("kafka.brokers", "flag:9092")]
        )
        #expect(settings.worker.kafka.brokers == "flag:9092")
        #expect(settings.worker.kafka.groupID == "from-variable")
        #expect(settings.worker.topics.commands == "from.file")
        #expect(settings.worker.topics.deadLetters == "from.variable")
        #expect(settings.worker.kafka.properties["sasl.mechanism"] == "SCRAM-SHA-512")
        #expect(settings.worker.kafka.properties["security.protocol"] == "SASL_SSL")
    }

    @Test func theLaterOfTwoFlagsWins() throws {
        let settings = try Reading.settings(flags: [("log.level", "debug"), ("log.level", "error")])
        #expect("\(settings.logLevel)" == "error")
    }

    @Test func levelsOfComponentsCanBeAListOrOneText() throws {
        let expected: [LogComponent: Logger.Level] = [.kafka: .debug, .checkOTP: .warning]
        let text = "kafka=debug, check_otp = Warning"
        #expect(try Reading.settings(flags: [("log.levels", text)]).logLevels == expected)
        #expect(try Reading.settings(environment: ["OTP_LOG_LEVELS": text]).logLevels == expected)
        #expect(try Reading.settings(yaml: "log:\n  levels: [kafka=debug, check_otp=warning]\n").logLevels == expected)
        #expect(Setting.named("log.levels")?.defaultText == nil)
    }

    @Test func whatIsEmptyIsNotSet() throws {
        let settings = try Reading.settings(
            yaml: "kafka:\nledger:\n  retention:\n",
            environment: ["OTP_KAFKA_GROUP_ID": ""]
        )
        #expect(settings.worker.kafka.groupID == "otp-worker")
        #expect(settings.worker.ledger.retention == .seconds(1_800))
    }

    @Test func anEmptyFileSaysNothing() throws {
        #expect(try Reading.settings(yaml: "# nothing yet\n").worker.kafka.groupID == "otp-worker")
    }

    @Test func theWorkerIsNamedAfterItsHost() throws {
        #expect(try Reading.settings().worker.name == "host-1")
        #expect(try Reading.settings(environment: ["OTP_WORKER_NAME": "slot-3"]).worker.name == "slot-3")
    }

    @Test func theKeyMayLieInAFile() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try Data("\(Reading.key)\n".utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let settings = try Reading.settings(
            environment: ["OTP_CHECK_OTP_SECRET_KEY_FILE": path],
            flags: [("kafka.brokers", "a:1")],
            for: .worker
        )
        #expect(settings.worker.checkOTP.secretKey?.revealed == Reading.key)
    }

    /// Kubernetes makes variables for each Service; test tools have theirs.
    @Test func variablesOfOthersAreLeftAlone() throws {
        let others = [
            "OTP_WORKER_SERVICE_HOST": "10.0.0.1", "OTP_WORKER_SERVICE_PORT": "80",
            "OTP_WORKER_PORT": "tcp://10.0.0.1:80",
            "OTP_WORKER_PORT_80_TCP": "tcp://10.0.0.1:80", "OTP_TEST_KAFKA": "h:9", "OTP_SANDBOX_SECRET_KEY": "k",
            "OTPION": "x",
        ]
        #expect(throws: Never.self) { try Reading.settings(environment: others) }
    }

    /// A Service's name may be such that its variables are those of settings.
    @Test func serviceLinksAreIgnoredAndTold() throws {
        let links = [
            "OTP_KAFKA_PORT": "tcp://10.0.0.2:9092", "OTP_KAFKA_SERVICE_HOST": "10.0.0.2",
            "OTP_KAFKA_SERVICE_PORT_SASL": "9092",
            "OTP_KAFKA_PORT_9092_TCP_ADDR": "10.0.0.2", "OTP_ADMIN_PORT": "tcp://10.0.0.3:80",
            "OTP_KAFKA_PROPERTIES_PORT": "tcp://10.0.0.4:80", "OTP_KAFKA_PROPERTIES_SERVICE_HOST": "10.0.0.4",
        ]
        let effective = try Reading.effective(environment: links)
        #expect(effective.serviceLinks == links.keys.sorted())
        #expect(effective.settings.worker.admin.port == 9_464)
        #expect(effective.settings.worker.kafka.properties.isEmpty)
        // The same names with a setting's value are settings.
        let own = try Reading.effective(environment: ["OTP_ADMIN_PORT": "81", "OTP_KAFKA_PROPERTIES_LINGER_MS": "2"])
        #expect(own.serviceLinks.isEmpty && own.settings.worker.admin.port == 81)
        #expect(own.settings.worker.kafka.properties == ["linger.ms": "2"])
    }
}

/// A slot that has a name keeps its transactional id, so that a restart ends what its predecessor left open.
struct SlotTests {
    private func transactionalID(_ host: String, _ environment: [String: String]) throws -> String? {
        try SettingsReader.read(
            file: nil,
            environment: environment.merging(["OTP_KAFKA_GROUP_ID": "group"]) { $1 },
            flags: [],
            for: .demonstration,
            hostName: host
        ).settings.worker.kafka.transactionalID
    }

    private let kubernetes = ["KUBERNETES_SERVICE_HOST": "10.0.0.1"]

    @Test func aStatefulSetsPodHasOne() throws {
        #expect(try transactionalID("otp-worker-3", kubernetes) == "group-otp-worker-3")
    }

    @Test func otherPodsAndOtherMachinesHaveNone() throws {
        #expect(try transactionalID("otp-worker-7d9f8b-x2x4z", kubernetes) == nil)
        #expect(try transactionalID("laptop-2", [:]) == nil)
    }

    @Test func whatIsSetIsNotTouched() throws {
        let set = kubernetes.merging(["OTP_KAFKA_TRANSACTIONAL_ID": "mine"]) { $1 }
        #expect(try transactionalID("otp-worker-3", set) == "mine")
        let instance = kubernetes.merging(["OTP_KAFKA_GROUP_INSTANCE_ID": "i"]) { $1 }
        #expect(try transactionalID("otp-worker-3", instance) == nil)
    }
}
