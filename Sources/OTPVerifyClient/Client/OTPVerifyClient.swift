import CoreMetrics
public import Logging
public import OTPContract
package import OTPKafka
public import ServiceLifecycle
import Tracing

/// Asks otp-workers, over Kafka, whether a code belongs to a session and a phone, and hears their answers.
///
/// ```swift
/// let client = try OTPVerifyClient(configuration: .init(brokers: "localhost:9092"))
/// // In a ServiceGroup, or: async let running: Void = client.run()
/// let result = try await client.verify(session: "123456", phone: "5324818942", code: "ART2")
/// switch result.status {
/// case .verified: storeCard(once: result.sessionID)
/// case _ where result.inDoubt: sendNewCode()
/// case .rejected where result.reason == .wrongCode: letTheUserTypeAgain()
/// case .rejected, .expired: sendNewCode()
/// case .invalid, .failed: tryLater()
/// }
/// ```
///
/// One client serves a whole process: thousands of requests may be under way, from any task. ``run()`` must be running, in a `ServiceGroup` or a task of its
/// own; until it reads the topic of the results, requests wait. Two threads and librdkafka's own do the work; no consumer group is joined, so no rebalance can lose
/// an answer.
///
/// Code and phone go into the command's record and nowhere else: no description, error, log, metric or span holds them.
public final class OTPVerifyClient: Service {
    /// What the client was made with.
    public let configuration: Configuration
    let core: ClientCore

    /// Judges the configuration; connects to nobody yet.
    ///
    /// - Parameters:
    ///   - configuration: where the cluster is, and every limit.
    ///   - logger: hears of interruptions at `warning`, of their ends at `info`, and of nothing that one request does above `debug`.
    /// - Throws: ``OTPVerifyError`` of code `configuration` that names everything that cannot be.
    public convenience init(
        configuration: Configuration,
        logger: Logger = Logger(label: "otp-verify-client")
    ) throws(OTPVerifyError) {
        try self.init(configuration: configuration, logger: logger, resultsFrom: .now)
    }

    package init(
        configuration: Configuration,
        logger: Logger,
        resultsFrom start: TopicReader.Start
    ) throws(OTPVerifyError) {
        let faults = configuration.faults
        guard faults.isEmpty else {
            throw OTPVerifyError(.configuration, faults.joined(separator: "; "))
        }
        self.configuration = configuration
        do throws(KafkaError) {
            core = try ClientCore(configuration, logger, from: start)
        } catch {
            throw OTPVerifyError(.configuration, "\(error)", cause: error)
        }
    }

    /// Connects, and serves requests until the task is cancelled or the group shuts down gracefully.
    ///
    /// A cluster that is away is tried again for as long as it takes. On a graceful shutdown new requests fail as `shutDown`, and those under way are waited for,
    /// up to `drainTimeout`; on cancellation all fail at once. To be called once.
    public func run() async throws {
        try core.start()
        let core = core
        let limit = configuration.drainTimeout
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await core.whenEnded()
            } onGracefulShutdown: {
                core.drain(within: limit)
            }
        } onCancel: {
            core.stop()
        }
        await core.close()
    }

    /// Whether answers are read now: for a readiness probe.
    ///
    /// It is false before ``run()`` reads the topic of the results, 15 s after the cluster was last heard from (it is asked every 5 s), while the topic cannot be
    /// read, and after the end. Requests may be made all the same: they wait, and fail when their deadline comes first.
    public var isListening: Bool { core.isListening(at: .now) }

    /// Asks, and waits for the answer.
    ///
    /// A command whose answer does not come within `resendAfter` is written again under the same `command_id`; the worker answers a question once and repeats that
    /// answer, so this never asks Paynet twice. A `failed` answer that is ``ResultEvent/retryable`` is returned, not retried: how long a user may wait is the caller's to
    /// know.
    ///
    /// - Parameters:
    ///   - session: the `otp_session_id` that `send_otp` gave: 1 to 256 bytes, no control characters. It is the record's key, too.
    ///   - phone: the phone that the code was sent to, in any usual spelling.
    ///   - code: what the user typed, as it was typed.
    ///   - id: the command's name, repeated in the result; nil makes one of 128 random bits. Give the `commandID` of an error to go on with that request.
    ///   - expiresAt: when the code itself ends (`otp_expire` of `send_otp`): Paynet is not asked after it. Nil leaves that to the worker's `commands.max_age`.
    ///   - deadline: when waiting ends; nil means `timeout` of the configuration from now. The command is not taken back then.
    /// - Returns: the result for this very command, known by where the command lies in its topic and not by its id alone.
    /// - Throws: ``OTPVerifyError`` when there is no answer, `CancellationError` when the task is cancelled. Either way the answer is told by ``late``
    ///   when it comes.
    public func verify(
        session: String,
        phone: String,
        code: String,
        id: String? = nil,
        expiresAt: WallTime? = nil,
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> ResultEvent {
        let command = try command(session, phone, code, id, expiresAt)
        return try await ask(command, deadline: deadline).event
    }

    /// Writes the command and waits until every in-sync replica has it, not for the answer: for those that read the results elsewhere.
    ///
    /// - Parameters: as of ``verify(session:phone:code:id:expiresAt:deadline:)``; the deadline is that of the acknowledgement.
    /// - Returns: where the command lies, which its result repeats as ``ResultEvent/source``; nil where the broker did not say.
    /// - Throws: ``OTPVerifyError`` when the command was not acknowledged: if its `isSent` is true it may be there all the same, and may be sent again.
    @discardableResult
    public func send(
        session: String,
        phone: String,
        code: String,
        id: String? = nil,
        expiresAt: WallTime? = nil,
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> Coordinates? {
        let command = try command(session, phone, code, id, expiresAt)
        return try await Trace.request(command, topic: configuration.commandTopic, named: "otp.send") { _, headers in
            try await core.send(command, headers, deadline: deadline ?? .now + configuration.timeout)
        }
    }

    /// All results of the fleet from now on, of the topic `resultTopic`.
    public var results: Results { results(from: .now) }

    /// All results of the fleet, of the topic `resultTopic`; needs no ``run()``.
    public func results(from start: Results.Start) -> Results {
        Results(
            common: core.common,
            topic: configuration.resultTopic,
            start: start,
            logger: core.logger,
            metrics: core.metrics
        )
    }

    /// Answers that came after their callers gave up.
    public var late: LateAnswers { LateAnswers(mailbox: core.late) }

    /// Asks with a command of any kind.
    ///
    /// `onWritten` hears where its first record lies, nil where the broker did not say; it must not block.
    package func ask(
        _ command: Command,
        deadline: ContinuousClock.Instant? = nil,
        onWritten: (@Sendable (Coordinates?) -> Void)? = nil
    ) async throws -> Answer {
        try await Trace.request(command, topic: configuration.commandTopic, named: "otp.verify") { span, headers in
            let (answer, attempts) = try await core.ask(
                command,
                headers,
                deadline: deadline ?? .now + configuration.timeout,
                onWritten: onWritten
            )
            Trace.note(answer, attempts: attempts, on: span)
            return answer
        }
    }

    /// Why answers cannot be read now; nil while they can, and before ``run()``.
    package var trouble: KafkaError? { core.trouble }

    /// What becomes of a command of ``begin(_:deadline:wantingAnswers:_:)``.
    package enum Progress: Sendable {
        /// Its first record lies there; nil where the broker did not say.
        case written(Coordinates?)
        case answered(Answer)
        case failed(any Error)
    }

    /// Hands commands over, to be written in their order, and returns at once; `tell` hears of each, by its index, from threads of the client's.
    ///
    /// Without answers, being written is the last that is heard of a command. An answer may be told just before its command's coordinates.
    package func begin(
        _ commands: [Command],
        deadline: ContinuousClock.Instant,
        wantingAnswers: Bool,
        _ tell: @escaping @Sendable (Int, Progress) -> Void
    ) {
        for (index, command) in commands.enumerated() {
            var caller = ClientCore.Caller(
                command: command,
                reply: .coordinates { result in
                    switch result {
                    case .success(let coordinates): tell(index, .written(coordinates))
                    case .failure(let error): tell(index, .failed(error))
                    }
                }
            )
            if wantingAnswers {
                caller.onWritten = { tell(index, .written($0)) }
                caller.reply = .answer { result in
                    switch result {
                    case .success(let reply): tell(index, .answered(reply.0))
                    case .failure(let error): tell(index, .failed(error))
                    }
                }
            }
            core.begin(caller, deadline: deadline)
        }
    }

    private func command(
        _ session: String,
        _ phone: String,
        _ code: String,
        _ id: String?,
        _ expiresAt: WallTime?
    ) throws(OTPVerifyError) -> Command {
        do throws(OTPVerifyError) {
            return try Command(session: session, phone: phone, code: code, id: id, expiresAt: expiresAt)
        } catch {
            core.metrics.requests["unusable"]?.increment()
            throw error
        }
    }
}
