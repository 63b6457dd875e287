import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Model and journal behind one lock, and the clock: what every connection of a sandbox shares.
///
/// It keeps no socket; see ``ConnectionHandler`` for how a decision becomes bytes.
final class SandboxCore: Sendable {
    private struct State: ~Copyable {
        var model: SandboxModel
        var journal: Journal
        var connections = 0
    }

    private let configuration: SandboxConfiguration
    private let state: Mutex<State>

    init(_ configuration: SandboxConfiguration) throws {
        self.configuration = configuration
        let journal = try Journal(capacity: configuration.journalCapacity, path: configuration.journalFile)
        state = Mutex(State(model: SandboxModel(configuration), journal: journal))
    }

    var idleTimeout: Int? { configuration.idleTimeout }

    func nextConnection() -> Int {
        state.withLock { state in
            state.connections += 1
            return state.connections
        }
    }

    /// Decides about a call and journals it; `flushDue` asks for one ``flushJournal()`` soon.
    func decide(_ request: SandboxRequest) -> (decision: SandboxDecision, flushDue: Bool) {
        let now = Self.now()
        return state.withLock { state in
            let decision = state.model.decide(request, at: now)
            return (decision, state.journal.append(decision.entry))
        }
    }

    func finished(_ session: String) {
        state.withLock { $0.model.finished(session) }
    }

    func calls(after sequence: Int = 0) -> [JournalEntry] {
        state.withLock { $0.journal.entries(after: sequence) }
    }

    func code(of session: String) -> String? {
        state.withLock { $0.model.code(of: session) }
    }

    func setScript(_ script: SandboxScript) {
        state.withLock { $0.model.setScript(script) }
    }

    /// Forgets sessions, calls and counts, and starts the random numbers and the configured script again.
    func reset() {
        state.withLock { state in
            state.model = SandboxModel(configuration)
            state.journal.removeAll()
        }
    }

    func flushJournal() {
        state.withLock { $0.journal.flush() }
    }

    /// Counts over the journal in memory, as a JSON object.
    func summary() -> String {
        let (entries, sessions, phase, fileError) = state.withLock { state in
            (state.journal.entries(after: 0), state.model.sessionCount, state.model.phase, state.journal.fileError)
        }
        var (statuses, codes, faults): ([String: Int], [String: Int], [String: Int]) = ([:], [:], [:])
        var questions: [String: Int] = [:]
        for entry in entries {
            statuses[entry.status.map(String.init) ?? "none", default: 0] += 1
            codes[entry.code.map(String.init) ?? "none", default: 0] += 1
            if let fault = entry.fault { faults[fault, default: 0] += 1 }
            if entry.processed, let session = entry.session, let digest = entry.digest {
                questions[digest + session, default: 0] += 1
            }
        }
        var text = JSONText()
        text.add("calls", entries.count)
        text.add("processed", entries.count { $0.processed })
        text.add("right", entries.count { $0.right })
        text.add("overlapping", entries.count { $0.overlapping })
        text.add("questions", questions.count)
        text.add("questions_repeated", questions.values.count { $0 > 1 })
        text.add("sessions", sessions)
        text.add("connections", Set(entries.map(\.connection)).count)
        text.add("statuses", json: JSONText.object(statuses))
        text.add("codes", json: JSONText.object(codes))
        text.add("faults", json: JSONText.object(faults))
        if let phase { text.add("phase", phase) }
        if let fileError { text.add("journal_file_errno", Int(fileError)) }
        return text.object
    }

    private static func now() -> Duration {
        .seconds(Date().timeIntervalSince1970)
    }
}
