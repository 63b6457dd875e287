import Foundation
import OTPContract
import OTPWorker
import Testing

/// What a user is told about a wrong configuration: the key, the place, what is wrong, what to do.
struct BrokenConfigurationTests {
    /// One broken configuration and what must be said about it.
    struct Case: Sendable, CustomTestStringConvertible {
        var yaml: String?
        var environment: [String: String] = [:]
        var flags: [(String, String)] = []
        var says: [String]

        var testDescription: String { says.joined(separator: " … ") }
    }

    static let cases: [Case] = [
        Case(
            yaml: "kafka:\n  brokers: h:1\n  sesion_timeout: 10s\n",
            says: [
                "kafka.sesion_timeout (worker.yaml, line 3): there is no such setting",
                "did you mean kafka.session_timeout?",
            ]
        ),
        Case(
            environment: ["OTP_KAFKA_BROKER": "h:1"],
            says: ["kafka.broker (environment, OTP_KAFKA_BROKER): there is no such", "did you mean OTP_KAFKA_BROKERS?"]
        ),
        Case(
            flags: [("topics.result", "r")],
            says: ["topics.result (--set): there is no such setting", "did you mean topics.results?"]
        ),
        Case(
            flags: [("weather", "fine")],
            says: ["weather (--set): there is no such setting", "`otp-worker config example` lists every setting"]
        ),
        Case(
            yaml: "check_otp:\n  total_timeout: 10\n",
            says: [
                "check_otp.total_timeout (worker.yaml, line 2): \"10\" is not a duration",
                "500ms or 10s; from 100ms to 5m",
            ]
        ),
        Case(
            environment: ["OTP_DELIVERY_COMMIT_INTERVAL": "10m"],
            says: [
                "delivery.commit_interval (environment, OTP_DELIVERY_COMMIT_INTERVAL): \"10m\" is out of range",
                "from 1ms to 5s",
            ]
        ),
        Case(
            flags: [("check_otp.max_in_flight", "many")],
            says: ["check_otp.max_in_flight (--set): \"many\" is not a whole number", "from 1 to 10000"]
        ),
        Case(flags: [("admin.port", "70000")], says: ["admin.port (--set): 70000 is out of range", "from 0 to 65535"]),
        Case(
            flags: [("results.allowed_reply_topics", "a, b c")],
            says: ["results.allowed_reply_topics (--set): \"b c\" cannot be used", "letters, digits, dots"]
        ),
        Case(
            flags: [("results.allowed_reply_topics", "replies,otp.verify.ledger")],
            says: ["results.allowed_reply_topics (--set): otp.verify.ledger is topics.ledger"]
        ),
        Case(
            yaml: "kafka:\n  brokers: [h:1, i:1]\n",
            says: ["kafka.brokers (worker.yaml, line 2): it has several values", "write one value"]
        ),
        Case(
            yaml: "commands:\n  fields:\n    otp_code: card.code\n",
            says: [
                "commands.fields.otp_code (worker.yaml, line 3): \"card.code\" is no JSON Pointer", "/card/otp/session",
            ]
        ),
        Case(
            flags: [("commands.fields.otp_code", "/user_gsm/x")],
            says: ["commands.fields.otp_code (--set): /user_gsm/x and commands.fields.user_gsm (/user_gsm) overlap"]
        ),
        Case(
            flags: [("commands.fields.phone", "/card/phone")],
            says: ["commands.fields.phone (--set): there is no such setting"]
        ),
        Case(
            flags: [("commands.fields.otp_code", String(repeating: "/a", count: 17))],
            says: ["commands.fields.otp_code (--set)", "is deeper than a command may be nested", "at most 16 names"]
        ),
        Case(
            flags: [("commands.require_key", "maybe")],
            says: ["commands.require_key (--set): \"maybe\" is neither true nor false"]
        ),
        Case(
            flags: [("log.level", "inof")],
            says: ["\"inof\" is not one of its values", "did you mean info? write one of trace,"]
        ),
        Case(
            flags: [("log.levels", "kafka=debug,chek_otp=info")],
            says: ["log.levels (--set): \"chek_otp\" is no component", "did you mean check_otp? write one of worker,"]
        ),
        Case(
            flags: [("log.levels", "kafka=loud")],
            says: ["\"loud\" is no level", "write one of trace, debug, info"]
        ),
        Case(
            flags: [("log.levels", "debug")],
            says: ["\"debug\" is not a component and its level", "write component=level, such as kafka=debug"]
        ),
        Case(
            flags: [("log.levels", "kafka=debug, kafka=info")],
            says: ["kafka is named twice", "name it once"]
        ),
        Case(
            flags: [("results.allowed_reply_topics", "replies,__consumer_offsets")],
            says: ["results.allowed_reply_topics (--set): \"__consumer_offsets\" cannot be used", "Kafka's own topics"]
        ),
        Case(
            flags: [("topics.commands", "__transaction_state")],
            says: ["topics.commands (--set): \"__transaction_state\" cannot be used"]
        ),
        Case(
            flags: [("worker.name", "a\"b")],
            says: ["worker.name (--set): \"a\"b\" cannot be used", "letters (A-Z, a-z), digits, dots"]
        ),
        Case(flags: [("worker.name", "işçi 1")], says: ["worker.name (--set): \"işçi 1\" cannot be used"]),
        Case(
            flags: [("kafka.group_instance_id", "slot/1")],
            says: ["kafka.group_instance_id (--set): \"slot/1\" cannot be used"]
        ),
        Case(
            flags: [("kafka.group_id", "a\"b")],
            says: ["kafka.group_id (--set): \"a\"b\" cannot be used", "without a quote"]
        ),
        Case(
            flags: [("kafka.transactional_id", "a\u{200b}b")],
            says: ["kafka.transactional_id (--set)", "cannot be used"]
        ),
        Case(
            flags: [("kafka.brokers", "::1:9092")],
            says: ["kafka.brokers (--set): \"::1:9092\" cannot be used", "[::1]:9092"]
        ),
        Case(flags: [("kafka.brokers", "localhost")], says: ["\"localhost\" cannot be used", "write host:port"]),
        Case(flags: [("topics.commands", "my topic")], says: ["\"my topic\" cannot be used", "letters, digits, dots"]),
        Case(
            flags: [("check_otp.url", "ftp://x")],
            says: ["check_otp.url (--set): the URL must begin with https:// or http://", "write an origin such as"]
        ),
        Case(
            flags: [("check_otp.url", "http://10.1.2.3:8080")],
            says: [
                "check_otp.url (--set): key, phone numbers and codes would pass in the clear to 10.1.2.3",
                "check_otp.allow_plaintext: true",
            ]
        ),
        Case(
            flags: [("check_otp.url", "http://127.evil.example")],
            says: ["would pass in the clear to 127.evil.example"]
        ),
        Case(
            flags: [("admin.allowed_hosts", "https://x")],
            says: ["admin.allowed_hosts (--set): \"https://x\" cannot be used", "without scheme and port"]
        ),
        Case(
            flags: [("kafka.properties.SSL.Key.Password", "MARKED")],
            says: ["kafka.properties.SSL.Key.Password (--set): a process list would show it"]
        ),
        Case(
            yaml: "check_otp:\n  secret_key: sck_MARKED\n",
            says: [
                "check_otp.secret_key (worker.yaml, line 2): a secret is not taken from here",
                "set OTP_CHECK_OTP_SECRET_KEY",
            ]
        ),
        Case(
            flags: [("check_otp.secret_key", "sck_MARKED")],
            says: ["check_otp.secret_key (--set): a secret is not taken from here", "check_otp.secret_key_file"]
        ),
        Case(
            flags: [("kafka.properties.sasl.password", "MARKED")],
            says: [
                "kafka.properties.sasl.password (--set): a process list would show it",
                "OTP_KAFKA_PROPERTIES_SASL_PASSWORD",
            ]
        ),
        Case(
            environment: ["OTP_CHECK_OTP_SECRET_KEY": "sck_MARKED with a blank"],
            says: ["check_otp.secret_key (environment, OTP_CHECK_OTP_SECRET_KEY): it holds characters that no header"]
        ),
        Case(
            environment: ["OTP_CHECK_OTP_SECRET_KEY_FILE": "/nowhere/key"],
            says: [
                "check_otp.secret_key_file (environment", "\"/nowhere/key\" cannot be used", "name a file that exists",
            ]
        ),
        Case(
            environment: ["OTP_CHECK_OTP_SECRET_KEY": "MARKED", "OTP_CHECK_OTP_SECRET_KEY_FILE": "/etc/hostname"],
            says: ["check_otp.secret_key is set too", "set only one of the two"]
        ),
        Case(
            environment: ["OTP_LEDGER_SECRET": "MARKED_IS_SHORT"],
            says: ["ledger.secret (environment, OTP_LEDGER_SECRET): it is shorter than 16 characters", "openssl rand"]
        ),
        Case(
            environment: ["OTP_LEDGER_SECRET": "MARKED_IS_LONG_ENOUGH", "OTP_LEDGER_SECRET_FILE": "/etc/hostname"],
            says: ["ledger.secret is set too", "set only one of the two"]
        ),
        Case(
            flags: [("ledger.secret", "MARKED_IS_LONG_ENOUGH")],
            says: ["ledger.secret (--set): a secret is not taken from here", "ledger.secret_file to a file"]
        ),
        Case(
            flags: [("kafka.properties.group.id", "x")],
            says: ["kafka.properties.group.id", "is set by the worker itself"]
        ),
        Case(
            flags: [("ledger.retention", "90s")],
            says: [
                "ledger.retention (--set): 90s must be more than commands.max_age (2m): a session must be remembered"
            ]
        ),
        Case(
            flags: [("admission.high", "4096")],
            says: ["admission.low (default): 8192 must be less than admission.high (4096)", "change one of the two"]
        ),
        Case(
            flags: [("check_otp.attempt_timeout", "20s")],
            says: ["check_otp.attempt_timeout (--set): 20s must be at most check_otp.total_timeout (15s): one attempt"]
        ),
        Case(
            flags: [("check_otp.client_key_file", "/etc/hostname")],
            says: ["check_otp.client_certificate_file (not set): a client certificate needs its key", "both files or"]
        ),
        Case(
            flags: [("check_otp.proxy", "https://egress:3128")],
            says: ["check_otp.proxy (--set): a proxy is asked for a tunnel only: it must be http://"]
        ),
        Case(
            flags: [("check_otp.proxy", "http://user:MARKED@egress:3128")],
            says: ["check_otp.proxy (--set): the URL must not contain a user or a password", "write http://host:port"]
        ),
        Case(
            flags: [("check_otp.warm_connections", "9"), ("check_otp.max_in_flight", "8")],
            says: ["check_otp.warm_connections (--set): 9 must be at most check_otp.max_in_flight (8)"]
        ),
        Case(
            flags: [("kafka.transaction_timeout", "60s")],
            says: ["ledger.restore_timeout (default): 1m must be more than kafka.transaction_timeout (1m)"]
        ),
        Case(
            flags: [("topics.results", "otp.verify.commands")],
            says: ["topics.results (--set): topics.commands names the same topic", "each of the four its own"]
        ),
        Case(yaml: "kafka: [a, b]\n", says: ["kafka (worker.yaml, line 1)"]),
        Case(
            yaml: "kafka:\n  brokers: [h:1, h:2]\n",
            says: ["kafka.brokers (worker.yaml, line 2): it has several values", "write one value, not a list"]
        ),
        Case(yaml: "kafka:\n  brokers: \"h:1\n", says: ["--config (worker.yaml, line", "it is not YAML: "]),
        Case(
            yaml: "kafka:\n  group_id: a\n  group_id: b\n",
            says: ["--config (worker.yaml, line", "group_id is written twice"]
        ),
        Case(
            yaml: "kafka:\n  group_id: a\nkafka.group_id: b\n",
            says: ["--config (worker.yaml, line 3): kafka.group_id is written twice"]
        ),
        Case(yaml: "just a word\n", says: ["--config (worker.yaml): it does not hold settings by name"]),
    ]

    @Test(arguments: cases) func isToldWithItsRemedy(_ broken: Case) throws {
        let told = try Reading.refusal(yaml: broken.yaml, environment: broken.environment, flags: broken.flags)
        for part in broken.says { #expect(told.text.contains(part), "\(told.text)") }
        #expect(told.problems.count == 1, "\(told.text)")
        #expect(!told.text.contains("MARKED"))
    }

    @Test func allAreToldAtOnce() throws {
        let told = try Reading.refusal(
            yaml: "kafka:\n  brokers: nowhere\nledger:\n  retention: soon\n",
            environment: ["OTP_ADMIN_PORT": "x"],
            flags: [("log.format", "xml"), ("check_otp.retry_initial_backoff", "5s")]
        )
        #expect(
            told.problems.map(\.key) == [
                "kafka.brokers", "ledger.retention", "admin.port", "log.format", "check_otp.retry_initial_backoff",
            ]
        )
        #expect(told.text.hasPrefix("5 problems with the configuration:\n\n  kafka.brokers (worker.yaml, line 2): "))
    }

    @Test func aWorkerNeedsItsClusterAndItsKey() throws {
        let told = try Reading.refusal(for: .worker)
        #expect(told.problems.map(\.key) == ["kafka.brokers", "check_otp.secret_key"])
        #expect(told.text.contains("kafka.brokers (not set): the cluster's address is needed"))
        #expect(told.text.contains("set OTP_CHECK_OTP_SECRET_KEY in the environment"))
        #expect(throws: Never.self) { try Reading.settings(flags: [("kafka.brokers", "h:1")], for: .client) }
    }

    /// A fleet's settings serve anyone who looks at it, be that another user than the workers'.
    @Test(arguments: [
        "check_otp.secret_key_file", "check_otp.ca_file", "check_otp.client_certificate_file",
        "check_otp.client_key_file",
        "ledger.secret_file",
    ])
    func onlyAWorkerAndWhoSignsForItOpenItsFiles(key: String) throws {
        let flags = [("kafka.brokers", "h:1"), (key, "/nowhere/key")]
        let settings = try Reading.settings(flags: flags, for: .client)
        #expect(settings.worker.digestSecret == nil)
        for purpose in [SettingsReader.Purpose.worker, .signer] {
            let told = try Reading.refusal(
                environment: ["OTP_CHECK_OTP_SECRET_KEY": "sck_MARKED"],
                flags: flags,
                for: purpose
            )
            #expect(told.problems.map(\.key).contains(key))
            #expect(told.text.contains("\"/nowhere/key\" cannot be used"))
        }
    }

    @Test func whoSignsHasTheSecretOfItsFile() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try Data("MARKED_IS_LONG_ENOUGH\n".utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let flags = [("kafka.brokers", "h:1"), ("check_otp.secret_key_file", path)]
        #expect(
            try Reading.settings(flags: flags, for: .signer).worker.digestSecret?.revealed == "MARKED_IS_LONG_ENOUGH"
        )
        #expect(try Reading.settings(flags: flags, for: .client).worker.digestSecret == nil)
    }

    @Test func aFileThatIsNotThereIsNamed() throws {
        #expect {
            try SettingsReader.read(
                file: "/nowhere.yaml",
                environment: [:],
                flags: [],
                for: .demonstration,
                hostName: "h"
            )
        } throws: { error in
            "\(error)".contains("--config (/nowhere.yaml): there is no such file")
        }
    }
}
