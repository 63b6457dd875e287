import Dispatch
import Logging
public import OTPContract
import OTPKafka

/// All results of a fleet as they are published, no matter who asked: for monitors, and for services that store what was verified.
///
/// Each iteration has a reader of its own, in no group: nothing is dropped for it, and a slow loop falls behind instead, with 16 MiB read ahead at
/// most. It outlives a cluster that is away and goes on where it was, and follows partitions that are added. Nothing is remembered when the process ends: what
/// must see every result across restarts reads the topic with a consumer group.
///
/// A record that is no result of a known form is passed over, and counted as `otp_client_unreadable`.
public struct Results: AsyncSequence, Sendable {
    /// A result.
    public typealias Element = ResultEvent
    /// Nothing is thrown.
    public typealias Failure = Never

    /// Where reading begins.
    public enum Start: Sendable {
        /// With what is published from the first call of `next` on.
        case now
        /// With the oldest result that the topic holds.
        case beginning
    }

    let common: ClientProperties.Common
    let topic: String
    let start: Start
    let logger: Logger
    let metrics: ClientMetrics

    /// Reads for one loop.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let reading: Reading
        private var batch: ArraySlice<ResultEvent> = []

        init(_ reading: Reading) { self.reading = reading }

        /// The next result, waited for as long as it takes; nil only when the task is cancelled.
        public mutating func next() async -> ResultEvent? {
            while batch.isEmpty {
                if Task.isCancelled { return nil }
                batch = await reading.batch()[...]
            }
            return batch.popFirst()
        }

        /// The same.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> ResultEvent? {
            while batch.isEmpty {
                if Task.isCancelled { return nil }
                batch = await reading.batch()[...]
            }
            return batch.popFirst()
        }
    }

    /// A new reader.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(Reading(self)) }

    /// A follower on a queue of its own, for its calls block.
    final class Reading: @unchecked Sendable {
        // Safe because the follower is used on the queue alone.
        private let results: Results
        private let queue = DispatchQueue(label: "otp-verify-client.results")
        private var hearing: Hearing?

        init(_ results: Results) { self.results = results }

        // Ending a reader blocks, for seconds at most: not the one who lets go of this.
        deinit {
            guard let hearing else { return }
            // Safe because nobody else has it any more.
            nonisolated(unsafe) let last = hearing
            queue.async { last.close() }
        }

        /// What has come within half a second.
        func batch() async -> [ResultEvent] {
            await withCheckedContinuation { continuation in
                queue.async { continuation.resume(returning: self.poll()) }
            }
        }

        private func poll() -> [ResultEvent] {
            let hearing =
                hearing
                ?? Hearing(
                    results.common,
                    topic: results.topic,
                    partition: nil,
                    from: results.start == .now ? .now : .beginning,
                    results.logger,
                    results.metrics
                )
            self.hearing = hearing
            return hearing.poll(timeout: .milliseconds(500)).map(\.event)
        }
    }
}
