import Logging
import OTPContract
import OTPKafka
import Testing

@testable import OTPVerifyClient

/// What a client is told, and what it says of it.
@Suite struct ConfigurationTests {
    private static let password = "hunter2-secret"

    private func faults(_ change: (inout OTPVerifyClient.Configuration) -> Void) -> [String] {
        var configuration = OTPVerifyClient.Configuration(brokers: "b:9092")
        change(&configuration)
        return configuration.faults
    }

    @Test func theDefaultsAreUsable() { #expect(faults { _ in } == []) }

    @Test func everythingThatCannotBeIsNamedAtOnce() {
        let all = faults {
            $0.brokers = ""
            $0.commandTopic = ""
            $0.resultTopic = String(repeating: "t", count: 250)
            $0.answers = .replyPartition(topic: "", partition: -1)
            $0.timeout = .zero
            $0.resendAfter = .zero
            $0.maximumAttempts = 0
            $0.maximumInFlight = 0
            $0.maximumInFlightBytes = 0
            $0.maximumWaiting = -1
            $0.lateWindow = .seconds(-1)
            $0.maximumRemembered = -1
            $0.drainTimeout = .seconds(-1)
        }
        #expect(
            all == [
                "brokers is empty", "commandTopic is not 1 to 249 bytes", "resultTopic is not 1 to 249 bytes",
                "the reply topic is not 1 to 249 bytes", "the reply partition is below 0", "timeout is not above 0",
                "resendAfter is not above 0", "maximumAttempts is below 1", "maximumInFlight is below 1",
                "maximumInFlightBytes is below 1", "maximumWaiting is below 0", "lateWindow is below 0",
                "maximumRemembered is below 0", "drainTimeout is below 0",
            ]
        )
    }

    @Test func neverToSendAgainIsAllowed() { #expect(faults { $0.resendAfter = nil } == []) }

    @Test func theFaultsAreThrown() {
        let error = #expect(throws: OTPVerifyError.self) { try OTPVerifyClient(configuration: .init(brokers: "")) }
        #expect(error?.code == .configuration && error?.reason == "brokers is empty")
        #expect("\(error as Any)".contains("configuration: brokers is empty"))
    }

    @Test(arguments: ["group.id", "acks", "partitioner", "isolation.level", "no.such.property"])
    func aPropertyThatTheClientDecidesIsRefused(_ name: String) {
        var configuration = OTPVerifyClient.Configuration(brokers: "b:9092")
        configuration.properties[name] = Self.password
        let error = #expect(throws: OTPVerifyError.self) { try OTPVerifyClient(configuration: configuration) }
        #expect(error?.code == .configuration)
        #expect(error?.reason.contains(name) == true && error?.reason.contains(Self.password) == false)
    }

    @Test func itShowsNoPropertysValue() throws {
        var configuration = OTPVerifyClient.Configuration(brokers: "b:9092")
        configuration.properties["sasl.password"] = Self.password
        let client = try OTPVerifyClient(configuration: configuration)
        var all = "\(configuration) \(String(reflecting: configuration)) \(client)"
        dump(configuration, to: &all)
        dump(client.configuration, to: &all)
        #expect(!all.contains(Self.password))
        #expect(all.contains("sasl.password") && all.contains("b:9092"))
    }

    @Test func theLimitsReachTheBook() {
        var configuration = OTPVerifyClient.Configuration(brokers: "b:9092")
        configuration.maximumInFlight = 1
        configuration.maximumInFlightBytes = 2
        configuration.maximumWaiting = 3
        configuration.maximumRemembered = 4
        configuration.maximumAttempts = 5
        configuration.lateWindow = .seconds(6)
        configuration.resendAfter = .seconds(7)
        var limits = RequestBook.Limits()
        limits.inFlight = 1
        limits.inFlightBytes = 2
        limits.waiting = 3
        limits.remembered = 4
        limits.attempts = 5
        limits.lateWindow = .seconds(6)
        limits.resendAfter = .seconds(7)
        #expect(configuration.limits == limits)
        // One that forgets a limit would keep a default.
        #expect(OTPVerifyClient.Configuration(brokers: "b").limits == RequestBook.Limits())
    }

    @Test func eachFailureHasItsWordsAndItsMetric() throws {
        let denied = KafkaError("produce", .topicAuthorizationFailed)
        let failures: [(RequestBook.Failure, OTPVerifyError.Code, isSent: Bool)] = [
            (.timedOut(isSent: true), .timedOut, true), (.timedOut(isSent: false), .timedOut, false),
            (.notListening, .notListening, false), (.overloaded, .overloaded, false),
            (.duplicate, .duplicate, false), (.refused(denied), .refused, false),
            (.shutDown(isSent: true), .shutDown, true),
        ]
        for (failure, code, isSent) in failures {
            let error = try #require(failure.error(commandID: "c-1", trouble: denied) as? OTPVerifyError)
            #expect(error.code == code && error.isSent == isSent && error.commandID == "c-1")
            #expect("\(error)".hasPrefix("\(code): ") && "\(error)".contains("c-1"))
            #expect(ClientMetrics.outcomes.contains(failure.name))
        }
        #expect(RequestBook.Failure.cancelled.error(commandID: "c-1", trouble: nil) is CancellationError)
        #expect(ClientMetrics.outcomes.contains(RequestBook.Failure.cancelled.name))
        let deaf = RequestBook.Failure.notListening.error(commandID: nil, trouble: denied) as? OTPVerifyError
        #expect(deaf?.reason == "answers cannot be read: \(denied)" && deaf?.cause == denied)
        let refused = RequestBook.Failure.refused(denied).error(commandID: nil, trouble: nil) as? OTPVerifyError
        #expect(refused?.cause == denied)
    }

    @Test func everyStatusHasItsMetric() {
        #expect(Status.allCases.allSatisfy { ClientMetrics.outcomes.contains($0.rawValue) })
        #expect(Set(ClientMetrics.outcomes).count == ClientMetrics.outcomes.count)
    }
}
