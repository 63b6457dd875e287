import InMemoryTracing
import OTPContract
import OTPEngine
import OTPWorker
import Testing
import Tracing

@Suite("The spans of a command, where a tracer is installed")
struct CommandSpansTests {
    private static let parent = "00f067aa0ba902b7"
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private let headers = [Header(name: "traceparent", text: "00-\(trace)-\(parent)-01")]
    private let worker: TracedEngine

    init() throws { worker = try TracedEngine() }

    private func tree() -> [String] { worker.tracer.memory.tree(of: Self.trace, below: Self.parent) }

    private func attributes(of name: String) throws -> [String: String] {
        let span = try #require(worker.tracer.memory.finishedSpans.first { $0.operationName == name })
        var attributes: [String: String] = [:]
        span.attributes.forEach { attributes[$0] = $1.text }
        return attributes
    }

    @Test func aCommandThatIsVerified() throws {
        try worker.receive(42, "ART2", headers: headers)
        try worker.intentWritten(42)
        try worker.answered(42, .code(0))
        #expect(!tree().contains { $0.hasPrefix("consume") }, "it lasts until the result is committed")
        try worker.committed()
        #expect(
            tree() == [
                "consume consumer verified ok", "  ledger internal ask", "  attempt 1 client 200", "  commit producer",
            ]
        )
        #expect(worker.tracer.memory.activeSpans.isEmpty)
        #expect(
            try attributes(of: "consume") == [
                "messaging.system": "kafka", "messaging.operation.name": "consume",
                "messaging.operation.type": "process", "messaging.destination.name": "otp.verify.commands",
                "messaging.destination.partition.id": "3", "messaging.kafka.offset": "42",
                "messaging.consumer.group.name": "group", "otp.status": "verified", "otp.reason": "ok",
                "otp.replayed": "false", "otp.in_doubt": "false",
            ]
        )
        #expect(
            try attributes(of: "attempt 1") == [
                "http.request.method": "POST", "server.address": "api.example", "server.port": "443",
                "url.full": "https://api.example/v1/card/check_otp", "http.response.status_code": "200",
                "otp.answer": "accepted",
            ]
        )
        #expect(
            try attributes(of: "commit") == [
                "messaging.system": "kafka", "messaging.operation.name": "commit", "messaging.operation.type": "send",
                "messaging.destination.name": "otp.verify.results", "messaging.batch.message_count": "1",
            ]
        )
    }

    @Test func anAnswerThatIsAskedForAgain() throws {
        try worker.receive(0, "ART2", headers: headers)
        try worker.intentWritten(0)
        try worker.answered(0, UpstreamAnswer(.answered(status: 503)))
        worker.pass(.seconds(3))
        try worker.answered(0, UpstreamAnswer(.unknown(.attemptTimeout)))
        worker.pass(.seconds(3))
        try worker.answered(0, .code(1))
        try worker.committed()
        #expect(
            tree() == [
                "consume consumer rejected wrong_code", "  ledger internal ask", "  attempt 1 client 503 503 error",
                "  attempt 2 client attemptTimeout error", "  attempt 3 client 200", "  commit producer",
            ]
        )
        #expect(try attributes(of: "attempt 3")["http.request.resend_count"] == "2")
    }

    @Test func aCodeThatIsKnownIsNotAskedAbout() throws {
        try worker.receive(0, "ART2")
        try worker.intentWritten(0)
        try worker.answered(0, .code(0))
        try worker.committed()
        try worker.receive(1, "ART2", headers: headers)
        try worker.committed()
        #expect(
            tree() == ["consume consumer verified ok replayed", "  ledger internal replay", "  commit producer"]
        )
    }

    @Test func anUnusableRecordIsLookedUpNowhere() throws {
        try worker.receiveUnusable(0, headers: headers)
        try worker.committed()
        #expect(tree() == ["consume consumer invalid malformed", "  commit producer"])
    }

    @Test func aTransactionThatIsAbortedIsCommittedAgain() throws {
        try worker.receive(0, "ART2", headers: headers)
        try worker.intentWritten(0)
        try worker.answered(0, .code(0))
        let aborted = try #require(worker.batch)
        worker.happens(.commitAborted(aborted.id, .transient, faults: [], isProducerLost: false, reason: "not now"))
        worker.pass(.seconds(1))
        try worker.committed()
        #expect(
            tree() == [
                "consume consumer verified ok", "  ledger internal ask", "  attempt 1 client 200",
                "  commit producer transient error", "  commit producer",
            ]
        )
    }

    @Test func whatIsLostToAnotherWorkerIsEnded() throws {
        try worker.receive(0, "ART2", headers: headers)
        try worker.intentWritten(0)
        worker.happens(.lost([3]))
        #expect(tree() == ["consume consumer", "  ledger internal ask", "  attempt 1 client abandoned error"])
        // Its answer comes late and finds nobody.
        try worker.answered(0, .code(0))
        #expect(worker.tracer.memory.activeSpans.isEmpty)
    }

    @Test func theUpstreamIsToldTheAttemptsOwnSpan() throws {
        try worker.receive(0, "ART2", headers: headers + [Header(name: "tracestate", text: "rojo=1")])
        try worker.intentWritten(0)
        let attempt = try #require(worker.tracer.memory.activeSpans.first { $0.operationName == "attempt 1" })
        #expect(worker.sent == [Header(name: "traceparent", text: "00-\(Self.trace)-\(attempt.spanID)-01")])
    }

    @Test func aCommandWithoutATraceBeginsOne() throws {
        try worker.receive(0, "ART2")
        try worker.intentWritten(0)
        let sent = try #require(worker.sent)
        let id = try #require(TraceParent.traceID(in: sent))
        #expect(worker.tracer.memory.activeSpans.allSatisfy { $0.traceID == id && $0.traceID != Self.trace })
    }

    @Test func noSpanHoldsACodeAPhoneNumberOrASession() throws {
        try worker.receive(0, "MARKEDCODE77", headers: headers)
        try worker.intentWritten(0)
        try worker.answered(0, .code(1))
        try worker.committed()
        var text = ""
        dump(worker.tracer.memory.finishedSpans, to: &text)
        #expect(text.contains("wrong_code"))
        for secret in ["MARKEDCODE77", TracedEngine.phone, TracedEngine.session] { #expect(!text.contains(secret)) }
    }

    @Test func withoutATracerThereIsNothing() {
        let names = CommandSpans.Names(topics: .init(), group: "", host: "", port: 0, url: "")
        #expect(CommandSpans(.current, names: names) == nil)
        #expect(withTracer(W3CTracer()) { CommandSpans(.current, names: names) != nil })
    }
}
