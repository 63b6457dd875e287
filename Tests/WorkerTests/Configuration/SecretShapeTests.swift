import Foundation
import OTPContract
import OTPWorker
import Testing

/// A secret that was put in the wrong place is not repeated to anyone who reads the message.
struct SecretShapeTests {
    static let misplaced: [(variable: String, value: String)] = [
        ("OTP_CHECK_OTP_SECRET_KEY_FILE", "sck_WRONG"),
        ("OTP_CHECK_OTP_SECRET_KEY_FILE", "./sck_WRONG"),
        ("OTP_LEDGER_SECRET_FILE", "WRONG-and-short"),
        ("OTP_LEDGER_SECRET_FILE", "/WRONGq8Zr2Lx9Tn4Vb7Kd1/Wc6"),
        ("OTP_CHECK_OTP_CLIENT_KEY_FILE", "-----BEGIN PRIVATE KEY-----\nWRONG\n-----END PRIVATE KEY-----"),
        ("OTP_CHECK_OTP_AUTHENTICATION", "Basic sck_WRONG"),
        ("OTP_CHECK_OTP_AUTHENTICATION", "WRONG"),
        ("OTP_KAFKA_BROKERS", "u:WRONG@h:9092"),
        ("OTP_KAFKA_BROKERS", "WRONG@h:9092"),
        ("OTP_KAFKA_BROKERS", "SASL_SSL://u:WRONG@h:9092"),
        ("OTP_ADMIN_PORT", "sck_WRONG"),
        ("OTP_LOG_LEVEL", "sck_WRONG"),
        ("OTP_LOG_LEVELS", "sck_WRONG"),
        ("OTP_TOPICS_RESULTS", "pck_WRONG!"),
        ("OTP_CHECK_OTP_TOTAL_TIMEOUT", "WRONGq8Zr2Lx9Tn4Vb7Kd1"),
        ("OTP_ADMIN_HOST", "sck_WRONG"),
    ]

    @Test(arguments: misplaced) func aMisplacedSecretIsNotRepeated(variable: String, value: String) throws {
        let told = try Reading.refusal(environment: [variable: value])
        #expect(told.problems.count == 1, "\(told.text)")
        #expect(told.text.contains("(environment, \(variable))"))
        #expect(!told.text.contains("WRONG"), "\(told.text)")
        #expect(told.text.contains("not shown, it may be a secret"))
    }

    @Test func whatIsOnlyWrongIsStillShown() throws {
        for (key, value) in [
            ("check_otp.ca_file", "/etc/ssl/private-ca.pem.missing"), ("log.level", "verbose"),
            ("check_otp.total_timeout", "15"), ("kafka.brokers", "kafka-1.internal.example"),
            ("topics.results", "otp results"),
        ] {
            let told = try Reading.refusal(flags: [(key, value)])
            #expect(told.text.contains("\"\(value)\""), "\(told.text)")
        }
    }

    @Test func aNameThatHoldsAKeyIsNotRepeated() throws {
        let told = try Reading.refusal(
            yaml: "sck_WRONG: x\nkafka:\n  properties:\n    sck_WRONG: x\n",
            environment: ["OTP_CHECK_OTP_SCK_WRONG": "x"],
            flags: [("sck_WRONG", "x")]
        )
        #expect(told.problems.count == 4, "\(told.text)")
        #expect(!told.text.uppercased().contains("WRONG"), "\(told.text)")
    }

    @Test(arguments: [
        ("sasl.pasword", "WRONG"), ("sasl.passwrod", "WRONG"), ("sasl.pass", "WRONG"), ("ssl.key.pm", "WRONG"),
        ("sasl.jaas.config", "x required username=\"u\" password=\"WRONG\";"),
        ("sasl.config", "x required password = \"WRONG\";"), ("client.secrt", "WRONG"),
        ("some.other", "sck_WRONG"), ("ssl.key", "-----BEGIN PRIVATE KEY-----WRONG"),
    ])
    func aMisspeltPropertyIsMaskedToo(name: String, value: String) throws {
        let effective = try Reading.effective(yaml: "kafka:\n  properties:\n    \(name): '\(value)'\n")
        let row = try #require(effective.rows.first { $0.key == "kafka.properties.\(name)" })
        #expect(row.isSecret && row.value == EffectiveSettings.mask)
        let told = try Reading.refusal(flags: [("kafka.properties.\(name)", value)])
        #expect(told.text.contains("a process list would show it") && !told.text.contains("WRONG"))
    }

    @Test(arguments: [
        ("socket.timeout.ms", "5000"), ("ssl.ca.location", "/etc/ssl/ca.pem"), ("ssl.ca.pem", "x"),
        ("sasl.username", "u"), ("security.protocol", "ssl"), ("sasl.mechanism", "PLAIN"), ("debug", "broker"),
        ("ssl.certificate.location", "/c.pem"), ("ssl.key.location", "/k.pem"),
    ])
    func aHarmlessPropertyIsShown(name: String, value: String) throws {
        let effective = try Reading.effective(flags: [("kafka.properties.\(name)", value)])
        #expect(effective.rows.first { $0.key == "kafka.properties.\(name)" }?.value == value)
    }

    @Test func aFileThatHoldsMoreThanAKeyIsRefused() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try Data(repeating: UInt8(ascii: "k"), count: 2_000_000).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let told = try Reading.refusal(flags: [("check_otp.secret_key_file", path)])
        #expect(told.text.contains("the file is larger than 4096 bytes"))
    }

    @Test func aShortKeyIsWarnedOf() throws {
        let short = try Reading.settings(environment: ["OTP_CHECK_OTP_SECRET_KEY": "sck_short"]).worker
        #expect(short.shortKey?.key == "check_otp.secret_key")
        #expect(short.shortKey?.what.contains("shorter than 16") == true)
        var withSecret = short
        withSecret.ledger.secret = Secret("0123456789abcdef")
        #expect(withSecret.shortKey == nil)
        let long = try Reading.settings(environment: [
            "OTP_CHECK_OTP_SECRET_KEY": "sck_" + String(repeating: "x", count: 12)
        ]).worker
        #expect(long.shortKey == nil)
    }

    @Test(arguments: ["*", "0", "127.1", "1.2.3.4.5", "0x7f000001", "h:9464", "[::1]", "http://h", "a b"])
    func anAddressToListenOnIsOne(host: String) throws {
        let told = try Reading.refusal(flags: [("admin.host", host)])
        #expect(told.text.contains("admin.host (--set)") && told.text.contains("0.0.0.0"), "\(told.text)")
    }

    @Test(arguments: ["0.0.0.0", "::", "::1", "127.0.0.1", "localhost", "otp-worker.internal", "fe80::1%eth0"])
    func whatCanBeListenedOnIsTaken(host: String) throws {
        #expect(try Reading.settings(flags: [("admin.host", host)]).worker.admin.host == host)
    }

    @Test(arguments: [
        ("message.max.bytes", "20000", "1000000 or more"), ("queue.buffering.max.messages", "100", "10000 or more"),
        ("queue.buffering.max.kbytes", "64", "32768 or more"), ("sasl.mechanism", "OAUTHBEARER", "fetches no tokens"),
        ("delivery.report.only.error", "true", "set by the worker itself"),
    ])
    func aPropertyThatWouldStopTheWorkerIsRefused(name: String, value: String, says: String) throws {
        let told = try Reading.refusal(flags: [("kafka.properties.\(name)", value)])
        #expect(told.text.contains("kafka.properties.\(name) (--set)") && told.text.contains(says), "\(told.text)")
    }
}
