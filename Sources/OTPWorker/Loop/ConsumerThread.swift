import Dispatch
import OTPKafka
import Synchronization

/// The one thread that polls the group consumer, for as long as the consumer lives.
///
/// It hands over what comes in batches, and waits when the loop is behind: a stuck loop must not look like a live
/// member.
final class ConsumerThread: Sendable {
    /// Batches that the loop may be behind by.
    private static let maximumBehind = 8
    /// Records in one batch.
    private static let maximumRecords = 500
    /// Bytes of memory that those of one batch take; the last of them may go beyond by itself.
    private static let maximumBytes = 1 << 20
    /// Between two batches, in which records gather.
    ///
    /// At a thousand commands a second every thread on their way then wakes a few hundred times a second for them, and not a thousand times.
    /// A record that comes alone waits for nothing.
    private static let pause = Duration.milliseconds(4)
    /// How long leaving the group may take.
    private static let leaveTimeout = Duration.seconds(5)

    let consumer: GroupConsumer
    private let intake: CommandIntake
    private let queue = DispatchQueue(label: "otp-worker.consumer")
    private let room = DispatchSemaphore(value: ConsumerThread.maximumBehind)
    private let state = Atomic<UInt8>(0)
    private static let leaving: UInt8 = 1
    private static let abandoned: UInt8 = 2

    init(_ consumer: GroupConsumer, intake: CommandIntake) {
        self.consumer = consumer
        self.intake = intake
    }

    /// - Parameters:
    ///   - deliver: handles each batch, with a closure to call when the batch was handled.
    ///   - ended: called once, when the consumer is gone.
    func start(
        deliver: @escaping @Sendable ([CommandIntake.Item], _ handled: @escaping @Sendable () -> Void) -> Void,
        ended: @escaping @Sendable () -> Void
    ) {
        queue.async { [self] in
            while state.load(ordering: .acquiring) == 0 { turn(deliver) }
            if state.load(ordering: .acquiring) == Self.leaving { leave() }
            _ = consumer.destroy(within: Self.leaveTimeout)
            ended()
        }
    }

    /// Leaves the group, within a bound, and ends.
    func beginLeaving() { state.store(Self.leaving, ordering: .releasing) }

    /// Ends without leaving: the consumer is of no more use.
    func abandon() { state.store(Self.abandoned, ordering: .releasing) }

    private func turn(_ deliver: ([CommandIntake.Item], @escaping @Sendable () -> Void) -> Void) {
        let events = consumer.poll(
            timeout: .milliseconds(100),
            maximum: Self.maximumRecords,
            maximumBytes: Self.maximumBytes
        )
        guard !events.isEmpty else { return }
        while room.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
            guard state.load(ordering: .acquiring) == 0 else { return }
        }
        deliver(intake.items(events)) { [room] in room.signal() }
        Clocks.sleep(Self.pause)
    }

    private func leave() {
        let deadline = ContinuousClock.now + Self.leaveTimeout
        guard (try? consumer.beginClose()) != nil else { return }
        while !consumer.isClosed, ContinuousClock.now < deadline {
            for event in consumer.poll(timeout: .milliseconds(50), maximum: Self.maximumRecords) {
                if case .revoked(let partitions) = event { consumer.release(partitions) }
            }
        }
    }
}
