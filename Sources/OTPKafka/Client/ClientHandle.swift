import CRdKafka

/// The owner of one librdkafka client and of its queues.
///
/// Every call into the client goes through ``use(_:_:)``, so that none can meet a client that is being destroyed;
/// destroying has a deadline and never hangs.
@safe
final class ClientHandle: @unchecked Sendable {
    // Safe because librdkafka's clients and queues may be used by any thread, and `uses` keeps them alive while they are.
    private let client: OpaquePointer
    private let queue: OpaquePointer
    private let uses = Monitor(Uses())

    private struct Uses {
        var count = 0
        var closing = false
        /// Destroying the client would end the process.
        var mustStay = false
    }

    /// What the client is for, and so which queue its events come from.
    enum Kind {
        /// A group member: everything comes from the consumer's queue.
        case groupConsumer
        /// Reads partitions by number, or only asks questions; nothing but errors comes from its queue.
        case simpleConsumer
        case producer
    }

    init(_ kind: Kind, _ properties: [String: String], events: Int32) throws(KafkaError) {
        let conf = unsafe try Self.configuration(properties, events: events, silent: kind == .simpleConsumer)
        var reason = [CChar](repeating: 0, count: 512)
        let type = kind == .producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER
        guard let client = unsafe rd_kafka_new(type, conf, &reason, reason.count) else {
            unsafe rd_kafka_conf_destroy(conf)
            let text = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw KafkaError("create client", .invalidArgument, reason: text)
        }
        if kind == .groupConsumer { unsafe rd_kafka_poll_set_consumer(client) }
        guard
            let queue = unsafe kind == .groupConsumer
                ? rd_kafka_queue_get_consumer(client) : rd_kafka_queue_get_main(client)
        else {
            unsafe rd_kafka_destroy(client)
            throw KafkaError("create client", .invalidArgument, reason: "a group consumer needs group.id")
        }
        if kind != .simpleConsumer { unsafe rd_kafka_set_log_queue(client, queue) }
        unsafe self.client = client
        unsafe self.queue = queue
    }

    deinit {
        let (isDone, mustStay) = uses.withLock { ($0.closing, $0.mustStay) }
        guard !isDone, !mustStay else { return }
        // Nobody uses it any more, or its last reference would not be gone; but destroying it can still take a while.
        let client = unsafe Transferred(client)
        unsafe rd_kafka_queue_destroy(queue)
        _ = OwnThread { unsafe rd_kafka_destroy_flags(client.pointer, Self.destroyWithoutClosing) }
    }

    /// Says whether the client must be left behind, closed but not destroyed.
    ///
    /// Before librdkafka 2.3.0 a group consumer that has joined and was never assigned anything aborts the process when it
    /// is destroyed.
    func setMustStay(_ mustStay: Bool) {
        guard rd_kafka_version() < 0x0203_0000 else { return }
        uses.withLock { $0.mustStay = mustStay }
    }

    var mustStay: Bool { uses.withLock { $0.mustStay } }

    /// Runs one call on the client; throws `_DESTROY` once destroying has begun.
    func use<Result>(
        _ operation: String,
        _ body: (OpaquePointer) throws(KafkaError) -> Result
    ) throws(KafkaError) -> Result {
        guard enter() else { throw KafkaError(operation, .destroyed) }
        defer { leave() }
        return unsafe try body(client)
    }

    /// As ``use(_:_:)``, with the failure as a value.
    func attempt(_ operation: String, _ body: (OpaquePointer) throws(KafkaError) -> Void) -> KafkaError? {
        do throws(KafkaError) {
            unsafe try use(operation, body)
            return nil
        } catch {
            return error
        }
    }

    /// The next event, waited for until the deadline; nil when there is none, the wait was cut short by ``wake()``, or
    /// the client is being destroyed.
    func poll(milliseconds: Int32) -> Event? {
        guard enter() else { return nil }
        defer { leave() }
        guard let event = unsafe rd_kafka_queue_poll(queue, milliseconds) else { return nil }
        return unsafe Event(event)
    }

    /// What waits in the queue to be polled.
    var queueLength: Int {
        guard enter() else { return 0 }
        defer { leave() }
        return unsafe rd_kafka_queue_length(queue)
    }

    /// Ends a wait in ``poll(milliseconds:)`` early.
    func wake() {
        guard enter() else { return }
        defer { leave() }
        unsafe rd_kafka_queue_yield(queue)
    }

    /// Begins to leave the group; what follows comes from the same queue.
    func closeConsumer() throws(KafkaError) {
        try unsafe use("close") { client throws(KafkaError) in
            unsafe try KafkaError.check("close", consuming: rd_kafka_consumer_close_queue(client, queue))
        }
    }

    /// The error that made the client useless, if one did.
    func fatalError(_ operation: String) -> KafkaError? {
        unsafe try? use(operation) { client in
            let code = unsafe rd_kafka_fatal_error(client, nil, 0)
            return KafkaError(operation, code).map { KafkaError(operation, $0.code, isFatal: true) }
        }
    }

    /// Breaks it as an answer of a broker can, for tests.
    func breakFatally(_ code: KafkaError.Code) {
        _ = unsafe attempt("break") { client in
            _ = unsafe rd_kafka_test_fatal_error(client, rd_kafka_resp_err_t(code.rawValue), "a test")
        }
    }

    /// Destroys the client once no call is under way.
    ///
    /// False when that took longer than it may: the client is then left behind, to be destroyed when it lets go.
    func destroy(within limit: Duration) -> Bool {
        let deadline = Deadline(in: limit)
        let (isFirst, mustStay) = uses.update { uses in
            defer { uses.closing = true }
            return (!uses.closing, uses.mustStay)
        }
        guard isFirst, !mustStay else { return true }
        unsafe rd_kafka_queue_yield(queue)
        let client = unsafe Transferred(client)
        let queue = unsafe Transferred(queue)
        let uses = self.uses
        let thread = OwnThread {
            _ = uses.wait(until: Deadline(in: .seconds(86_400))) { $0.count == 0 }
            unsafe rd_kafka_queue_destroy(queue.pointer)
            unsafe rd_kafka_destroy_flags(client.pointer, Self.destroyWithoutClosing)
        }
        return thread.join(until: deadline)
    }

    func waitForClosing(until deadline: Deadline) {
        _ = uses.wait(until: deadline) { $0.closing }
    }

    private func enter() -> Bool {
        uses.withLock { uses in
            guard !uses.closing else { return false }
            uses.count += 1
            return true
        }
    }

    private func leave() {
        let last = uses.withLock { uses in
            uses.count -= 1
            return uses.closing && uses.count == 0
        }
        if last { uses.update { _ in } }
    }

    /// The consumer was closed before, or never will be: closing inside destroy can hang.
    private static let destroyWithoutClosing = RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE

    private static func configuration(
        _ properties: [String: String],
        events: Int32,
        silent: Bool
    ) throws(KafkaError) -> OpaquePointer {
        guard let conf = unsafe rd_kafka_conf_new() else { throw KafkaError("configure", .invalidArgument) }
        unsafe rd_kafka_conf_set_events(conf, events)
        if silent {
            unsafe crdkafka_silence(conf)
        } else {
            unsafe rd_kafka_conf_set(conf, "log.queue", "true", nil, 0)
        }
        for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
            let result = unsafe rd_kafka_conf_set(conf, name, value, nil, 0)
            guard result != RD_KAFKA_CONF_OK else { continue }
            unsafe rd_kafka_conf_destroy(conf)
            // The value may be a secret, and librdkafka's own text repeats it.
            let problem =
                result == RD_KAFKA_CONF_UNKNOWN ? "is not known to librdkafka" : "has a value it does not take"
            throw KafkaError("configure", .invalidArgument, reason: "property \(name) \(problem)")
        }
        return unsafe conf
    }
}

/// A C pointer on its way to the thread that alone will use it from then on.
@safe
struct Transferred: @unchecked Sendable {
    // Safe because anyone who sends it has given up its own use of the pointer.
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }
}
