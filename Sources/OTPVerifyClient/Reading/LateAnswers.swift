public import OTPContract

/// Answers that came after their callers gave up, by a deadline or a cancellation: what became of those commands all the same.
///
/// Act on a `verified` among them as on any other, once per session. Kept until they are read, 10,000 results or 4 MiB at most; the oldest make room,
/// which the metric `otp_client_late_dropped` counts. One loop should read it: of several, each answer goes to one. It ends with the client.
public struct LateAnswers: AsyncSequence, Sendable {
    /// A result.
    public typealias Element = ResultEvent
    /// Nothing is thrown.
    public typealias Failure = Never

    let mailbox: Mailbox<ResultEvent>

    /// Takes the answers in the order in which they came.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let mailbox: Mailbox<ResultEvent>

        /// The next answer, waited for; nil once the client has ended, or when the task is cancelled.
        public mutating func next() async -> ResultEvent? { await mailbox.next() }

        /// The same.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> ResultEvent? {
            await mailbox.next()
        }
    }

    /// Begins with the oldest answer that is kept.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(mailbox: mailbox) }

    static let maximumCount = 10_000
    static let maximumBytes = 4_194_304
}
