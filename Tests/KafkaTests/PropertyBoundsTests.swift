import Testing

@testable import OTPKafka

/// What librdkafka takes and a worker cannot work with.
struct PropertyBoundsTests {
    @Test(arguments: [
        ("message.max.bytes", "999999"), ("queue.buffering.max.messages", "9999"),
        ("queue.buffering.max.kbytes", "32767"), ("linger.ms", "1001"), ("queue.buffering.max.ms", "60000"),
        ("fetch.wait.max.ms", "5001"), ("topic.metadata.refresh.interval.ms", "-1"), ("metadata.max.age.ms", "1"),
        ("socket.timeout.ms", "10"), ("request.timeout.ms", "1"), ("connections.max.idle.ms", "1"),
        ("retry.backoff.ms", "300000"), ("fetch.error.backoff.ms", "300000"), ("reconnect.backoff.ms", "3600000"),
        ("reconnect.backoff.max.ms", "3600000"), ("coordinator.query.interval.ms", "3600000"),
    ])
    func aValueBeyondTheBoundIsTold(name: String, value: String) {
        let faults = ClientProperties.faults(of: [name: value])
        #expect(faults.map(\.name) == [name])
        #expect(faults.first?.what.hasPrefix("property \(name) must be ") == true)
    }

    @Test(arguments: [
        ("message.max.bytes", "1000000"), ("queue.buffering.max.messages", "10000"),
        ("queue.buffering.max.messages", "0"), ("queue.buffering.max.kbytes", "32768"), ("linger.ms", "0"),
        ("linger.ms", "often"), ("topic.metadata.refresh.interval.ms", "5000"), ("connections.max.idle.ms", "0"),
        ("socket.timeout.ms", "10000"), ("sasl.mechanism", "SCRAM-SHA-512"), ("no.such.property", "1"),
    ])
    func aValueWithinItIsNot(name: String, value: String) {
        #expect(ClientProperties.faults(of: [name: value]).isEmpty)
    }

    @Test(arguments: ["sasl.mechanism", "sasl.mechanisms"]) func tokensAreFetchedByNobody(name: String) {
        #expect(ClientProperties.faults(of: [name: "oauthbearer"]).first?.what.contains("fetches no tokens") == true)
    }

    /// The worker's own values are within its own bounds.
    @Test func whatTheWorkerSetsItselfIsWithin() throws {
        let common = ClientProperties.Common(bootstrapServers: "b")
        for properties in [
            try ClientProperties.transactionalProducer(common, transactionalID: "w"),
            try ClientProperties.idempotentProducer(common), try ClientProperties.reader(common),
            try ClientProperties.admin(common),
        ] { #expect(ClientProperties.faults(of: properties).isEmpty) }
    }

    @Test(arguments: [
        "delivery.report.only.error", "topic.blacklist", "offset.store.method", "api.version.request",
        "queuing.strategy",
    ])
    func whatWouldLeaveTheWorkerWaitingIsRefused(name: String) {
        let common = ClientProperties.Common(bootstrapServers: "b", passThrough: [name: "s3cret"])
        let error = #expect(throws: KafkaError.self) { try ClientProperties.admin(common) }
        #expect(error?.reason.contains("property \(name) ") == true)
    }
}
