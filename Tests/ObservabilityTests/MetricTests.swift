import OTPObservability
import Testing

@Suite struct MetricTests {
    @Test(arguments: Metric.allCases)
    func aMetricFollowsTheNamingConventions(_ metric: Metric) {
        let name = metric.name
        #expect(name.hasPrefix("otp_worker_") || name.hasPrefix("process_"))
        #expect(name.allSatisfy { $0.isASCII && ($0.isLowercase || $0 == "_") })
        #expect(name.hasSuffix("_total") == (metric.kind == .counter))
        #expect(
            !["_ms", "_count", "_sum", "_bucket"].contains { name.hasSuffix($0) },
            "a unit or suffix with another meaning"
        )
        #expect(!metric.meaning.isEmpty && metric.meaning.hasSuffix("."))
        #expect(metric.seriesLimit >= 1)
        #expect(Set(metric.labels).count == metric.labels.count)
        #expect(!metric.labels.contains("le"))
        if case .histogram(let buckets) = metric.kind {
            #expect(zip(buckets, buckets.dropFirst()).allSatisfy { $0 < $1 })
            #expect(buckets.allSatisfy { $0 > 0 && $0.isFinite })
        }
    }

    @Test func noTwoMetricsShareANameOrAMeaning() {
        #expect(Set(Metric.allCases.map(\.name)).count == Metric.allCases.count)
        #expect(Set(Metric.allCases.map(\.meaning)).count == Metric.allCases.count)
    }

    /// No label may carry what identifies a person or grows with the traffic.
    @Test func labelsAreOnlyThoseKnownToBeBounded() {
        let bounded: Set = [
            "status", "reason", "class", "partition", "outcome", "cause", "code", "level", "version", "librdkafka",
            "topic", "state", "partitioner", "client", "limit", "check",
        ]
        #expect(Set(Metric.allCases.flatMap(\.labels)).isSubset(of: bounded))
    }
}
