import Dispatch
import Foundation
import Logging
import OTPAudit
import OTPContract
import OTPObservability
import Synchronization

/// An audit beside a fleet: judges in rounds on a thread of its own, and tells what it finds in log, metrics and probes.
final class AuditService: Sendable {
    /// From the end of a round to the next.
    private static let pause = DispatchTimeInterval.seconds(5)

    private struct State {
        var health = FollowHealth(at: .now)
        var beat = ContinuousClock.now
        var isStopped = false
        var forgotten = 0
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let logger: Logger
    private let registry: MetricRegistry

    init(_ logger: Logger, _ registry: MetricRegistry) {
        self.logger = logger
        self.registry = registry
        // A broken promise is counted from 0, so that its first is an increase.
        for check in AuditCheck.allCases where !check.needsJournal {
            _ = registry.counter(.auditOffences, check.rawValue)
        }
    }

    /// Time since the thread last got on.
    var silence: Duration { state.withLock { .now - $0.beat } }

    /// Whether rounds end, and why not.
    var verdict: (isOK: Bool, detail: String) { state.withLock { $0.health.verdict(at: .now) } }

    /// What is known, as one JSON object.
    var status: [UInt8] {
        let (isOK, detail) = verdict
        var json = JSONWriter()
        json.beginObject()
        json.key("program")
        json.string("audit")
        json.key("judging")
        json.bool(isOK)
        json.key("detail")
        json.string(detail)
        json.endObject()
        return json.bytes
    }

    /// The round under way is the last.
    func stop() {
        state.withLock { $0.isStopped = true }
        wake.signal()
    }

    /// Judges until ``stop()``; returns whether all was judged in the end, and no promise was broken.
    ///
    /// Throws when memory and topics do not fit each other any more.
    func run(_ follower: AuditFollower) async throws -> Bool {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "otp-worker.audit").async {
                continuation.resume(with: Result { try self.follow(follower) })
            }
        }
    }

    private func follow(_ follower: AuditFollower) throws -> Bool {
        var follower = follower
        while !state.withLock({ $0.isStopped }) {
            do {
                let findings = try follower.round { state.withLock { $0.beat = .now } }
                ended(findings, follower)
            } catch let error as AuditFollower.HistoryLost {
                throw Failure("\(error)", remedy: "start the audit again: it begins with what the topics hold")
            } catch {
                failed("\(error)")
            }
            state.withLock { $0.beat = .now }
            _ = wake.wait(timeout: .now() + Self.pause)
        }
        return follower.offences.isEmpty && verdict.isOK
    }

    private func ended(_ findings: [Finding], _ follower: AuditFollower) {
        for finding in findings { logger.log(.promiseBroken, finding.fields) }
        for (check, count) in follower.offences {
            registry.counter(.auditOffences, check.rawValue).set(total: Double(count))
        }
        registry.counter(.auditResults).set(total: Double(follower.counted.results))
        registry.counter(.auditForgotten).set(total: Double(follower.forgotten))
        registry.gauge(.auditHeld).set(Double(follower.held))
        registry.gauge(.auditJudgedAt).set(Date().timeIntervalSince1970)
        let (before, hasForgotten) = state.withLock { state in
            defer {
                state.health.roundEnded(at: .now)
                state.forgotten = follower.forgotten
            }
            return (state.health.failure, follower.forgotten > state.forgotten)
        }
        if before != nil { logger.log(.auditReadsAgain) }
        if hasForgotten { logger.log(.auditForgets, ["count": .stringConvertible(follower.forgotten)]) }
    }

    private func failed(_ reason: String) {
        registry.counter(.auditFailedRounds).add()
        let before = state.withLock { state in
            defer { state.health.roundFailed(reason) }
            return state.health.failure
        }
        if before == nil { logger.log(.auditCannotRead, ["cause": "\(reason)"]) }
    }
}

extension Finding {
    /// For the log: what is broken, why, and of which record.
    var fields: Logger.Metadata {
        var fields: Logger.Metadata = ["check": "\(check.rawValue)", "reason": "\(reason)"]
        if let coordinates {
            fields["topic"] = "\(coordinates.topic)"
            fields["partition"] = .stringConvertible(coordinates.partition)
            fields["offset"] = .stringConvertible(coordinates.offset)
        }
        return fields
    }
}
