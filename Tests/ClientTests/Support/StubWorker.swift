import Dispatch
import OTPContract
import OTPKafka
import Synchronization
import Testing

/// Reads commands, and answers each as the test says; it knows no rules and keeps no ledger.
///
/// Results go where a worker would send them.
final class StubWorker: Sendable {
    struct Received: Sendable {
        var record: ConsumedRecord
        /// Of those that were received before, how many have the same id.
        var repetition: Int

        var coordinates: Coordinates {
            Coordinates(topic: record.topic, partition: record.partition, offset: record.offset)
        }

        /// As a worker reads it.
        var command: VerifyCommand? {
            try? CommandDecoder().decode(key: record.key, value: record.value, headers: record.headers, at: coordinates)
                .get()
        }

        func header(_ name: String) -> [UInt8]? { record.headers.first { $0.name == name }?.value }

        /// Its result, for the reason given.
        func result(_ reason: Reason = .ok) -> ResultEvent {
            let command = command
            return Sample.event(
                command?.commandID ?? coordinates.description,
                at: coordinates,
                session: command?.sessionID.text,
                reason: reason
            )
        }
    }

    /// Every command in the order of its reading.
    let commands: AsyncStream<Received>

    private let common: ClientProperties.Common
    private let resultTopic: String
    private let producer: IdempotentProducer
    private let isOver = Atomic<Bool>(false)
    private let ended = DispatchSemaphore(value: 0)
    private let all = Mutex((list: [Received](), byID: [String: Int]()))

    init(
        _ broker: EmbeddedBroker,
        commands topic: String,
        results: String,
        answering: @escaping @Sendable (Received) -> ResultEvent?
    ) throws {
        common = ClientProperties.Common(bootstrapServers: broker.bootstrapServers)
        resultTopic = results
        producer = try IdempotentProducer(ClientProperties.idempotentProducer(common)) { _ in }
        let (stream, continuation) = AsyncStream.makeStream(of: Received.self)
        commands = stream
        let reader = try TopicReader(common, topic: topic, from: .beginning)
        DispatchQueue(label: "stub-worker").async { [self] in
            while !isOver.load(ordering: .relaxed) {
                for record in (try? reader.poll(timeout: .milliseconds(50))) ?? [] {
                    let received = note(record)
                    continuation.yield(received)
                    if let event = answering(received) { publish(event, for: received) }
                }
            }
            _ = reader.close(timeout: .seconds(2))
            continuation.finish()
            ended.signal()
        }
    }

    /// What was received so far.
    var received: [Received] { all.withLock { $0.list } }

    /// Waits for the next command that nobody has waited for.
    func next() async throws -> Received {
        for await received in commands { return received }
        throw StubWorkerEnded()
    }

    /// Writes a result to where its command wants it, acknowledged or not.
    func publish(_ event: ResultEvent, for received: Received? = nil) {
        let topic = received?.header("kafka_replyTopic").map { String(decoding: $0, as: UTF8.self) }
        let partition = received?.header("kafka_replyPartition").map { bytes in
            bytes.reduce(Int32(0)) { $0 << 8 | Int32($1) }
        }
        publish(event.encode(), topic: topic, partition: partition)
    }

    func publish(_ value: [UInt8], topic: String? = nil, partition: Int32? = nil) {
        let record = OutgoingRecord(topic: topic ?? resultTopic, partition: partition, key: bytes("k"), value: value)
        // A test that misses it fails by its own limit.
        try? producer.produce(record, tag: 0)
    }

    /// Waits until everything published is acknowledged.
    func flush() { _ = producer.flush(timeout: .seconds(20)) }

    /// Blocks, for seconds at most.
    func close() {
        isOver.store(true, ordering: .relaxed)
        _ = ended.wait(timeout: .now() + 10)
        _ = producer.close(timeout: .seconds(2))
    }

    private func note(_ record: ConsumedRecord) -> Received {
        var received = Received(record: record, repetition: 0)
        let id = received.command?.commandID
        all.withLock { all in
            if let id {
                received.repetition = all.byID[id, default: 0]
                all.byID[id, default: 0] += 1
            }
            all.list.append(received)
        }
        return received
    }
}

struct StubWorkerEnded: Error {}
