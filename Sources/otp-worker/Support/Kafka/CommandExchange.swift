import Logging
import OTPContract
import OTPKafka
import OTPVerifyClient
import OTPWorker

/// Sends commands in their order by the client library, and says what becomes of them.
struct CommandExchange {
    /// What happens, in this order: all commands are written, then results come.
    enum Event {
        /// Where the commands lie, in their order; nil where the broker did not say.
        case sent([Coordinates?])
        case result(Answer)
    }

    private enum Signal: Sendable {
        case progress(Int, OTPVerifyClient.Progress)
        case tick
    }

    private let client: OTPVerifyClient

    /// How long all commands may take to be acknowledged.
    private static let sending = Duration.seconds(30)
    private static let tick = Duration.milliseconds(250)

    /// For at most so many commands at a time.
    init(_ settings: Settings, count: Int) throws {
        client = try settings.client(forCommands: count)
    }

    /// Returns how many results did not come within `limit` after all commands were written; nil waits for none.
    /// - Throws: when a command was not written, or results cannot be read.
    func run(_ commands: [CommandLine], waiting limit: Duration?, _ tell: (Event) -> Void) async throws -> Int {
        let (signals, signal) = AsyncStream.makeStream(of: Signal.self)
        let client = client
        let running = Task { try await client.run() }
        let ticking = Task {
            while true {
                try await Task.sleep(for: Self.tick)
                signal.yield(.tick)
            }
        }
        client.begin(
            commands.map { Command(session: $0.session, value: $0.value) },
            // Whatever comes first ends it here; the client's own deadline is only the last.
            deadline: .now + Self.sending + (limit ?? .zero) + .seconds(5),
            wantingAnswers: limit != nil
        ) { signal.yield(.progress($0, $1)) }
        let outcome: Result<Int, any Error>
        do {
            outcome = .success(try await follow(signals, count: commands.count, waiting: limit, tell))
        } catch {
            outcome = .failure(error)
        }
        ticking.cancel()
        running.cancel()
        _ = await running.result
        return try outcome.get()
    }

    private func follow(
        _ signals: AsyncStream<Signal>,
        count: Int,
        waiting limit: Duration?,
        _ tell: (Event) -> Void
    ) async throws -> Int {
        var all = [Coordinates?](repeating: nil, count: count)
        var isWritten = [Bool](repeating: false, count: count)
        var unwritten = count
        var open = limit == nil ? 0 : count
        var early: [Answer] = []
        var deadline = ContinuousClock.now + Self.sending
        func written(_ index: Int, at coordinates: Coordinates?) {
            guard !isWritten[index] else { return }
            isWritten[index] = true
            all[index] = coordinates
            unwritten -= 1
            guard unwritten == 0 else { return }
            tell(.sent(all))
            for answer in early { tell(.result(answer)) }
            deadline = .now + (limit ?? .zero)
        }
        for await signal in signals {
            switch signal {
            case .progress(let index, .written(let coordinates)): written(index, at: coordinates)
            case .progress(let index, .answered(let answer)):
                open -= 1
                if unwritten > 0 { early.append(answer) } else { tell(.result(answer)) }
                written(index, at: answer.event.source)
            case .progress(_, .failed(let error)): throw failure(error)
            case .tick:
                // What keeps answers from being read, and waiting does not help against.
                if limit != nil, let trouble = client.trouble, !trouble.isTransient { throw trouble }
                guard ContinuousClock.now >= deadline else { break }
                guard unwritten == 0 else { throw client.trouble ?? Self.unacknowledged }
                return open
            }
            if unwritten == 0, open == 0 { return 0 }
        }
        return open
    }

    private func failure(_ error: any Error) -> any Error {
        guard let error = error as? OTPVerifyError, let cause = error.cause else { return Self.unacknowledged }
        return cause
    }

    private static let unacknowledged = KafkaError(
        "send",
        .timedOut,
        reason: "a command was not acknowledged within \(sending)"
    )
}

extension Settings {
    /// A client of the workers for a tool: it says nothing by itself, and writes each command once.
    func client(forCommands count: Int) throws -> OTPVerifyClient {
        var configuration = OTPVerifyClient.Configuration(brokers: common.bootstrapServers)
        configuration.clientID = common.clientID
        // The commands are in memory already, and a queue that is full would change their order.
        configuration.properties = [
            "queue.buffering.max.messages": "0", "queue.buffering.max.kbytes": "2147483647",
        ].merging(common.passThrough) { $1 }
        configuration.commandTopic = worker.topics.commands
        configuration.resultTopic = worker.topics.results
        configuration.maximumInFlight = max(1, count)
        configuration.maximumInFlightBytes = .max
        configuration.maximumWaiting = count
        configuration.maximumRemembered = 0
        configuration.resendAfter = nil
        configuration.maximumAttempts = 1
        do throws(OTPVerifyError) {
            return try OTPVerifyClient(
                configuration: configuration,
                logger: Logger(label: "otp-worker") { _ in SwiftLogNoOpLogHandler() }
            )
        } catch {
            throw error.cause ?? error
        }
    }
}
