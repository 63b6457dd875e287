import OTPEngine
import OTPKafka
import OTPObservability
import OTPWorker
import Testing

@Suite("Each partition that the worker owns has a lag, and no other")
struct PartitionLagTests {
    private let recorder = LogRecorder()

    private func lags() -> [Substring] {
        recorder.registry.render().split(separator: "\n").filter { $0.hasPrefix("otp_worker_partition_lag{") }
    }

    @Test func statisticsThatComeLateBringNoLagBack() {
        let telemetry = Telemetry(
            Loggers(recorder.sink(repeats: nil), levels: [:]),
            registry: recorder.registry,
            health: HealthState(conditions: []) { .zero },
            topic: "commands"
        )
        let statistics = ConsumerStatistics(
            joinState: "steady",
            partitions: [3, 4].map {
                .init(topicPartition: TopicPartition("commands", $0), highWatermark: 42, queuedRecords: 0)
            }
        )
        telemetry.report(.assigned([3]))
        telemetry.statistics(statistics)
        #expect(lags() == [#"otp_worker_partition_lag{partition="3"} 42"#])
        telemetry.report(.released([3], unfinished: 0))
        telemetry.statistics(statistics)
        #expect(lags().isEmpty)
        telemetry.report(.assigned([3, 4]))
        telemetry.statistics(statistics)
        #expect(lags().count == 2)
        telemetry.report(.lost([4]))
        telemetry.statistics(statistics)
        #expect(lags().count == 1)
    }
}
