import OTPEngine
import OTPKafka
import OTPObservability
import OTPWorker
import Testing

@Suite("What /ready says beside a condition is a phrase for the one who is paged, and no other program's word")
struct ReadinessDetailTests {
    private let health = HealthState(conditions: []) { .zero }
    private let telemetry: Telemetry
    private var status = Engine(configuration: .sample, seed: 1, now: Instant(nanoseconds: 0))
        .status(at: Instant(nanoseconds: 0))

    init() {
        let recorder = LogRecorder()
        telemetry = Telemetry(
            Loggers(recorder.sink(repeats: nil), levels: [:]),
            registry: recorder.registry,
            health: health,
            topic: "commands"
        )
        status.hasProducer = true
    }

    private func condition(_ name: ReadinessCondition) throws -> HealthState.Condition {
        try #require(health.conditions.first { $0.name == name.rawValue })
    }

    private func told(
        _ name: ReadinessCondition,
        of change: (inout EngineStatus) -> Void
    ) throws -> HealthState.Condition {
        var status = status
        change(&status)
        telemetry.turned(status, connections: 0, late: .zero)
        return try condition(name)
    }

    /// A phrase is many words in small letters, and has none of those that a program uses as a name.
    private func expectPhrase(_ detail: String, without names: [String], _ location: SourceLocation = #_sourceLocation)
    {
        #expect(detail.split(separator: " ").count > 4, "\(detail)", sourceLocation: location)
        for name in names { #expect(!detail.contains(name), "\(detail)", sourceLocation: location) }
    }

    @Test func everyStepOfJoiningHasItsOwnWords() throws {
        let steps = [
            "init", "wait-join", "wait-metadata", "wait-sync", "wait-assign-call", "wait-unassign-call",
            "wait-unassign-to-complete", "wait-incr-unassign-to-complete", "steady",
        ]
        var details: Set<String> = []
        for step in steps {
            telemetry.statistics(ConsumerStatistics(joinState: step))
            let group = try condition(.group)
            #expect(group.isOK == (step == "steady"))
            expectPhrase(group.detail, without: [step])
            #expect(group.isOK || group.detail.contains("waits"))
            details.insert(group.detail)
        }
        #expect(details.count == steps.count)
        telemetry.statistics(ConsumerStatistics(joinState: ""))
        expectPhrase(try condition(.group).detail, without: ["()"])
    }

    @Test func aStepThatALaterLibraryHasIsNamed() throws {
        telemetry.statistics(ConsumerStatistics(joinState: "wait-moon"))
        let group = try condition(.group)
        #expect(!group.isOK && group.detail.contains("(wait-moon)"))
    }

    @Test func everyBrokerIsNamedWithHowItStands() throws {
        let states = [
            "UP", "INIT", "DOWN", "TRY_CONNECT", "CONNECT", "SSL_HANDSHAKE", "APIVERSION_QUERY", "AUTH_LEGACY",
            "AUTH_HANDSHAKE", "AUTH_REQ", "REAUTH",
        ]
        for state in states {
            let brokers = ["b1:9092", "b2:9092"].map { ConsumerStatistics.Broker(name: $0, state: state) }
            telemetry.statistics(ConsumerStatistics(brokers: brokers))
            let broker = try condition(.broker)
            #expect(broker.isOK == (state == "UP"))
            expectPhrase(broker.detail, without: [state])
            #expect(broker.detail.contains("b1:9092 ") && broker.detail.contains(", b2:9092 "))
        }
        telemetry.statistics(ConsumerStatistics())
        #expect(try condition(.broker).detail == "no broker is known yet")
    }

    @Test func aLostLeaseIsToldWithItsCauseAndWhatItWaitsFor() throws {
        for cause in Membership.LeaseLoss.allCases {
            let membership = try told(.membership) { ($0.isLeaseValid, $0.leaseLoss) = (false, cause) }
            #expect(!membership.isOK)
            expectPhrase(membership.detail, without: ["coordinator_silent", "slept"])
            #expect(membership.detail.contains("asks nobody until"))
            // Who looks for another process with this worker's place looks for it nowhere else.
            #expect(membership.detail.contains("another worker") == (cause == .fenced))
        }
        #expect(try told(.membership) { _ in } == .init(name: "membership", isOK: true, detail: ""))
    }

    @Test func everyStateOfTheUpstreamButServingHasItsOwnWords() throws {
        var details: Set<String> = []
        for state in EngineStatus.Upstream.State.allCases where state != .serving {
            let upstream = try told(.upstream) { $0.upstream.state = state }
            #expect(!upstream.isOK && upstream.isAdvisory)
            expectPhrase(upstream.detail, without: [state.rawValue, "_"].filter { $0 != "halted" })
            details.insert(upstream.detail)
        }
        #expect(details.count == EngineStatus.Upstream.State.allCases.count - 1)
        let halted = try told(.upstream) { ($0.upstream.state, $0.upstream.cause) = (.halted, "it refuses: HTTP 401") }
        #expect(halted.detail.hasPrefix("it refuses: HTTP 401; "))
        #expect(try told(.upstream) { _ in }.detail == "")
    }

    @Test func whatKafkaAnsweredStandsBehindWhatItMeans() throws {
        let reason = "init_transactions: _TIMED_OUT: no coordinator"
        let failures = [
            try told(.producer) { ($0.hasProducer, $0.producerFailure) = (false, reason) },
            try told(.consumer) { $0.consumerFailure = reason },
            try told(.deadLetters) { $0.deadLettersDenied = reason },
        ]
        for failure in failures {
            #expect(!failure.isOK && failure.detail.hasSuffix(": \(reason)"))
            expectPhrase(String(failure.detail.dropLast(reason.count)), without: ["_"])
        }
        expectPhrase(try told(.producer) { $0.hasProducer = false }.detail, without: ["_"])
        expectPhrase(try told(.running) { $0.isDraining = true }.detail, without: ["drain"])
    }

    @Test func whatIsWellHasNothingToSay() throws {
        telemetry.turned(status, connections: 0, late: .zero)
        #expect(health.conditions.allSatisfy { $0.isOK && $0.detail.isEmpty }, "\(health.conditions)")
    }
}
