package import OTPContract

/// Which dead letters are meant: what is not named is no condition.
package struct LetterFilter: Sendable {
    package var reasons: Set<InvalidReason> = []
    /// When the letter was written.
    package var since: WallTime?
    package var until: WallTime?
    /// The records that the letters are about.
    package var sources: Set<Coordinates> = []

    package init() {}

    package func matches(_ found: FoundLetter) -> Bool {
        (reasons.isEmpty || reasons.contains(found.letter.reason))
            && (since.map { found.time >= $0 } ?? true)
            && (until.map { found.time < $0 } ?? true)
            && (sources.isEmpty || sources.contains(found.letter.source))
    }
}
