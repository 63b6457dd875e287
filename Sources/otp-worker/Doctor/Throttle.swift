import OTPKafka
import Synchronization

/// How long brokers held answers to the doctor's own requests back, at most, on average.
final class Throttle: Sendable {
    private let mean = Mutex(Duration.zero)

    var longest: Duration { mean.withLock { $0 } }

    func saw(_ throttle: Duration) { mean.withLock { $0 = max($0, throttle) } }

    /// May be called by any thread.
    func heard(_ event: ClientEvent) {
        guard case .statistics(let json) = event, let statistics = ClientStatistics(json: json) else { return }
        saw(statistics.throttle)
    }
}
