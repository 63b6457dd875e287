import OTPContract
import Synchronization

/// What the worker says about itself, for probes.
///
/// The worker updates it; the admin server reads it. It judges nothing but the age of the loop's heartbeat.
package final class HealthState: Sendable {
    /// One thing that must hold for the worker to be ready.
    package struct Condition: Sendable, Equatable {
        package var name: String
        package var isOK: Bool
        /// For an operator, in words: what is so, and what it waits for; empty where there is nothing to say.
        ///
        /// Holds no secret.
        package var detail: String
        /// Told, but no reason to be taken for unready: a restart or a roll-out must remain possible.
        package var isAdvisory: Bool

        package init(name: String, isOK: Bool, detail: String, isAdvisory: Bool = false) {
            self.name = name
            self.isOK = isOK
            self.detail = detail
            self.isAdvisory = isAdvisory
        }
    }

    /// The oldest heartbeat that still counts as alive.
    package let heartbeatBound: Duration

    private let heartbeatAge: @Sendable () -> Duration
    private let state: Mutex<State>

    private struct State {
        var conditions: [Condition]
        var watchers: [Int: AsyncStream<Bool>.Continuation] = [:]
        var nextWatcher = 0
    }

    /// - Parameters:
    ///   - conditions: names of the conditions, in the order in which they are shown; each is not met until it is set.
    ///   - heartbeatBound: the oldest heartbeat that still counts as alive.
    ///   - heartbeatAge: time since the event loop last ran; called from any thread, must not wait for the loop.
    package init(
        conditions: [String],
        heartbeatBound: Duration = .seconds(10),
        heartbeatAge: @escaping @Sendable () -> Duration
    ) {
        self.heartbeatBound = heartbeatBound
        self.heartbeatAge = heartbeatAge
        state = Mutex(
            State(
                conditions: conditions.map {
                    Condition(name: $0, isOK: false, detail: "not known yet: it is still starting")
                }
            )
        )
    }

    /// Sets one condition; a name that is new is added at the end.
    package func set(_ name: String, isOK: Bool, detail: String = "", isAdvisory: Bool = false) {
        let condition = Condition(name: name, isOK: isOK, detail: detail, isAdvisory: isAdvisory)
        state.withLock { state in
            let wasReady = Self.isReady(state.conditions)
            if let index = state.conditions.firstIndex(where: { $0.name == name }) {
                state.conditions[index] = condition
            } else {
                state.conditions.append(condition)
            }
            let isReady = Self.isReady(state.conditions)
            // Within the lock, so that the last that a watcher hears is how things are.
            if isReady != wasReady { for watcher in state.watchers.values { watcher.yield(isReady) } }
        }
    }

    /// Whether it is ready: now, and each time that this has changed; a slow reader hears the latest only.
    package var readinessChanges: AsyncStream<Bool> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { watcher in
            let number = state.withLock { state in
                state.nextWatcher += 1
                state.watchers[state.nextWatcher] = watcher
                watcher.yield(Self.isReady(state.conditions))
                return state.nextWatcher
            }
            watcher.onTermination = { [weak self] _ in
                self?.state.withLock { state in state.watchers[number] = nil }
            }
        }
    }

    /// All conditions, in order.
    package var conditions: [Condition] { state.withLock(\.conditions) }

    /// True when there are conditions and all are met that are more than advice.
    package var isReady: Bool { Self.isReady(conditions) }

    /// True when the event loop ran recently.
    package var isLive: Bool { heartbeatAge() <= heartbeatBound }

    /// The answer to a readiness probe: the verdict and the conditions of one moment, as JSON.
    var readiness: (isReady: Bool, body: [UInt8]) { Self.readiness(of: conditions) }

    /// The same of conditions that somebody else keeps.
    package static func readiness(of conditions: [Condition]) -> (isReady: Bool, body: [UInt8]) {
        let isReady = isReady(conditions)
        var json = JSONWriter()
        json.beginObject()
        json.key("ready")
        json.bool(isReady)
        json.key("conditions")
        json.beginArray()
        for condition in conditions {
            json.beginObject()
            json.key("name")
            json.string(condition.name)
            json.key("ok")
            json.bool(condition.isOK)
            if condition.isAdvisory {
                json.key("advisory")
                json.bool(true)
            }
            json.key("detail")
            json.string(condition.detail)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return (isReady, json.bytes)
    }

    /// The answer to a liveness probe, as JSON.
    var liveness: (isLive: Bool, body: [UInt8]) {
        let age = heartbeatAge()
        let isLive = age <= heartbeatBound
        var json = JSONWriter()
        json.beginObject()
        json.key("live")
        json.bool(isLive)
        json.key("heartbeat_age_ms")
        json.integer(Int64(age.inSeconds * 1000))
        json.key("heartbeat_bound_ms")
        json.integer(Int64(heartbeatBound.inSeconds * 1000))
        json.endObject()
        return (isLive, json.bytes)
    }

    private static func isReady(_ conditions: [Condition]) -> Bool {
        !conditions.isEmpty && conditions.allSatisfy { $0.isOK || $0.isAdvisory }
    }
}
