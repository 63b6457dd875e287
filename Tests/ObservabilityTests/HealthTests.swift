import Foundation
import LoopbackKit
import OTPContract
import OTPObservability
import Synchronization
import Testing

/// A heartbeat whose age is set by hand.
private final class Heartbeat: Sendable {
    private let age = Mutex(Duration.zero)

    func set(age: Duration) { self.age.withLock { $0 = age } }

    func state(_ conditions: String...) -> HealthState {
        HealthState(conditions: conditions, heartbeatBound: .seconds(2)) { self.age.withLock { $0 } }
    }
}

@Suite struct HealthStateTests {
    @Test func readinessTakesEveryCondition() {
        let health = Heartbeat().state("kafka", "ledger")
        #expect(!health.isReady)
        health.set("ledger", isOK: true)
        health.set("kafka", isOK: true, detail: "3 brokers")
        #expect(health.isReady)
        #expect(
            health.conditions == [
                .init(name: "kafka", isOK: true, detail: "3 brokers"), .init(name: "ledger", isOK: true, detail: ""),
            ]
        )
        health.set("draining", isOK: false, detail: "SIGTERM")
        #expect(!health.isReady)
        #expect(health.conditions.map(\.name) == ["kafka", "ledger", "draining"])
    }

    @Test(.timeLimit(.minutes(1)))
    func aWatcherHearsHowThingsAreAndWhatChanges() async {
        let health = Heartbeat().state("kafka", "ledger")
        health.set("kafka", isOK: true)
        var changes = health.readinessChanges.makeAsyncIterator()
        #expect(await changes.next() == false)
        health.set("ledger", isOK: true)
        // No change: nobody is told of it.
        health.set("ledger", isOK: true, detail: "restored")
        #expect(await changes.next() == true)
        health.set("ledger", isOK: false)
        health.set("ledger", isOK: true)
        // A slow watcher hears the latest alone.
        #expect(await changes.next() == true)
        health.set("kafka", isOK: false)
        #expect(await changes.next() == false)
        // One that comes later begins with how things are.
        var late = health.readinessChanges.makeAsyncIterator()
        #expect(await late.next() == false)
    }

    @Test func withoutConditionsNothingIsReady() {
        #expect(!Heartbeat().state().isReady)
    }

    @Test func livenessFollowsTheHeartbeat() {
        let heartbeat = Heartbeat()
        let health = heartbeat.state("x")
        heartbeat.set(age: .seconds(2))
        #expect(health.isLive)
        heartbeat.set(age: .milliseconds(2001))
        #expect(!health.isLive)
    }
}

@Suite struct AdminServerTests {
    private func withServer(
        _ health: HealthState,
        registry: MetricRegistry = MetricRegistry(),
        _ body: (Int) async throws -> Void
    ) async throws {
        let server = AdminServer(port: 0, times: .patient, health: health, registry: registry) {
            var json = JSONWriter()
            json.beginObject()
            json.key("worker")
            json.string("otp-worker-0 \"quoted\"")
            json.endObject()
            return json.bytes
        }
        let port = try await server.start()
        do {
            try await body(port)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private func object(_ body: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
    }

    @Test func readySaysWhichConditionIsNotMet() async throws {
        let health = Heartbeat().state("kafka", "ledger")
        try await withServer(health) { port in
            health.set("kafka", isOK: true)
            health.set("ledger", isOK: false, detail: "restoring \"3\" of 8")
            let notYet = try await LoopbackHTTP.get("/ready", port: port)
            #expect(notYet.status == 503)
            #expect(notYet.headers.contains("content-type: application/json"))
            let body = try object(notYet.body)
            #expect(body["ready"] as? Bool == false)
            let conditions = try #require(body["conditions"] as? [[String: Any]])
            #expect(conditions.map { $0["name"] as? String } == ["kafka", "ledger"])
            #expect(conditions.map { $0["ok"] as? Bool } == [true, false])
            #expect(conditions[1]["detail"] as? String == "restoring \"3\" of 8")
            health.set("ledger", isOK: true)
            #expect(try await LoopbackHTTP.get("/ready", port: port).status == 200)
        }
    }

    @Test func liveTurnsBadWithAStuckLoop() async throws {
        let heartbeat = Heartbeat()
        try await withServer(heartbeat.state("x")) { port in
            #expect(try await LoopbackHTTP.get("/live", port: port).status == 200)
            heartbeat.set(age: .seconds(60))
            let stuck = try await LoopbackHTTP.get("/live", port: port)
            #expect(stuck.status == 503)
            #expect(try object(stuck.body)["heartbeat_age_ms"] as? Int == 60_000)
        }
    }

    @Test func metricsAreServedInTheTextFormat() async throws {
        let registry = MetricRegistry()
        registry.counter(.commands, "verified", "ok").add(5)
        try await withServer(Heartbeat().state("x"), registry: registry) { port in
            let answer = try await LoopbackHTTP.get("/metrics", port: port)
            #expect(answer.status == 200)
            #expect(answer.headers.contains("content-type: text/plain; version=0.0.4"))
            let page = try PrometheusParser(answer.body)
            #expect(page.value("otp_worker_commands_total", ["status": "verified", "reason": "ok"]) == 5)
        }
    }

    @Test func statusIsWhatTheWorkerGives() async throws {
        try await withServer(Heartbeat().state("x")) { port in
            let answer = try await LoopbackHTTP.get("/status", port: port)
            #expect(answer.status == 200)
            #expect(try object(answer.body)["worker"] as? String == "otp-worker-0 \"quoted\"")
        }
    }

    @Test func whatItDoesNotServeIsNotFound() async throws {
        try await withServer(Heartbeat().state("x")) { port in
            #expect(try await LoopbackHTTP.get("/index.html", port: port).status == 404)
            #expect(try await LoopbackHTTP.get("/metrics/../etc/passwd", port: port).status == 404)
            let post = "POST /ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            let refused = try await LoopbackHTTP.exchange(post, port: port)
            #expect(refused.hasPrefix("HTTP/1.1 405") && refused.lowercased().contains("allow: get, head"))
            let garbage = try await LoopbackHTTP.exchange("\u{16}\u{3}\u{1} garbage\r\n\r\n", port: port)
            #expect(garbage.isEmpty || garbage.hasPrefix("HTTP/1.1 400"))
        }
    }

    @Test func manyScrapesAtOnceAreAllAnswered() async throws {
        try await withServer(Heartbeat().state("x")) { port in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<30 { group.addTask { try await LoopbackHTTP.get("/metrics", port: port).status } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 200, count: 30))
        }
    }

    @Test func aPortInUseIsNamedWithItsSetting() async throws {
        let health = Heartbeat().state("x")
        try await withServer(health) { port in
            let second = AdminServer(port: port, health: health, registry: MetricRegistry()) { [] }
            let failure = await #expect(throws: AdminServer.Failure.self) { try await second.start() }
            #expect(failure == .portInUse(host: "127.0.0.1", port: port))
            #expect(failure?.description.contains("admin.port") == true)
            #expect(failure?.description.contains("\(port)") == true)
            await second.stop()
        }
    }

    @Test func anAddressOfAnotherMachineIsAClearError() async throws {
        let server = AdminServer(
            host: "192.0.2.1",
            port: 0,
            health: Heartbeat().state("x"),
            registry: MetricRegistry()
        ) { [] }
        let failure = await #expect(throws: AdminServer.Failure.self) { try await server.start() }
        #expect(failure == .noAddress(host: "192.0.2.1"))
        #expect(failure?.description.contains("admin.host") == true)
        #expect(failure?.description.contains("admin.port") == false)
    }

    @Test(arguments: 0..<20) func connectionsMayArriveWhileItStops(_: Int) async throws {
        let server = AdminServer(port: 0, times: .patient, health: Heartbeat().state("x"), registry: MetricRegistry()) {
            []
        }
        let port = try await server.start()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<30 {
                group.addTask {
                    _ = try? await LoopbackHTTP.exchange("GET /live HTTP/1.1\r\nHost: x\r\n\r\n", port: port)
                }
            }
            group.addTask { await server.stop() }
        }
        await #expect(throws: LoopbackHTTP.Failure.self) { try await LoopbackHTTP.get("/live", port: port) }
    }

    @Test func aConnectionBeyondTheLimitIsClosed() async throws {
        let server = AdminServer(port: 0, times: .patient, health: Heartbeat().state("x"), registry: MetricRegistry()) {
            []
        }
        let port = try await server.start()
        let isOneTurnedAway = await withTaskGroup(of: Bool.self) { group in
            for _ in 0...AdminServer.maxConnections {
                group.addTask {
                    // Held without an end; the one turned away sees its connection closed or reset.
                    let answer = try? await LoopbackHTTP.exchange("GET /live HTTP/1.1\r\n", port: port)
                    return (answer ?? "").isEmpty
                }
            }
            let first = await group.next()
            await server.stop()
            return first
        }
        #expect(isOneTurnedAway == true)
    }

    @Test func stopFreesThePortEvenWithAnOpenConnection() async throws {
        let health = Heartbeat().state("x")
        let server = AdminServer(port: 0, times: .patient, health: health, registry: MetricRegistry()) { [] }
        let port = try await server.start()
        // A keep-alive connection stays open until the server ends it.
        async let held = LoopbackHTTP.exchange("GET /live HTTP/1.1\r\nHost: x\r\n\r\n", port: port)
        #expect(try await LoopbackHTTP.get("/live", port: port).status == 200)
        await server.stop()
        _ = try? await held
        await #expect(throws: LoopbackHTTP.Failure.self) { try await LoopbackHTTP.get("/live", port: port) }
        await server.stop()
        await #expect(throws: AdminServer.Failure.alreadyStarted) { try await server.start() }
    }
}
