import OTPContract
import OTPKafka

/// Waits for the results of certain commands, known by where these lie.
///
/// Begins with what is published after it was made.
///
/// Its calls block; one thread uses it.
final class ResultWait {
    /// A result as a value, and as it was published.
    struct Arrival {
        var event: ResultEvent
        var value: [UInt8]
    }

    private let reader: TopicReader
    private var early: [Coordinates: Arrival] = [:]

    init(_ common: ClientProperties.Common, topic: String) throws(KafkaError) {
        reader = try TopicReader(common, topic: topic, from: .now)
    }

    /// Hands out each result as it arrives, one for each of the commands, until all have come or the time is up.
    /// - Returns: the commands that were not answered.
    func results(
        of commands: [Coordinates],
        within limit: Duration,
        onResult: (Arrival) -> Void
    ) throws(KafkaError) -> Set<Coordinates> {
        let deadline = ContinuousClock.now + limit
        var open = Set(commands)
        for command in commands {
            guard let arrival = early.removeValue(forKey: command) else { continue }
            open.remove(command)
            onResult(arrival)
        }
        while !open.isEmpty {
            let left = deadline - ContinuousClock.now
            guard left > .zero else { break }
            for record in try reader.poll(timeout: min(left, .milliseconds(500))) {
                guard let value = record.value, let event = try? ResultEvent.decode(value) else { continue }
                let arrival = Arrival(event: event, value: value)
                if open.remove(event.source) != nil {
                    onResult(arrival)
                } else if early.count < Self.maximumEarly {
                    early[event.source] = arrival
                }
            }
        }
        return open
    }

    func close() {
        _ = reader.close(timeout: .seconds(5))
    }

    /// Results of others that are kept, in case they turn out to be waited for.
    private static let maximumEarly = 10_000
}
