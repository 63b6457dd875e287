import Testing

/// Each rule against what it must refuse and what it must let pass.
@Suite struct RuleTests {
    private func source(_ text: String, _ path: String = "Sources/OTPWorker/A.swift") -> Source {
        Source(path: path, text: text)
    }

    @Test(arguments: [
        ("Sources/OTPContract/A.swift", "import OTPEngine"),
        ("Sources/OTPEngine/A.swift", "package import OTPKafka"),
        ("Sources/OTPEngine/A.swift", "import FoundationEssentials"),
        ("Sources/OTPEngine/A.swift", "import struct NIOCore.TimeAmount"),
        ("Sources/OTPEngine/A.swift", "@preconcurrency import Dispatch"),
        ("Sources/OTPEngine/A.swift", "import Logging"),
        ("Sources/OTPEngine/A.swift", "import Crypto"),
        ("Sources/OTPAudit/A.swift", "import OTPKafka"),
        ("Sources/OTPAudit/A.swift", "import Foundation"),
        ("Sources/OTPKafka/A.swift", "import CheckOTP"),
        ("Sources/CheckOTP/A.swift", "public import OTPObservability"),
        ("Sources/OTPObservability/A.swift", "import OTPWorker"),
        ("Sources/OTPWorker/A.swift", "import CRdKafka"),
        ("Sources/OTPWorker/A.swift", "import OTPSandbox"),
        ("Sources/OTPWorker/A.swift", "import OTPDoctor"),
        ("Sources/OTPDoctor/A.swift", "import NIOCore"),
        ("Sources/OTPSandbox/A.swift", "import OTPContract"),
        ("Sources/OTPSandbox/A.swift", "import OTPWorker"),
        ("Sources/otp-worker/main.swift", "import CRdKafka"),
        ("Sources/Newcomer/A.swift", "import OTPEngine"),
        ("Tests/KafkaTests/A.swift", "@testable import CheckOTP"),
        ("Tests/SimulationKit/A.swift", "import OTPKafka"),
        ("Tests/TidyTests/A.swift", "import OTPContract"),
    ])
    func anImportThatIsNotDownwardsIsRefused(_ path: String, _ line: String) {
        let violations = Layers.violations(source("import Synchronization\n\n\(line)\n", path))
        #expect(violations.map(\.line) == [3])
    }

    @Test(arguments: [
        ("Sources/OTPEngine/A.swift", "import OTPContract"),
        ("Sources/OTPEngine/A.swift", "import DequeModule"),
        ("Sources/OTPEngine/A.swift", "// import Foundation\nlet text = \"\"\"\nimport Foundation\n\"\"\""),
        ("Sources/OTPKafka/A.swift", "internal import CRdKafka"),
        ("Sources/CheckOTP/A.swift", "import OTPEngine"),
        ("Sources/OTPWorker/A.swift", "package import OTPObservability"),
        ("Sources/OTPDoctor/A.swift", "import CheckOTP\nimport OTPWorker"),
        ("Sources/OTPSandbox/A.swift", "import NIOCore"),
        ("Sources/otp-worker/main.swift", "import OTPSandbox"),
        ("Tests/EngineTests/A.swift", "import Foundation\n@testable import OTPEngine"),
        ("Tests/AuditTests/A.swift", "import OTPAudit\nimport OTPEngine"),
        ("Tests/WorkerTests/A.swift", "import OTPSandbox"),
        ("Tests/SimulationKit/A.swift", "import OTPEngine"),
        ("Tests/CommandTests/A.swift", "@testable import otp_worker\nimport Worker"),
    ])
    func anImportThatIsDownwardsPasses(_ path: String, _ text: String) {
        #expect(Layers.violations(source(text, path)) == [])
    }

    @Test func aLongFileIsRefused() {
        let text = String(repeating: "let x = 1\n", count: Rules.maxFileLines)
        #expect(Rules.fileLength(source(text)) == [])
        #expect(Rules.fileLength(source(text + "let x = 1\n")).count == 1)
    }

    @Test(arguments: [
        "func f(a: [Int] = [1], b: () -> Void = {}) -> Int", "init?(x: Int) where A == B", "deinit",
        "subscript(i: Int) -> Int",
    ])
    func aLongFunctionIsRefused(_ head: String) {
        func text(lines: Int) -> String {
            "struct A {\n    \(head) {\n" + String(repeating: "        x()\n", count: lines - 2) + "    }\n}\n"
        }
        #expect(Rules.functionLength(source(text(lines: Rules.maxFunctionLines))) == [])
        let violations = Rules.functionLength(source(text(lines: Rules.maxFunctionLines + 1)))
        #expect(violations.map(\.line) == [2])
    }

    @Test func functionsAreToldApart() {
        let text = #"""
            protocol P {
                func required()
                var x: Int { get }
            }
            struct A {
                let a = A.init(b: { 1 })
                func first() { let text = "} \(call("{")) \u{7d}"; _ = text /* } */ }
                init(
                    x: Int = [1, 2].map { $0 }[0]
                ) {
                    func inner() {
                    }
                    self.init()
                }
            }
            """#
        let functions = Functions.all(inCode: SwiftText.blanked(text))
        let expected = [("first", 7, 7), ("inner", 11, 12), ("init", 8, 14)]
        #expect(functions == expected.map { .init(name: $0.0, firstLine: $0.1, lastLine: $0.2) })
    }

    @Test(arguments: [
        "try await Task.sleep(for: .seconds(1))", "usleep(10)", "_ = sleep(1)", "Thread.sleep(forTimeInterval: 1)",
        "clock.sleep(until: x)",
    ])
    func aSleepingTestIsRefused(_ line: String) {
        #expect(Rules.sleepInTests(source(line, "Tests/WorkerTests/A.swift")).count == 1)
        #expect(Rules.sleepInTests(source("// \(line)", "Tests/WorkerTests/A.swift")) == [])
        #expect(Rules.sleepInTests(source(line)) == [])
    }

    @Test func aSimulatedSleepPasses() {
        let text = "func sleep(_ duration: Duration) {}\nworld.sleep(.seconds(1))"
        #expect(Rules.sleepInTests(source(text, "Tests/EngineTests/A.swift")) == [])
    }

    @Test(arguments: ["final class A: @unchecked Sendable {}", "nonisolated(unsafe) var a = 1"])
    func uncheckedWithoutAReasonIsRefused(_ line: String) {
        #expect(Rules.unsafeWithoutReason(source(line)).count == 1)
        #expect(Rules.unsafeWithoutReason(source("// Safe because of the lock.\n\n\n\n\(line)")).count == 1)
        #expect(
            Rules.unsafeWithoutReason(source("/// Safe because every access holds the lock,\n/// see below.\n\(line)"))
                == []
        )
        #expect(Rules.unsafeWithoutReason(source("let text = \"\(line)\"")) == [])
    }

    @Test(arguments: ["// TO" + "DO: later", "# FIX" + "ME", "/// XX" + "X", "HA" + "CK(me)"])
    func unfinishedWorkIsRefused(_ line: String) {
        #expect(Rules.unfinished(source(line)).count == 1)
        #expect(Rules.unfinished(source(line, "deploy/a.sh")).count == 1)
    }

    @Test func wordsThatContainAMarkPass() {
        #expect(Rules.unfinished(source("mktemp -d otp.XXXXXX; 5XXXXXXXXX; todos; HACKS")) == [])
    }

    @Test func aNumberThatIsLoggedAsTextIsRefused() {
        #expect(Rules.numberAsText(source(#"metadata: ["reason": "\(x)", "partition": "\(number)"]"#)).count == 1)
        #expect(Rules.numberAsText(source(#"metadata["http_status"] = "\(status)""#)).count == 1)
        #expect(Rules.numberAsText(source(#"["partition": .stringConvertible(number), "reason": "\(x)"]"#)) == [])
    }

    @Test(arguments: [
        #"loggers.kafka.warning("kafka error")"#, "self.logger.error(\n    \"restore failed\"\n)",
        #"log.notice("started")"#,
        "loggers.worker.info(text)", #"loggers.rdkafka.log(level: .debug, "kafka client")"#,
        "log.log(\n    level: level, text)",
    ])
    func aMessageThatIsNoCaseIsRefused(_ text: String) {
        let text = "import Logging\n" + text
        #expect(Rules.loggedText(source(text)).map(\.line) == [2])
        #expect(Rules.loggedText(source(text, "Tests/WorkerTests/A.swift")) == [])
        #expect(Rules.loggedText(source(text, "Sources/OTPObservability/Logging/LogMessage.swift")) == [])
    }

    @Test(arguments: [
        #"loggers.kafka.log(.partitionParked, ["partition": "3"])"#, #"return .warning("topic", remedy: "x")"#,
        "form.error(400)", #"Console.write("error")"#,
    ])
    func whatIsNoMessageOfTheLogPasses(_ text: String) {
        #expect(Rules.loggedText(source("import Logging\n" + text)) == [])
        #expect(Rules.loggedText(source(#"event.error("describe")"#)) == [])
    }

    @Test(arguments: ["home/me/x", "root/x", "Users/me/x", "work/x"])
    func aMachinesPathIsRefused(_ path: String) {
        for line in ["/\(path)", "cd /\(path)", "let p = \"/\(path)\"", "PATH=/\(path)"] {
            #expect(Rules.machinePath(source(line)).count == 1, "\(line)")
        }
        for line in ["https://example.com/\(path)", "\"$dir\"/../\(path)", "${root}/\(path)", "~/\(path)"] {
            #expect(Rules.machinePath(source(line)) == [], "\(line)")
        }
    }

    @Test(arguments: HouseWords.all.filter { !$0.isName }.map(\.banned))
    func aBannedWordIsRefusedHoweverItIsSpelled(_ word: String) {
        let capital = word.split(separator: " ").map { $0.prefix(1).uppercased() + $0.dropFirst() }
        let spellings = [
            "// It is \(word).", "let text = \"\(word)\"", "waited\(capital.joined())(x)",
            "struct \(capital.joined()) {}",
            "a_\(word.replacing(" ", with: "_"))", word.replacing(" ", with: "-"), word.replacing(" ", with: "\n/// "),
        ]
        for text in spellings { #expect(HouseWords.violations(source("\n" + text)).map(\.line) == [2], "\(text)") }
        #expect(HouseWords.violations(source(word, HouseWords.list)) == [])
        #expect(HouseWords.violations(source("\nIt is \(word).", "README.md")).count == 1)
    }

    @Test(arguments: HouseWords.all.filter(\.isName).map(\.banned))
    func aBannedNameIsRefusedWithinAnIdentifier(_ name: String) {
        let small = name.prefix(1).lowercased() + name.dropFirst()
        for text in ["struct \(name) {}", "case \(small)(BatchID)", "See `My\(name)`."] {
            #expect(HouseWords.violations(source("\n" + text)).map(\.line) == [2], "\(text)")
        }
    }

    @Test func wordsThatOnlyLookLikeABannedOnePass() {
        let text = """
            metadataNewerThanBatch, aNewKey, isANewKey, amended, recommended, DeadLetterBook, DeadLetterFact, invain, vain,
            letter.fact, a letter book. Its time is up. A transaction.
            """
        #expect(HouseWords.violations(source(text)) == [])
    }

    @Test func blankingKeepsLinesAndCode() {
        let text =
            "let a = #\"x\"y\"# // z\nlet b = \"\\(f(\"{\"))\" + c\n/* a /* b */ { */ let d = \"\"\"\n  { \"\n  \"\"\"\nd()\n"
        let blanked = SwiftText.blanked(text)
        #expect(blanked.utf8.count == text.utf8.count)
        let words = blanked.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(words.filter { !$0.isEmpty } == ["let a =", "let b = + c", "let d =", "d()"])
    }
}
