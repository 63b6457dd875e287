import Dispatch
import OTPContract
import OTPKafka
import OTPMonitor
import OTPVerifyClient
import Synchronization

/// Follows one topic on a thread of its own, from a start until it is told to end, and tells the monitor what came and how far it is.
///
/// It belongs to no group and commits nothing.
final class TopicFollowing: @unchecked Sendable {
    // Safe because the follower is used by the one thread alone, and the rest never changes or is atomic.
    private let follower: ResultFollower
    private let source: FleetMonitor.Source
    private let monitor: LiveMonitor
    private let isEnded = Atomic<Bool>(false)
    private let hasEnded = DispatchSemaphore(value: 0)
    /// Partitions that the topic has by somebody else's account.
    private let partitions = Atomic<Int>(0)

    private static let wait = Duration.milliseconds(500)
    private static let batch = 1_000
    /// Bytes of one record: what the topic takes.
    static let maximumBytes = 262_144

    init(_ follower: ResultFollower, _ source: FleetMonitor.Source, _ monitor: LiveMonitor) {
        self.follower = follower
        self.source = source
        self.monitor = monitor
    }

    func start() {
        DispatchQueue(label: "otp-worker.monitor.\(source)").async {
            self.loop()
            self.follower.close()
            self.hasEnded.signal()
        }
    }

    /// May be called by any thread.
    func grow(to count: Int) { partitions.store(count, ordering: .relaxed) }

    func end() { isEnded.store(true, ordering: .relaxed) }

    /// False when the thread did not end in time.
    func wait(until deadline: DispatchTime) -> Bool { hasEnded.wait(timeout: deadline) == .success }

    private func loop() {
        var tellsAt = ContinuousClock.now
        while !isEnded.load(ordering: .relaxed) {
            var events = follower.poll(timeout: Self.wait, maximum: Self.batch).map(event)
            if ContinuousClock.now >= tellsAt {
                follower.grow(to: partitions.load(ordering: .relaxed))
                let trouble = follower.trouble.map { "\($0)" }
                events.append(.turned(source, reached: follower.positions, trouble: trouble))
                tellsAt = .now + Self.wait
            }
            if !events.isEmpty { monitor.tell(events) }
        }
    }

    private func event(_ record: ConsumedRecord) -> FleetMonitor.Event {
        switch source {
        case .results:
            guard let value = record.value, value.count <= Self.maximumBytes,
                let event = try? ResultEvent.decode(value, allowingNewReasons: true)
            else { return .unreadable }
            return .result(event)
        case .letters:
            guard let found = FoundLetter(record) else { return .unreadable }
            return .letter(found.letter, written: found.time)
        }
    }
}
