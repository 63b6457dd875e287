import CoreMetrics
import InMemoryTracing
import MetricsTestKit
import OTPContract
import OTPKafka
import Testing
import Tracing

@testable import OTPVerifyClient

/// What a client counts, traces and logs.
@Suite(.timeLimit(.minutes(2))) struct TelemetryTests {
    let stage: Stage

    init() throws { stage = try Stage() }

    @Test func everyRequestIsCountedOnceByItsOutcome() async throws {
        let worker = try stage.worker { received in
            switch received.command?.sessionID.text {
            case "lost": received.repetition == 0 ? nil : received.result()
            case "never": nil
            case "wrong": received.result(.wrongCode)
            default: received.result()
            }
        }
        defer { worker.close() }
        let metrics = TestMetrics()
        let client = try withMetricsFactory(metrics) { try stage.client { $0.resendAfter = .milliseconds(50) } }
        worker.publish(bytes("no result"))
        try await stage.running(client) { client in
            for session in ["a", "b", "wrong", "lost"] { _ = try await client.ask(session) }
            try await client.send(session: "sent", phone: Sample.phone, code: Stage.code)
            _ = try? await client.ask("never", deadline: .now + .milliseconds(1))
            _ = try? await client.verify(session: "", phone: Sample.phone, code: Stage.code)
        }
        let counted = Dictionary(
            uniqueKeysWithValues: ClientMetrics.outcomes.map { outcome in
                (outcome, metrics.counterTotal(label: "otp_client_requests", dimensions: [("outcome", outcome)]))
            }
        ).filter { $0.value > 0 }
        #expect(counted == ["verified": 3, "rejected": 1, "written": 1, "timed_out": 1, "unusable": 1])
        #expect(metrics.counterTotal(label: "otp_client_resent") >= 1)
        #expect(try metrics.expectTimer("otp_client_answer_time").values.count == 4)
        #expect(try metrics.expectRecorder("otp_client_in_flight").lastValue == 0)
    }

    @Test func aSpanGoesWithTheCommand() async throws {
        let worker = try stage.worker { $0.result(.wrongCode) }
        defer { worker.close() }
        let tracer = W3CTracer()
        let client = try stage.client()
        try await stage.running(client) { client in
            _ = try await withTracer(tracer) { try await client.ask("s", id: "c-1") }
            try await withTracer(tracer) {
                _ = try await client.send(session: "s", phone: Sample.phone, code: Stage.code)
            }
            _ = try? await withTracer(tracer) { try await client.ask("s", deadline: .now) }
        }
        let spans = tracer.memory.finishedSpans
        #expect(spans.map(\.operationName) == ["otp.verify", "otp.send", "otp.verify"])
        let span = try #require(spans.first)
        let expected = "00-\(span.spanContext.traceID)-\(span.spanContext.spanID)-01"
        #expect(worker.received.first?.header("traceparent") == bytes(expected))
        #expect(span.attributes.get("otp.reason") == .string("wrong_code"))
        #expect(span.attributes.get("messaging.destination.name") == .string(stage.commandTopic))
        #expect(span.attributes.get("otp.attempts") == .int64(1))
        #expect(spans.last?.errors.count == 1)
        #expect(tracer.memory.activeSpans.isEmpty)
        let all = spans.map { "\($0.attributes) \($0.errors)" }.joined()
        #expect(!all.contains(Stage.code) && !all.contains(Sample.phone))
    }

    /// Of requests that are answered, repeated, late and cancelled.
    @Test func noLogLineHoldsACodeOrAPhone() async throws {
        let worker = try stage.worker { $0.command?.sessionID.text == "slow" ? nil : $0.result() }
        defer { worker.close() }
        worker.publish(bytes(#"{"otp_code":"\#(Stage.code)"}"#))
        try await stage.running(try stage.client()) { client in
            _ = try await client.ask("quick")
            _ = try await worker.next()
            _ = try? await client.ask("slow", deadline: .now + .milliseconds(100))
            let received = try await worker.next()
            worker.publish(received.result(), for: received)
            var late = client.late.makeAsyncIterator()
            _ = await late.next()
        }
        let lines = stage.log.all
        #expect(lines.contains { $0.contains("An answer came after its caller gave up") })
        #expect(!lines.contains { $0.contains(Stage.code) || $0.contains(Sample.phone) })
    }
}
