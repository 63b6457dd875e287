/// One thing that `doctor` looked at: what it found and, unless all is well, what to do.
package struct Diagnosis: Equatable, Sendable {
    /// How bad it is.
    package enum Severity: String, Sendable, CaseIterable {
        case ok
        /// It could not be looked at, or was not asked for; nothing follows from it.
        case skipped
        /// A worker runs, but a promise or its speed is at risk.
        case warning
        /// A worker does not start, or cannot do its work.
        case failure
    }

    /// What was looked at; stable, for programs.
    ///
    /// Where a setting is at fault, its key.
    package var check: String
    package var severity: Severity
    /// What was found, in words; may hold what brokers and upstreams wrote.
    package var message: String
    /// What to do about it; nil where nothing is to be done.
    package var remedy: String?

    /// Nothing is wrong there.
    package static func ok(_ check: String, _ message: String) -> Diagnosis {
        Diagnosis(check: check, severity: .ok, message: message)
    }

    /// It was not looked at; the message says why.
    package static func skipped(_ check: String, _ message: String) -> Diagnosis {
        Diagnosis(check: check, severity: .skipped, message: message)
    }

    /// A worker runs, and is at risk.
    package static func warning(_ check: String, _ message: String, remedy: String) -> Diagnosis {
        Diagnosis(check: check, severity: .warning, message: message, remedy: remedy)
    }

    /// A worker cannot do its work.
    package static func failure(_ check: String, _ message: String, remedy: String) -> Diagnosis {
        Diagnosis(check: check, severity: .failure, message: message, remedy: remedy)
    }
}

extension [Diagnosis] {
    /// What the process ends with: 1 after a failure, 3 after nothing worse than a warning, else 0.
    ///
    /// (2 is a wrong configuration or command line, here as everywhere.)
    package var exitCode: Int32 {
        if contains(where: { $0.severity == .failure }) { return 1 }
        return contains { $0.severity == .warning } ? 3 : 0
    }
}
