import Dispatch
import OTPEngine
import OTPKafka
import Synchronization

/// Looks every second whether the results and the ledger of each partition of the commands can be written, as the cluster's
/// metadata says: a transaction that touches a partition without a leader hangs, and holds up all the others in it.
///
/// It changes nothing and decides nothing.
final class OutputWatch: Sendable {
    private static let interval = Duration.seconds(1)
    private static let timeout = Duration.seconds(2)
    /// Every so many looks the topics' settings are read too.
    private static let looksPerReading = 30

    private let queue = DispatchQueue(label: "otp-worker.outputs")
    private let admin: Admin
    private let topics: WorkerConfiguration.Topics
    /// Touched on the queue only.
    private let state: Mutex<(limits: OutputLimits, looks: Int)>
    private let onLook: @Sendable ([Int32: String]) -> Void
    private let onLimits: @Sendable (OutputLimits) -> Void

    init(
        admin: Admin,
        topics: WorkerConfiguration.Topics,
        limits: OutputLimits,
        onLook: @escaping @Sendable ([Int32: String]) -> Void,
        onLimits: @escaping @Sendable (OutputLimits) -> Void
    ) {
        self.admin = admin
        self.topics = topics
        state = Mutex((limits, 0))
        self.onLook = onLook
        self.onLimits = onLimits
    }

    /// Looks every `interval` until its task is cancelled.
    ///
    /// Returns when no look is under way any more: within three times `timeout`, and as many of the settings' where they are due.
    func run() async {
        while (try? await Task.sleep(for: Self.interval)) != nil {
            await queue.run { self.look() }
        }
    }

    private func look() {
        // A cluster that cannot be asked says nothing of its partitions.
        guard let commands = try? admin.partitions(of: topics.commands, timeout: Self.timeout),
            let results = try? admin.partitions(of: topics.results, timeout: Self.timeout),
            let ledger = try? admin.partitions(of: topics.ledger, timeout: Self.timeout)
        else { return }
        let limits = readLimits()
        onLook(
            Self.unwritable(
                commands: commands.count,
                outputs: [(topics.ledger, ledger)]
                    // Where results have other partitions than commands, a key decides, and no partition stands for one of ours.
                    + (results.count == commands.count ? [(topics.results, results)] : []),
                leastInSync: limits.leastInSync
            )
        )
    }

    private func readLimits() -> OutputLimits {
        let isDue = state.withLock { state in
            state.looks += 1
            return state.looks.isMultiple(of: Self.looksPerReading)
        }
        if isDue, let limits = OutputLimits.read(admin, topics) {
            state.withLock { $0.limits = limits }
            onLimits(limits)
        }
        return state.withLock(\.limits)
    }

    /// Partitions of the commands of which an output cannot be written now, and why.
    static func unwritable(
        commands: Int,
        outputs: [(topic: String, partitions: [Admin.PartitionState])],
        leastInSync: [String: Int]
    ) -> [Int32: String] {
        var found: [Int32: String] = [:]
        for (topic, partitions) in outputs {
            let least = leastInSync[topic] ?? 1
            for (number, state) in partitions.prefix(commands).enumerated() {
                if state.leader == nil {
                    found[Int32(number)] = "\(topic)/\(number) has no leader"
                } else if state.inSync < least {
                    found[Int32(number)] =
                        "\(topic)/\(number) has \(state.inSync) replicas in sync, and min.insync.replicas is \(least)"
                }
            }
        }
        return found
    }
}
