import OTPContract
import Testing

@testable import OTPObservability

@Suite struct MetricRegistryTests {
    @Test func eachKindIsRenderedInTheTextFormat() {
        var text = PrometheusText()
        let commands = Counter()
        commands.add(3)
        let hostile = Counter()
        hostile.add(0.5)
        text.append(
            .commands,
            [
                (labels: ["verified", "ok"], series: .counter(commands)),
                (labels: ["a\"b\\c\nd", "\r\nİ"], series: .counter(hostile)),
            ]
        )
        let records = Histogram(buckets: [1, 2.5])
        for value in [0, 1, 2, 100] as [Double] { records.observe(value) }
        text.append(.transactionRecords, [(labels: [], series: .histogram(records))])
        text.append(.rebalances, [])
        #expect(
            text.output == """
                # HELP otp_worker_commands_total Commands finished, their result committed, by the result's status and reason.
                # TYPE otp_worker_commands_total counter
                otp_worker_commands_total{status="verified",reason="ok"} 3
                otp_worker_commands_total{status="a\\"b\\\\c\\nd",reason="\r\\nİ"} 0.5
                # HELP otp_worker_transaction_records Commands finished by one transaction.
                # TYPE otp_worker_transaction_records histogram
                otp_worker_transaction_records_bucket{le="1"} 2
                otp_worker_transaction_records_bucket{le="2.5"} 3
                otp_worker_transaction_records_bucket{le="+Inf"} 4
                otp_worker_transaction_records_sum 103
                otp_worker_transaction_records_count 4
                # HELP otp_worker_rebalances_total Changes of this worker's assignment.
                # TYPE otp_worker_rebalances_total counter

                """
        )
    }

    @Test(arguments: [
        (0, "0"), (-0.0, "0"), (1, "1"), (0.1, "0.1"), (1e-5, "1e-05"), (1e300, "1e+300"), (.infinity, "+Inf"),
        (-.infinity, "-Inf"), (.nan, "NaN"), (9_007_199_254_740_992, "9007199254740992"),
    ])
    func aNumberIsWrittenAsScrapersReadIt(_ value: Double, _ text: String) {
        #expect(PrometheusText.number(value) == text)
    }

    @Test func aFreshRegistryNamesAllAndShowsWhatHasNoLabelsAtZero() throws {
        let page = try PrometheusParser(MetricRegistry().render())
        for metric in Metric.all(of: .worker) {
            #expect(page.types[metric.name] != nil, "\(metric.name)")
            let isPresent = page.samples.contains { $0.name.hasPrefix(metric.name) && $0.labels["le"] == nil }
            #expect(isPresent == (metric.labels.isEmpty && !metric.isOfProcess), "\(metric.name)")
        }
        #expect(page.value("otp_worker_lease_valid") == 0)
        #expect(page.value("otp_worker_command_seconds_count") == 0)
    }

    @Test func everyMetricTakesValuesAndParses() throws {
        let registry = MetricRegistry()
        registry.exposeProcess {
            ProcessFacts(residentBytes: 1, cpuSeconds: 2, openFiles: 3, maxFiles: 4, startTime: 5.5)
        }
        registry.exposeBuild(version: "1.2.3", librdkafka: "2.0.2")
        registry.counter(.commands, "failed", "outcome_unknown").add()
        registry.gauge(.partitionLag, "7").set(12)
        registry.gauge(.callsInFlight).add(2)
        registry.gauge(.callsInFlight).add(-1)
        registry.histogram(.commandSeconds).observe(.milliseconds(180))
        let page = try PrometheusParser(registry.render())
        #expect(page.value("otp_worker_commands_total", ["status": "failed", "reason": "outcome_unknown"]) == 1)
        #expect(page.value("otp_worker_partition_lag", ["partition": "7"]) == 12)
        #expect(page.value("otp_worker_calls_in_flight") == 1)
        #expect(page.value("otp_worker_command_seconds_bucket", ["le": "0.15"]) == 0)
        #expect(page.value("otp_worker_command_seconds_bucket", ["le": "0.25"]) == 1)
        #expect(page.value("otp_worker_command_seconds_sum") == 0.18)
        #expect(page.value("process_cpu_seconds_total") == 2)
        #expect(page.value("process_start_time_seconds") == 5.5)
        #expect(page.value("otp_worker_build_info", ["version": "1.2.3", "librdkafka": "2.0.2"]) == 1)
    }

    @Test func aHandleResolvedTwiceIsTheSameSeries() {
        let registry = MetricRegistry()
        registry.counter(.kafkaErrors, "x").add()
        registry.counter(.kafkaErrors, "x").add(2)
        #expect(registry.counter(.kafkaErrors, "x").value == 3)
    }

    @Test func labelsBeyondTheLimitShareOneSeries() throws {
        let registry = MetricRegistry()
        let limit = Metric.kafkaErrors.seriesLimit
        for code in 0..<(limit + 500) { registry.counter(.kafkaErrors, "code-\(code)").add() }
        registry.counter(.kafkaErrors, "code-0").add()
        let series = try PrometheusParser(registry.render()).samples.filter { $0.name == Metric.kafkaErrors.name }
        #expect(series.count == limit + 1)
        #expect(series.first { $0.labels == ["code": "other"] }?.value == 500)
        #expect(series.first { $0.labels == ["code": "code-0"] }?.value == 2)
    }

    @Test func aRemovedSeriesIsGoneAndMakesRoom() throws {
        let registry = MetricRegistry()
        registry.gauge(.partitionLag, "3").set(5)
        registry.remove(.partitionLag, "3")
        #expect(try PrometheusParser(registry.render()).value(Metric.partitionLag.name, ["partition": "3"]) == nil)
        registry.gauge(.partitionLag, "3").set(6)
        #expect(registry.gauge(.partitionLag, "3").value == 6)
    }

    @Test func hooksRunBeforeEachRendering() throws {
        let registry = MetricRegistry()
        let waiting = registry.gauge(.waitingCommands)
        registry.beforeRender { waiting.add(1) }
        _ = registry.render()
        #expect(try PrometheusParser(registry.render()).value("otp_worker_waiting_commands") == 2)
    }

    @Test func concurrentUpdatesAndRenderingsLoseNothing() async throws {
        let registry = MetricRegistry()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    let total = registry.counter(.replays)
                    let gauge = registry.gauge(.callsInFlight)
                    let sizes = registry.histogram(.transactionRecords)
                    for round in 0..<2000 {
                        total.add()
                        gauge.add(round.isMultiple(of: 2) ? 1 : -1)
                        sizes.observe(Double(task))
                        registry.counter(.upstreamCalls, "class-\(round % 4)").add()
                    }
                }
            }
            group.addTask {
                for _ in 0..<20 { #expect(throws: Never.self) { try PrometheusParser(registry.render()) } }
            }
        }
        let page = try PrometheusParser(registry.render())
        #expect(page.value("otp_worker_replays_total") == 16_000)
        #expect(page.value("otp_worker_calls_in_flight") == 0)
        #expect(page.value("otp_worker_transaction_records_count") == 16_000)
        #expect(page.value("otp_worker_transaction_records_sum") == 56_000)
        #expect(page.value("otp_worker_upstream_calls_total", ["class": "class-3"]) == 4000)
    }

    #if os(Linux)
    @Test func theKernelsFactsAboutThisProcessArePlausible() throws {
        let facts = ProcessFacts.current()
        #expect(try #require(facts.residentBytes) > 1_000_000)
        #expect(try #require(facts.cpuSeconds) > 0)
        #expect((3...100_000).contains(try #require(facts.openFiles)))
        #expect(try #require(facts.maxFiles) >= facts.openFiles ?? 0)
        let age = Double(LogSink.wallClock().milliseconds) / 1000 - (try #require(facts.startTime))
        #expect((-2...7200).contains(age))
    }
    #endif

    @Test func factsThatCannotBeReadAreLeftOut() throws {
        let registry = MetricRegistry()
        registry.exposeProcess { ProcessFacts(openFiles: 9) }
        let page = try PrometheusParser(registry.render())
        #expect(page.samples.map(\.name).filter { $0.hasPrefix("process_") } == ["process_open_fds"])
    }

    @Test(arguments: [
        "no_type 1\n", "# HELP a b\n# TYPE a counter\nb 1\n", "# HELP a b\n# TYPE a counter\na{x=\"1} 1\n",
        "# HELP a b\n# TYPE a counter\na 1\na 1\n", "# HELP a b\n# TYPE a counter\na one\n",
        "# HELP a b\n# TYPE a counter\na 1",
        "# HELP a b\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 1\n",
    ])
    func theParserOfTheseTestsRefusesWhatAScraperWould(_ text: String) {
        #expect(throws: PrometheusParser.SyntaxError.self) { try PrometheusParser(text) }
    }
}
