/// What is to be done about a record that has reached the head of its session.
///
/// One row a rule, the first that fits; the rows before these (the record itself is finished, or unusable) are decided
/// where it arrives.
package enum Decision: Equatable, Sendable {
    /// What was typed is no code: wrong, at any time and whatever is known of the session, so nothing is asked and nothing remembered.
    case neverRight
    /// Its code is concluded: the same answer again, no call.
    case replay(Outcome)
    /// The session is closed by another code.
    case sessionUsed
    /// It may have been asked about, and it is too late to ask again.
    case outcomeUnknown
    /// It is too late, and it was never asked about.
    case expired
    /// So many other codes of the session, or of the phone, were asked about that this one looks like guessing.
    case tooManyCodes
    /// Ask.
    ///
    /// `again`: an intent is open, so a call may have been made whose answer was lost.
    case ask(again: Bool)

    /// - Parameters:
    ///   - canBeRight: whether the code is made of what codes are made of.
    ///   - fingerprint: the question.
    ///   - offset: the record's own.
    ///   - entry: what is known of its session.
    ///   - isPastDeadline: whether it is too late to ask.
    ///   - maximumCodes: different codes of one session that may be asked about.
    ///   - isPhoneGuessed: so many wrong codes were typed for the phone that no other one may be asked about.
    package init(
        canBeRight: Bool = true,
        fingerprint: Fingerprint,
        offset: Int64 = .max,
        entry: SessionEntry,
        isPastDeadline: Bool,
        maximumCodes: Int,
        isPhoneGuessed: Bool = false
    ) {
        let code = entry.code(fingerprint)
        let known = code?.outcome
        // A failure that was reached for this very record, or for a later one, is its result, though nobody published it yet:
        // an intent for it would count as void by the state that holds the failure, and a crash would go unseen. No batch of this
        // version leaves a state without its result, so it takes a stale offset that was accepted by `ledger.accept_loss`.
        let isOwn = (code?.source ?? -1) >= offset
        let isOpen = entry.hasOpenIntent(fingerprint)
        if !canBeRight {
            self = .neverRight
        } else if let known, !known.retryable || isOwn {
            self = .replay(known)
        } else if entry.isClosed {
            self = .sessionUsed
        } else if isPastDeadline {
            self = isOpen ? .outcomeUnknown : .expired
        } else if entry.otherCodes(than: fingerprint) >= maximumCodes || isPhoneGuessed {
            self = .tooManyCodes
        } else {
            self = .ask(again: isOpen)
        }
    }
}
