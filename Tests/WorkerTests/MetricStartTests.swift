import OTPContract
import OTPEngine
import OTPObservability
import Testing

@testable import OTPWorker

/// Anyone who writes an alert or a dashboard finds every metric there before anything has happened.
struct MetricStartTests {
    private let registry = MetricRegistry()

    /// The series of a page, each without its value.
    private var series: [Substring] {
        registry.render().split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            line.lastIndex(of: " ").map { line[..<$0] }
        }
    }

    private func telemetry() -> Telemetry {
        let sink = LogSink(form: .json, registry: registry, write: { _ in })
        let health = HealthState(conditions: []) { .zero }
        return Telemetry(Loggers(sink), registry: registry, health: health, topic: "commands")
    }

    @Test func everyMetricIsThereFromTheStart() {
        registry.exposeBuild(version: "1", librdkafka: "2")
        registry.exposeProcess()
        _ = telemetry()
        // A partition's are there once the worker has one.
        for metric in Metric.all(of: .worker) where metric.labels != ["partition"] {
            let isThere = series.contains { $0.prefix { $0 != "{" }.hasPrefix(metric.name) }
            #expect(isThere, "\(metric.name)")
        }
        #expect(registry.render().contains("# TYPE otp_worker_partition_lag gauge"))
    }

    @Test func whateverCanHappenHasItsSeriesBefore() {
        let telemetry = telemetry()
        let before = Set(series)
        let record = RecordID(epoch: PartitionEpoch(partition: 3, epoch: 1), offset: 1)
        var facts: [Fact] = AbortCause.allCases.map { .aborted($0, reason: "") }
        facts += Membership.LeaseLoss.allCases.map(Fact.leaseLost)
        facts += [Reason.ok, .sessionBusy, .invalid(.tooLarge), .invalid(.field(.phone))].map { reason in
            .published(reason.status, reason: reason, after: .zero)
        }
        facts += [AnswerClass.accepted, .rejected(.wrongCode), .refused(.refusedByUpstream), .ambiguous].map { kind in
            .asked(record, kind, attempt: 1, after: .zero, failure: nil, httpStatus: 200, body: nil)
        }
        facts += Guessed.allCases.map { .guessed(record, at: $0) }
        facts += [true, false].map { .transaction(records: 1, after: .zero, committed: $0) }
        facts += [
            .deadLetterDropped(record), .unknownCommit(reason: ""), .producerFenced(isTimedOut: false, reason: ""),
        ]
        facts += [.restoreFailed(3, reason: "")]
        for fact in facts { telemetry.report(fact) }
        telemetry.replies([.routed: 1, .notAllowed: 1, .unavailable: 1])
        #expect(Set(series).subtracting(before).isEmpty, "\(Set(series).subtracting(before))")
    }
}
