import Dispatch
import OTPContract
import OTPKafka
import OTPMonitor
import OTPWorker
import Synchronization

/// Asks the cluster again and again, on a thread of its own: how far the group has come, who is in it, and where the topics end.
///
/// It asks as a consumer that never joins: the group does not see it.
final class ClusterReader: Sendable {
    private static let pause = Duration.seconds(2)
    private static let timeout = Duration.seconds(3)
    /// Partitions whose end could not be had, after which a round asks no more of them.
    private static let mostUnknown = 3

    private let consumer: GroupConsumer
    private let admin: Admin
    private let topics: WorkerConfiguration.Topics
    private let groupID: String
    private let isEnded = Atomic<Bool>(false)
    private let onRound: @Sendable (Round) -> Void

    /// What one round brought.
    struct Round: Sendable {
        var events: [FleetMonitor.Event] = []
        /// Partitions of the results and of the dead letters; nil where the cluster did not tell.
        var results: Int?
        var letters: Int?
    }

    /// `onRound` is called on the reader's thread, every few seconds.
    init(_ settings: Settings, onRound: @escaping @Sendable (Round) -> Void) throws(KafkaError) {
        groupID = settings.worker.kafka.groupID
        consumer = try GroupConsumer(
            ClientProperties.consumer(settings.common, groupID: groupID, statisticsInterval: .zero)
        )
        admin = try Admin(settings.common)
        topics = settings.worker.topics
        self.onRound = onRound
    }

    func start() {
        DispatchQueue(label: "otp-worker.monitor.cluster").async {
            while !self.isEnded.load(ordering: .relaxed) {
                self.onRound(self.round())
                let next = ContinuousClock.now + Self.pause
                while ContinuousClock.now < next, !self.isEnded.load(ordering: .relaxed) {
                    // An error that the client reports is said by the next answer, or by its lack.
                    _ = self.consumer.poll(timeout: min(.milliseconds(500), next - .now), maximum: 1)
                }
            }
            _ = self.consumer.destroy(within: .seconds(2))
            _ = self.admin.close(timeout: .seconds(2))
        }
    }

    func end() { isEnded.store(true, ordering: .relaxed) }

    private func round() -> Round {
        var round = Round()
        do throws(KafkaError) {
            round.results = try consumer.partitionCount(topics.results, timeout: Self.timeout)
            round.letters = try consumer.partitionCount(topics.deadLetters, timeout: Self.timeout)
        } catch {
            round.events.append(.silent(reason: "\(error)"))
            return round
        }
        round.events.append(lag())
        round.events.append(group())
        round.events.append(ends(.results, topics.results, round.results ?? 0))
        round.events.append(ends(.letters, topics.deadLetters, round.letters ?? 0))
        return round
    }

    private func lag() -> FleetMonitor.Event {
        do throws(KafkaError) {
            return .lag(.known(try consumer.lags(of: topics.commands, timeout: Self.timeout)))
        } catch {
            return error.isTransient ? .silent(reason: "\(error)") : .lag(.refused(reason: "\(error)"))
        }
    }

    private func group() -> FleetMonitor.Event {
        do throws(KafkaError) {
            let group = try admin.group(groupID, timeout: Self.timeout)
            var owners: [Int32: String] = [:]
            for member in group.who {
                for place in member.partitions where place.topic == topics.commands {
                    owners[place.partition] = member.clientID
                }
            }
            let members = group.who.map(\.clientID).sorted()
            return .group(.known(state: group.state, members: members, owners: owners))
        } catch {
            return error.isTransient ? .silent(reason: "\(error)") : .group(.refused(reason: "\(error)"))
        }
    }

    private func ends(_ source: FleetMonitor.Source, _ topic: String, _ count: Int) -> FleetMonitor.Event {
        var ends: [Int32: Int64] = [:]
        var unknown: [Int32: String] = [:]
        for partition in 0..<Int32(count) where unknown.count < Self.mostUnknown {
            do throws(KafkaError) {
                ends[partition] = try consumer.watermarks(TopicPartition(topic, partition), timeout: Self.timeout).high
            } catch {
                unknown[partition] = "\(error)"
            }
        }
        return .ends(source, ends, unknown: unknown)
    }
}
