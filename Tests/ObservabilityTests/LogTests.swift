import Foundation
import Logging
import OTPContract
import Synchronization
import Testing

@testable import OTPObservability

/// What a sink wrote, line by line, and a clock that moves by hand.
private final class Recorder: Sendable {
    private let state = Mutex((lines: [String](), now: Int64(1_795_514_400_000)))

    var lines: [String] { state.withLock { $0.lines } }

    func advance(by duration: Duration) {
        state.withLock { $0.now += Int64(duration.inSeconds * 1000) }
    }

    func sink(
        _ form: LogSink.Form = .json,
        repeats: LogSink.RepeatLimit? = nil,
        registry: MetricRegistry = MetricRegistry()
    ) -> LogSink {
        LogSink(
            form: form,
            repeats: repeats,
            registry: registry,
            clock: { WallTime(milliseconds: self.state.withLock { $0.now }) },
            write: { line in self.state.withLock { $0.lines.append(String(decoding: line, as: UTF8.self)) } }
        )
    }

    func objects() throws -> [[String: Any]] {
        try lines.map { line in
            #expect(line.hasSuffix("\n"))
            #expect(!line.dropLast().unicodeScalars.contains { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) })
            return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }
}

private func logger(_ sink: LogSink, _ label: String = "kafka") -> Logger {
    Logger(label: label) { StructuredLogHandler(label: $0, level: .debug, sink: sink) }
}

private struct Boom: Error, CustomStringConvertible {
    let description = "broken \"pipe\"\n"
}

@Suite struct LogTests {
    @Test func aLineIsOneJSONObject() {
        let recorder = Recorder()
        logger(recorder.sink()).info(
            "partition restored",
            metadata: ["partition": "\(7)", "records": .stringConvertible(1200), "final": .stringConvertible(true)]
        )
        #expect(
            recorder.lines == [
                #"{"time":"2026-11-24T10:00:00.000Z","level":"info","component":"kafka","message":"partition restored","#
                    + #""final":true,"partition":"7","records":1200}"# + "\n"
            ]
        )
    }

    @Test func aLineForPeopleIsOneSentenceWithFields() {
        let recorder = Recorder()
        logger(recorder.sink(.text)).warning(
            "broker gone\u{1b}[2J",
            metadata: ["name": "a\nb", "took": .stringConvertible(1.5)]
        )
        #expect(recorder.lines == [#"10:00:00.000 WARNING  kafka: broker gone\u001b[2J name="a\nb" took=1.5"# + "\n"])
    }

    @Test(arguments: [
        "\"", "\\", "\n\r\t\0", "\u{1b}[31m", "\u{7f}\u{9b}", "\u{2028}\u{2029}", "\u{202e}gnp", "İşlem 🙂", "\r\n",
        "\u{fffd}\u{10ffff}", #"\u0000","level":"x"#, String(repeating: "\u{1}", count: 50_000),
    ])
    func hostileTextStaysInsideItsField(_ text: String) throws {
        let recorder = Recorder()
        let log = logger(recorder.sink(), text)
        log.error(
            "\(text)",
            error: Boom(),
            metadata: [
                text: "\(text)", "list": ["\(text)", ["\(text)": "\(text)"]], "n": .stringConvertible(Double.nan),
                "level": "mine", "time": "mine",
            ]
        )
        let object = try #require(try recorder.objects().first)
        #expect(recorder.lines.count == 1)
        #expect(object["level"] as? String == "error")
        #expect(object["metadata.level"] as? String == "mine" || object["truncated"] as? Bool == true)
        let message = try #require(object["message"] as? String)
        #expect(message == text || (message.hasSuffix("…") && text.hasPrefix(message.dropLast())))
    }

    @Test func aLineIsBoundedAndStaysValid() throws {
        let recorder = Recorder()
        var deep: Logger.MetadataValue = "bottom"
        for _ in 0..<100 { deep = ["x": [deep]] }
        let many = (0..<5000).map { ("key\($0)", Logger.MetadataValue.string(String(repeating: "v", count: 100))) }
        logger(recorder.sink()).info(
            "big",
            metadata: ["a": deep, "b": .dictionary(Dictionary(uniqueKeysWithValues: many)), "c": "end"]
        )
        logger(recorder.sink()).info("wide", metadata: Dictionary(uniqueKeysWithValues: many))
        for object in try recorder.objects() { #expect(object["truncated"] as? Bool == true) }
        for line in recorder.lines { #expect(line.utf8.count < LogLine.maxLineBytes + 2 * LogLine.maxValueBytes) }
    }

    @Test func fieldsMergeFromHandlerProviderAndCall() throws {
        let recorder = Recorder()
        var handler = StructuredLogHandler(label: "x", level: .info, sink: recorder.sink())
        handler.metadataProvider = Logger.MetadataProvider { ["b": "provider", "c": "provider"] }
        handler[metadataKey: "a"] = "handler"
        handler[metadataKey: "b"] = "handler"
        let fixed = handler
        let log = Logger(label: "x") { _ in fixed }
        log.info("m", metadata: ["c": "call"])
        log.debug("below the level")
        log.error("m", error: Boom())
        let objects = try recorder.objects()
        #expect(objects.count == 2)
        #expect(objects[0]["a"] as? String == "handler")
        #expect(objects[0]["b"] as? String == "provider")
        #expect(objects[0]["c"] as? String == "call")
        #expect(objects[1]["error"] as? String == "broken \"pipe\"\n")
    }

    @Test func repeatsAreHeldBackAndThenCounted() throws {
        let recorder = Recorder()
        let sink = recorder.sink(repeats: .init(lines: 3, interval: .seconds(10)))
        let log = logger(sink)
        for _ in 0..<100 { log.warning("broker gone", metadata: ["id": "1"]) }
        log.warning("another message")
        logger(sink, "worker").warning("broker gone")
        #expect(recorder.lines.count == 5)
        recorder.advance(by: .seconds(10))
        log.info("later")
        let objects = try recorder.objects()
        #expect(objects.count == 7)
        #expect(objects[5]["message"] as? String == "broker gone")
        #expect(objects[5]["component"] as? String == "kafka")
        #expect(objects[5]["suppressed"] as? Int == 97)
        #expect(objects[6]["message"] as? String == "later")
        for _ in 0..<2 { log.warning("broker gone") }
        #expect(recorder.lines.count == 9)
    }

    @Test func whatIsStillHeldBackComesOutAtTheEnd() throws {
        let recorder = Recorder()
        let sink = recorder.sink(repeats: .init(lines: 1, interval: .seconds(60)))
        for _ in 0..<5 { logger(sink).error("down") }
        sink.flush()
        sink.flush()
        #expect(try recorder.objects().map { $0["suppressed"] as? Int } == [nil, 4])
    }

    @Test func whatWasHeldBackIsToldWithoutAnotherLine() throws {
        let recorder = Recorder()
        let sink = recorder.sink(repeats: .init(lines: 1, interval: .seconds(10)))
        for _ in 0..<5 { logger(sink).error("down") }
        sink.summarize()
        #expect(recorder.lines.count == 1)
        recorder.advance(by: .seconds(10))
        sink.summarize()
        #expect(try recorder.objects().map { $0["suppressed"] as? Int } == [nil, 4])
    }

    @Test func aComponentMayHaveALevelOfItsOwn() throws {
        let recorder = Recorder()
        let loggers = Loggers(recorder.sink(), level: .notice, levels: [.kafka: .debug, .checkOTP: .error])
        for logger in [
            loggers.worker, loggers.commands, loggers.checkOTP, loggers.kafka, loggers.rdkafka, loggers.ledger,
        ] {
            logger.debug("d")
            logger.notice("n")
        }
        let told = try recorder.objects().map { "\($0["component"] ?? "").\($0["message"] ?? "")" }
        #expect(told == ["worker.n", "commands.n", "kafka.d", "kafka.n", "rdkafka.n", "ledger.n"])
    }

    @Test func linesAreCountedByLevel() {
        let registry = MetricRegistry()
        let log = logger(Recorder().sink(repeats: .init(lines: 2, interval: .seconds(1)), registry: registry))
        for _ in 0..<5 { log.error("x") }
        log.info("y")
        #expect(registry.counter(.logLines, "error").value == 2)
        #expect(registry.counter(.logLines, "info").value == 1)
        #expect(registry.counter(.logLines, "warning").value == 0)
    }

    @Test func concurrentLinesNeverMix() async throws {
        let recorder = Recorder()
        let sink = recorder.sink()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask { for round in 0..<200 { logger(sink, "c\(task)").info("m\(round)") } }
            }
        }
        let seen = try recorder.objects().map { "\($0["component"] ?? "")\($0["message"] ?? "")" }
        #expect(Set(seen).count == 1600)
    }
}
