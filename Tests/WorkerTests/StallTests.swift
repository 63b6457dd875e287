import OTPContract
import OTPEngine
import OTPObservability
import OTPWorker
import Synchronization
import Testing

@Suite("An engine that gets nowhere with its work turns /live red and says in what state it is")
struct StallTests {
    private final class Lines: Sendable {
        private let text = Mutex("")
        var all: String { text.withLock { $0 } }
        func add(_ bytes: [UInt8]) { text.withLock { $0 += String(decoding: bytes, as: UTF8.self) } }
    }

    @Test func itIsToldOnceItIsSeenAndUntilItIsOver() {
        let lines = Lines(), registry = MetricRegistry()
        let sink = LogSink(form: .json, repeats: nil, registry: registry, write: { lines.add($0) })
        let health = HealthState(conditions: []) { .zero }
        let telemetry = Telemetry(Loggers(sink), registry: registry, health: health, topic: "commands")
        let engine = Engine(
            configuration: .sample,
            seed: 1,
            now: Instant(nanoseconds: 0)
        )
        var status = engine.status(at: Instant(nanoseconds: 0))
        telemetry.turned(status, connections: 0, late: .zero)
        #expect(!telemetry.isStalled)
        #expect(lines.all.isEmpty)

        status.stalledFor = .seconds(61)
        telemetry.turned(status, connections: 0, late: .zero)
        #expect(telemetry.isStalled)
        #expect(lines.all.contains("no progress although there is work"))
        #expect(lines.all.contains(#""seconds":61"#))
        #expect(lines.all.contains("commands_without_outcome"))

        status.stalledFor = nil
        telemetry.turned(status, connections: 0, late: .zero)
        #expect(!telemetry.isStalled)
    }
}
