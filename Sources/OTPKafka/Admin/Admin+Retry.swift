extension Admin {
    /// From one question to the next.
    private static let pause = Duration.milliseconds(200)

    /// Asks again until what comes is enough, for at most `limit`; then whatever it is.
    ///
    /// A cluster answers CreateTopics, and a topic's growth, before every broker of it knows.
    package func retry<Answer>(
        within limit: Duration,
        asking ask: (Admin) throws(KafkaError) -> Answer,
        until isEnough: (Answer) -> Bool
    ) throws(KafkaError) -> Answer {
        let deadline = Deadline(in: limit)
        while true {
            let answer = try ask(self)
            guard !isEnough(answer), !deadline.hasPassed else { return answer }
            handle.waitForClosing(until: Deadline(in: min(Self.pause, deadline.remaining)))
        }
    }
}
