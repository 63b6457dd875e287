import CoreMetrics
import Dispatch
import Logging
import OTPContract
import OTPKafka
import Synchronization

/// Runs the book: gives it events with the time, and does what it says.
///
/// The book is behind one lock; what its actions call runs with the lock released.
final class ClientCore: Sendable {
    let configuration: OTPVerifyClient.Configuration
    let common: ClientProperties.Common
    let logger: Logger
    let metrics = ClientMetrics()
    let late = Mailbox<ResultEvent>(maximumCount: LateAnswers.maximumCount, maximumBytes: LateAnswers.maximumBytes)

    private let beginning: TopicReader.Start
    private let state: Mutex<State>
    private let writer = Mutex<CommandWriter?>(nil)
    private let clock = Alarm()
    private let reading = DispatchQueue(label: "otp-verify-client.answers")
    private let isReadingOver = Atomic<Bool>(false)
    private let ended = Latch()

    struct State {
        var book: RequestBook
        var callers: [RequestTag: Caller] = [:]
        var nextTag: UInt64 = 0
        var hasStarted = false
        /// Why answers cannot be read now.
        var trouble: KafkaError?
        /// When the cluster was last heard from; nil while answers cannot be read.
        var heardAt: ContinuousClock.Instant?
    }

    /// Who waits for a request, and what it writes.
    struct Caller {
        var command: Command
        var headers: [Header] = []
        var onWritten: (@Sendable (Coordinates?) -> Void)?
        var reply: Reply
        var since = ContinuousClock.now
    }

    /// Called once, on a thread of the client's, and must not block.
    enum Reply {
        case answer(@Sendable (Result<(Answer, attempts: Int), any Error>) -> Void)
        /// No answer is wanted, only where the command lies.
        case coordinates(@Sendable (Result<Coordinates?, any Error>) -> Void)

        var wantsAnswer: Bool {
            if case .answer = self { true } else { false }
        }

        func fail(_ error: any Error) {
            switch self {
            case .answer(let tell): tell(.failure(error))
            case .coordinates(let tell): tell(.failure(error))
            }
        }
    }

    /// Throws when librdkafka refuses a property.
    init(
        _ configuration: OTPVerifyClient.Configuration,
        _ logger: Logger,
        from start: TopicReader.Start
    ) throws(KafkaError) {
        self.configuration = configuration
        self.logger = logger
        beginning = start
        common = ClientProperties.Common(
            bootstrapServers: configuration.brokers,
            clientID: configuration.clientID,
            passThrough: configuration.properties
        )
        try ClientProperties.dryRun(common)
        state = Mutex(State(book: RequestBook(configuration.limits)))
    }

    // MARK: Requests

    func ask(
        _ command: Command,
        _ headers: [Header],
        deadline: ContinuousClock.Instant,
        onWritten: (@Sendable (Coordinates?) -> Void)?
    ) async throws -> (Answer, attempts: Int) {
        try await waiting(deadline: deadline) { continuation in
            Caller(
                command: command,
                headers: headers,
                onWritten: onWritten,
                reply: .answer { continuation.resume(with: $0) }
            )
        }
    }

    func send(_ command: Command, _ headers: [Header], deadline: ContinuousClock.Instant) async throws -> Coordinates? {
        try await waiting(deadline: deadline) { continuation in
            Caller(command: command, headers: headers, reply: .coordinates { continuation.resume(with: $0) })
        }
    }

    /// Hands a request over, without waiting for anything: those of one caller are written in the order of these calls.
    func begin(_ caller: Caller, deadline: ContinuousClock.Instant) {
        enter(newTag(), caller, deadline: deadline)
    }

    private func waiting<Value: Sendable>(
        deadline: ContinuousClock.Instant,
        _ caller: (CheckedContinuation<Value, any Error>) -> Caller
    ) async throws -> Value {
        let tag = newTag()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { enter(tag, caller($0), deadline: deadline) }
        } onCancel: {
            handle { $0.book.gaveUp(tag, at: $1) }
        }
    }

    private func newTag() -> RequestTag {
        state.withLock { state in
            defer { state.nextTag += 1 }
            return RequestTag(number: state.nextTag)
        }
    }

    private func enter(_ tag: RequestTag, _ caller: Caller, deadline: ContinuousClock.Instant) {
        let request = Request(
            commandID: caller.command.id,
            bytes: caller.command.bytes,
            deadline: deadline,
            wantsAnswer: caller.reply.wantsAnswer
        )
        handle { state, now in
            state.callers[tag] = caller
            // What is cancelled from here on finds the request in the book.
            guard !Task.isCancelled else { return [.fail(tag, .cancelled)] }
            return state.book.asked(tag, request, at: now)
        }
    }

    // MARK: The book

    /// Gives the book an event, and does what it says.
    private func handle(_ event: (inout State, ContinuousClock.Instant) -> [RequestBook.Action]) {
        var (actions, due, inFlight) = state.withLock { state in
            let actions = event(&state, .now)
            return (actions, state.book.nextDue, state.book.inFlight)
        }
        metrics.inFlight.record(inFlight)
        // What cannot be handed to the producer is the next event; in a loop, for it could go on long.
        while !actions.isEmpty {
            let refusals = actions.compactMap(perform)
            actions = []
            guard !refusals.isEmpty else { break }
            (actions, due) = state.withLock { state in
                let now = ContinuousClock.now
                let actions = refusals.flatMap {
                    state.book.refused($0.attempt, $0.refusal, at: now)
                }
                return (actions, state.book.nextDue)
            }
        }
        if let due { clock.set(due) { [weak self] in self?.handle { $0.book.timeReached(at: $1) } } }
    }

    /// An attempt that the producer did not take, if one was made.
    private func perform(_ action: RequestBook.Action) -> (attempt: Attempt, refusal: Refusal)? {
        switch action {
        case .send(let tag, let attempt): return write(tag, attempt)
        case .sendingAgain: metrics.resent.increment()
        case .written(let tag, let coordinates): written(tag, coordinates)
        case .answer(let tag, let answer, let attempts):
            guard let caller = state.withLock({ $0.callers.removeValue(forKey: tag) }) else { break }
            metrics.requests[answer.event.status.rawValue]?.increment()
            metrics.answerTime.recordNanoseconds(Int64((.now - caller.since) / .nanoseconds(1)))
            if case .answer(let tell) = caller.reply { tell(.success((answer, attempts: attempts))) }
        case .fail(let tag, let failure):
            let (caller, trouble) = state.withLock { ($0.callers.removeValue(forKey: tag), $0.trouble) }
            guard let caller else { break }
            metrics.requests[failure.name]?.increment()
            caller.reply.fail(failure.error(commandID: caller.command.id, trouble: trouble))
        case .late(let event):
            metrics.late.increment()
            logger.debug("An answer came after its caller gave up", metadata: ["command_id": "\(event.commandID)"])
            if !late.put(event, bytes: event.approximateBytes) { metrics.lateDropped.increment() }
        case .ended:
            isReadingOver.store(true, ordering: .relaxed)
            late.finish()
            ended.open()
        }
        return nil
    }

    private func write(_ tag: RequestTag, _ attempt: Attempt) -> (attempt: Attempt, refusal: Refusal)? {
        guard let caller = state.withLock({ $0.callers[tag] }) else { return nil }
        let record = caller.command.record(
            topic: configuration.commandTopic,
            // An answer that nobody here waits for goes to the topic that everybody reads.
            answers: caller.reply.wantsAnswer ? configuration.answers : .resultTopic,
            headers: caller.headers
        )
        do throws(KafkaError) {
            guard let writer = writer.withLock({ $0 }) else { throw KafkaError("produce", .destroyed) }
            try writer.write(record, tag: attempt.number)
            return nil
        } catch {
            return (attempt, Refusal(atOnce: error))
        }
    }

    private func written(_ tag: RequestTag, _ coordinates: Coordinates?) {
        let caller = state.withLock { state -> Caller? in
            guard let caller = state.callers[tag] else { return nil }
            // One that waits for no more has what it wants.
            if case .coordinates = caller.reply { state.callers[tag] = nil }
            return caller
        }
        caller?.onWritten?(coordinates)
        guard case .coordinates(let tell)? = caller?.reply else { return }
        metrics.requests["written"]?.increment()
        tell(.success(coordinates))
    }

    private func receive(_ reports: [DeliveryReport]) {
        let topic = configuration.commandTopic
        handle { state, now in
            reports.flatMap { report in
                let attempt = Attempt(number: report.tag)
                switch report.outcome {
                case .success(let offset):
                    let coordinates = report.partition.flatMap { partition in
                        offset.map { Coordinates(topic: topic, partition: partition, offset: $0) }
                    }
                    return state.book.acknowledged(attempt, at: coordinates, at: now)
                case .failure(let error):
                    return state.book.refused(attempt, Refusal(reported: error), at: now)
                }
            }
        }
        let hasFailed = reports.contains {
            if case .failure = $0.outcome { true } else { false }
        }
        if hasFailed { writer.withLock { $0 }?.noticeFailure() }
    }

    // MARK: Life

    /// Throws when it has started before, or the producer cannot be made.
    func start() throws {
        let isFirst = state.withLock { state in
            defer { state.hasStarted = true }
            return !state.hasStarted
        }
        guard isFirst else { throw OTPVerifyError(.shutDown, "run() was called before") }
        do {
            let made = try CommandWriter(common) { [weak self] in self?.receive($0) }
            writer.withLock { $0 = made }
        } catch {
            stop()
            throw OTPVerifyError(.configuration, "\(error)", cause: error)
        }
        reading.async { self.read() }
    }

    private func read() {
        let hearing =
            switch configuration.answers {
            case .resultTopic:
                Hearing(common, topic: configuration.resultTopic, partition: nil, from: beginning, logger, metrics)
            case .replyPartition(let topic, let partition):
                Hearing(common, topic: topic, partition: partition, from: beginning, logger, metrics)
            }
        var isListening = false
        while !isReadingOver.load(ordering: .relaxed) {
            let answers = hearing.poll(timeout: .milliseconds(250))
            let (trouble, isOpen, heardAt) = (hearing.trouble, hearing.isOpen, hearing.heardAt)
            let begins = isOpen && !isListening
            isListening = isListening || isOpen
            handle { state, now in
                state.trouble = trouble
                state.heardAt = trouble == nil ? heardAt : nil
                return (begins ? state.book.listening(at: now) : [])
                    + answers.flatMap { state.book.heard($0, at: now) }
            }
        }
        state.withLock { $0.heardAt = nil }
        hearing.close()
    }

    /// Why answers cannot be read now.
    var trouble: KafkaError? { state.withLock { $0.trouble } }

    /// A cluster that is there is heard from every five seconds; one question may be lost.
    private static let silence = Duration.seconds(15)

    func isListening(at now: ContinuousClock.Instant) -> Bool {
        state.withLock { state in state.heardAt.map { now - $0 < Self.silence } ?? false }
    }

    func whenEnded() async { await ended.wait() }

    func drain(within limit: Duration) {
        handle { $0.book.drainRequested(at: $1) }
        let isOver = ended
        Task { [weak self] in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await isOver.wait() }
                group.addTask { try? await Task.sleep(for: limit) }
                await group.next()
                group.cancelAll()
            }
            self?.stop()
        }
    }

    func stop() {
        handle { state, _ in state.book.stopped() }
    }

    /// Ends the clients; what was acknowledged or given up by then is known.
    func close() async {
        clock.cancel()
        let last = writer.withLock { writer in
            defer { writer = nil }
            return writer
        }
        await withCheckedContinuation { done in
            reading.async {
                last?.close(timeout: .seconds(5))
                done.resume()
            }
        }
    }
}

extension ResultEvent {
    /// Bytes of memory that it takes, about.
    var approximateBytes: Int {
        384 + commandID.utf8.count + (message?.utf8.count ?? 0) + (sessionID?.text.utf8.count ?? 0) + worker.utf8.count
            + source.topic.utf8.count + (first?.commandID?.utf8.count ?? 0)
    }
}
