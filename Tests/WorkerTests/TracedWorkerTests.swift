import CheckOTP
import Dispatch
import InMemoryTracing
import Logging
import OTPContract
import OTPKafka
import OTPObservability
import OTPSandbox
import OTPWorker
import Testing
import Tracing

/// A whole worker in this process, on an embedded broker and before the sandbox, with a tracer installed.
struct TracedWorkerTests {
    private static let key = "sck_traced"

    @Test(.timeLimit(.minutes(2))) func itsSpansItsLogAndItsUpstreamSpeakOfOneTrace() async throws {
        let broker = try EmbeddedBroker()
        defer { broker.stop() }
        var behaviour = SandboxConfiguration()
        behaviour.secretKey = SandboxSecret(Self.key)
        behaviour.implicitSessions = true
        let sandbox = try await SandboxServer.start(behaviour)
        let configuration = try configuration(broker, sandbox)
        for topic in configuration.topics.all { try broker.createTopic(topic, partitions: 2) }

        let recorder = LogRecorder()
        let loggers = Loggers(recorder.sink(repeats: nil), levels: [.commands: .debug])
        let worker = Worker(configuration, version: "0", loggers: loggers, registry: recorder.registry)
        let tracer = W3CTracer()
        let running = withTracer(tracer) { Task { try await worker.run() } }
        try await worker.whenReady()
        let topics = configuration.topics
        try await blocking { try ask("order-AB12", topics, on: broker.bootstrapServers) }
        worker.drain()
        try await running.value
        await sandbox.stop()

        let consume = try #require(tracer.memory.finishedSpans.first { $0.operationName == "consume" })
        #expect(
            tracer.memory.tree(of: consume.traceID) == [
                "consume consumer verified ok", "  ledger internal ask", "  attempt 1 client 200", "  commit producer",
            ]
        )
        #expect(tracer.memory.finishedSpans.count == 4 && tracer.memory.activeSpans.isEmpty)
        // The command had none of its own.
        #expect(sandbox.calls().map(\.traceparent) == [true])
        let told = try recorder.objects().filter { $0["message"] as? String == "command concluded" }
        #expect(told.map { $0["trace_id"] as? String } == [consume.traceID])
    }

    private func configuration(_ broker: EmbeddedBroker, _ sandbox: SandboxServer) throws -> WorkerConfiguration {
        var configuration = WorkerConfiguration()
        configuration.kafka.brokers = broker.bootstrapServers
        configuration.checkOTP.origin = try Origin(sandbox.url)
        configuration.checkOTP.secretKey = Secret(Self.key)
        configuration.admin.isEnabled = false
        return configuration
    }
}

/// Sends one command whose code is right, and returns once its result is there.
private func ask(_ session: String, _ topics: WorkerConfiguration.Topics, on brokers: String) throws {
    let common = ClientProperties.Common(bootstrapServers: brokers)
    let results = try TopicReader(common, topic: topics.results, from: .beginning)
    defer { _ = results.close(timeout: .seconds(2)) }
    let producer = try IdempotentProducer(ClientProperties.idempotentProducer(common)) { _ in }
    defer { _ = producer.close(timeout: .seconds(2)) }
    let value = #"{"user_gsm":"5324818942","otp_session_id":"\#(session)","otp_code":"\#(session.suffix(4))"}"#
    let record = OutgoingRecord(
        topic: topics.commands,
        partition: 1,
        key: Array(session.utf8),
        value: Array(value.utf8)
    )
    try producer.produce(record, tag: 0)
    while try results.poll(timeout: .seconds(1)).isEmpty {}
}

/// Off the threads that everything asynchronous shares.
private func blocking(_ work: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result { try work() }) }
    }
}
