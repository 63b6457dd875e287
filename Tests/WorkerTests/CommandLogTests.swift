import Foundation
import Logging
import OTPContract
import OTPEngine
import OTPObservability
import OTPWorker
import Testing

@Suite("What is logged about commands: where each is and its trace, and no flood of it")
struct CommandLogTests {
    private let recorder = LogRecorder()
    private let record = RecordID(epoch: PartitionEpoch(partition: 3, epoch: 1), offset: 42)

    private func telemetry(_ sink: LogSink, _ levels: [LogComponent: Logger.Level] = [.commands: .debug]) -> Telemetry {
        Telemetry(
            Loggers(sink, levels: levels),
            registry: recorder.registry,
            health: HealthState(conditions: []) { .zero },
            topic: "otp.verify.commands"
        )
    }

    private func trouble(_ record: RecordID) -> Fact {
        .asked(record, .ambiguous, attempt: 1, after: .seconds(1), failure: .attemptTimeout, httpStatus: nil, body: nil)
    }

    @Test func everyLineAboutACommandSaysWhereItIs() throws {
        let telemetry = telemetry(recorder.sink(repeats: nil))
        let facts: [Fact] = [
            .concluded(record, .ok, replayed: false, inDoubt: false),
            .concluded(record, .invalid(.malformed), replayed: false, inDoubt: false),
            trouble(record), .backedOff(record, attempt: 1, for: .milliseconds(200)),
            .upstream(.waitTimedOut(record)), .undeliverable(record), .deadLetterDropped(record),
        ]
        for fact in facts { telemetry.report(fact) { $0 == record ? "4bf92f3577b34da6a3ce929d0e0e4736" : nil } }
        let objects = try recorder.objects()
        #expect(objects.count == facts.count)
        for object in objects {
            #expect(object["component"] as? String == "commands")
            #expect(object["topic"] as? String == "otp.verify.commands")
            #expect(object["partition"] as? Int == 3)
            #expect(object["offset"] as? Int == 42)
            #expect(object["trace_id"] as? String == "4bf92f3577b34da6a3ce929d0e0e4736")
        }
    }

    /// A log store compares numbers and cannot compare texts.
    @Test func fieldsThatAreNumbersAreWrittenAsNumbers() throws {
        let telemetry = telemetry(recorder.sink(repeats: nil))
        let answered = Fact.asked(
            record,
            .ambiguous,
            attempt: 2,
            after: .zero,
            failure: nil,
            httpStatus: 503,
            body: .html
        )
        let facts: [Fact] = [
            answered, .backedOff(record, attempt: 1, for: .milliseconds(200)),
            .upstream(.breakerOpened(for: .seconds(1))),
            .upstream(.held(for: .seconds(2))), .assigned([3, 4]), .released([3], unfinished: 5),
            .restored(3, sessions: 6, after: .milliseconds(7), offset: 8, withoutMetadata: false),
            .ledgerRecreated(3, recorded: 9, end: 1, accepted: false), .commandsMissed(3, count: 10),
        ]
        for fact in facts { telemetry.report(fact) }
        let lines = recorder.lines.joined(separator: "\n")
        let numbers = [
            #""attempt":2"#, #""http_status":503"#, #""body":"HTML""#, #""wait_ms":200"#, #""ms":1000"#, #""ms":2000"#,
            #""partitions":[3,4]"#, #""unfinished":5"#, #""sessions":6"#, #""ms":7"#, #""offset":8"#,
            #""whole_ledger":false"#, #""recorded":9"#, #""count":10"#,
        ]
        for number in numbers { #expect(lines.contains(number), "\(number) is not in:\n\(lines)") }
        #expect(!lines.contains(/":"-?[0-9]+"/), "\(lines)")
    }

    @Test func withoutATraceThereIsNoField() throws {
        telemetry(recorder.sink(repeats: nil)).report(trouble(record))
        #expect(try recorder.objects().map { $0["trace_id"] == nil } == [true])
    }

    @Test func theTraceIsAskedForOnlyWhereALineIsWritten() {
        let telemetry = telemetry(recorder.sink(repeats: nil), [:])
        var asked = 0
        telemetry.report(.concluded(record, .ok, replayed: false, inDoubt: false)) { _ in
            asked += 1
            return nil
        }
        #expect(asked == 0)
        #expect(recorder.lines.isEmpty)
    }

    /// An outage at 5,000 commands a second, for half a minute, with everything logged that can be.
    @Test func anOutageFloodsNobody() throws {
        let sink = recorder.sink(repeats: LogSink.RepeatLimit())
        let telemetry = telemetry(sink)
        for second in 0..<30 {
            for number in 0..<5_000 {
                let record = RecordID(epoch: record.epoch, offset: Int64(second * 5_000 + number))
                telemetry.report(trouble(record))
                telemetry.report(.backedOff(record, attempt: 1, for: .milliseconds(200)))
                telemetry.report(.concluded(record, .upstreamUnavailable, replayed: false, inDoubt: false))
            }
            recorder.advance(by: 1_000)
        }
        recorder.advance(by: 10_000)
        sink.summarize()
        // Of three messages in three intervals: ten lines each, and one that counts what was held back.
        #expect(recorder.lines.count == 3 * 3 * (10 + 1))
        let objects = try recorder.objects()
        for message in ["attempt failed", "asking again later", "command concluded"] {
            let told = objects.filter { $0["message"] as? String == message }
                .reduce(0) { $0 + ($1["suppressed"] as? Int ?? 1) }
            #expect(told == 150_000, "\(message)")
        }
    }
}
