/// What is to be done about a record that has reached the head of its session.
///
/// One row a rule, the first that fits; the rows before these (the record itself is finished, or unusable) are decided
/// where it arrives.
package enum Decision: Equatable, Sendable {
    /// Its code is settled: the same answer again, no call.
    case replay(Outcome)
    /// The session is closed by another code.
    case sessionUsed
    /// It may have been asked about, and it is too late to ask again.
    case outcomeUnknown
    /// It is too late, and it was never asked about.
    case expired
    /// So many other codes of the session were asked about that this one looks like guessing.
    case tooManyCodes
    /// Ask.
    ///
    /// `again`: an intent is open, so a call may have been made whose answer was lost.
    case ask(again: Bool)

    package init(
        fingerprint: Fingerprint,
        entry: SessionEntry,
        isPastDeadline: Bool,
        maximumCodes: Int
    ) {
        let known = entry.code(fingerprint)?.outcome
        let isOpen = entry.hasOpenIntent(fingerprint)
        if let known, !known.retryable {
            self = .replay(known)
        } else if entry.isClosed {
            self = .sessionUsed
        } else if isPastDeadline {
            self = isOpen ? .outcomeUnknown : .expired
        } else if entry.otherCodes(than: fingerprint) >= maximumCodes {
            self = .tooManyCodes
        } else {
            self = .ask(again: isOpen)
        }
    }
}
