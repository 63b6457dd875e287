package import OTPContract

/// What an audit saw and found.
///
/// All offences are counted; only the first of each check are kept, so that a broken history does not fill the memory.
package struct AuditReport: Sendable {
    /// How much of everything was seen, in records unless said otherwise.
    package struct Counts: Equatable, Sendable {
        package var commands = 0
        package var results = 0
        package var byStatus: [Status: Int] = [:]
        /// Results that repeat an earlier one.
        package var replayed = 0
        /// Results that say so.
        package var inDoubt = 0
        /// Calls of the journal.
        package var calls = 0
        package var letters = 0
        /// Records of the ledger.
        package var ledger = 0
        /// Sessions that were judged.
        package var sessions = 0
        /// Commands without a result whose deadline has not passed.
        package var inTime = 0
        /// Commands without a result that should have one.
        package var unanswered = 0
        /// Results whose commands lie outside the audited part.
        package var outside = 0
        /// Results of other topics and partitions.
        package var foreign = 0
        /// Sessions whose commands lie in more than one partition: the key rule is broken, and with it promises 2 to 4.
        package var spread = 0
        /// Sessions whose `verified` was told to several commands: anyone who acts on each of those results acts twice.
        package var verifiedAgain = 0
    }

    /// Findings kept of each check.
    package static let kept = 100

    package var counts = Counts()
    /// How often each promise was broken; one that was kept has no entry.
    package private(set) var offences: [AuditCheck: Int] = [:]
    /// The first of each check, at the end in the order of checks and coordinates.
    package private(set) var findings: [Finding] = []
    /// Checks that could be made.
    package private(set) var checks: [AuditCheck] = []

    /// Nothing seen, nothing found.
    package init() {}

    /// No promise was broken, as far as it was seen.
    package var isClean: Bool { offences.isEmpty }
    /// Offences of all checks.
    package var total: Int { offences.values.reduce(0, +) }

    mutating func add(_ finding: Finding) {
        offences[finding.check, default: 0] += 1
        if offences[finding.check, default: 0] <= Self.kept { findings.append(finding) }
    }

    /// The findings since the last time, for one who tells them at once; of each check the first ones ever.
    mutating func dequeueFindings() -> [Finding] {
        defer { findings = [] }
        return findings
    }

    mutating func count(_ event: ResultEvent) {
        counts.results += 1
        counts.byStatus[event.status, default: 0] += 1
        if event.replayed { counts.replayed += 1 }
        if event.inDoubt { counts.inDoubt += 1 }
    }

    mutating func finish(hasJournal: Bool) {
        checks = AuditCheck.allCases.filter { hasJournal || !$0.needsJournal }
        let rank = Dictionary(uniqueKeysWithValues: AuditCheck.allCases.enumerated().map { ($1, $0) })
        findings.sort { left, right in
            if left.check != right.check { return (rank[left.check] ?? 0) < (rank[right.check] ?? 0) }
            guard let first = left.coordinates, let second = right.coordinates else { return left.time < right.time }
            return (first.topic, first.partition, first.offset) < (second.topic, second.partition, second.offset)
        }
    }
}
