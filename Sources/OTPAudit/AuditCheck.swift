package import OTPContract

/// One thing that an audit holds a history against: each stands for a promise of the design that can be seen from outside.
///
/// Raw values are part of the JSON output.
package enum AuditCheck: String, CaseIterable, Sendable {
    case unreadable
    case shape
    case missing
    case unanswered
    case double
    case orphan
    case usability
    case deadLetter = "dead_letter"
    case order
    case late
    case early
    case replay
    case closed
    case verifiedTwice = "verified_twice"
    case unfounded
    case doubt
    case ledger
    case callWithoutCommand = "call_without_command"
    case callRepeated = "call_repeated"
    case callOverlapping = "call_overlapping"
    case callUncounted = "call_uncounted"
    case verifiedWithoutCall = "verified_without_call"
    case answer

    /// What holds where nothing is found.
    package var meaning: String {
        switch self {
        case .unreadable: "every result, ledger record and dead letter can be read"
        case .shape: "a result fits itself and the command that it answers"
        case .missing: "no command is passed over: none is unanswered 16,384 offsets behind an answered one"
        case .unanswered: "no command is unanswered beyond its deadline"
        case .double: "no command has two results"
        case .orphan: "no result answers what is no command"
        case .usability: "a command is `invalid` if and only if it is unusable, for the right reason"
        case .deadLetter: "an unusable command has one dead letter, a usable one none"
        case .order: "results of a session come in the order of its commands"
        case .late: "no verdict is had beyond the deadline"
        case .early: "no command expires before its deadline"
        case .replay: "what has an outcome is answered again the same, without a call"
        case .closed: "after `verified` no other code of the session is asked about"
        case .verifiedTwice: "no session has two codes verified"
        case .unfounded: "no verdict without a call or an earlier result, no limit before it is reached"
        case .doubt: "a lost answer is told, until a `verified` ends the doubt"
        case .ledger: "the ledger's last word about a session agrees with its results"
        case .callWithoutCommand: "the upstream is asked what a command says, and nothing else"
        case .callRepeated: "a question is asked again only if the result tells a doubt or is `verified`"
        case .callOverlapping: "calls of a session do not overlap, unless in doubt or `verified`"
        case .callUncounted: "results account for every call, unless in doubt or a code of the session is `verified`"
        case .verifiedWithoutCall: "`verified` has a call that the upstream processed, with the right code"
        case .answer: "the result says what the upstream answered"
        }
    }

    /// Needs the upstream's journal.
    package var needsJournal: Bool {
        switch self {
        case .callWithoutCommand, .callRepeated, .callOverlapping, .callUncounted, .verifiedWithoutCall, .answer: true
        case .unreadable, .shape, .missing, .unanswered, .double, .orphan, .usability, .deadLetter, .order, .late,
            .early,
            .replay, .closed, .verifiedTwice, .unfounded, .doubt, .ledger:
            false
        }
    }
}

/// Something that breaks a promise: where it is seen and why it is wrong.
///
/// Never holds a code, a phone number, or a text that came from a record; sessions are named by their id.
package struct Finding: Equatable, Sendable {
    package var check: AuditCheck
    /// The record at fault: mostly the command; else the result, the dead letter or the ledger record itself.
    package var coordinates: Coordinates?
    /// The session that it is about; nil where none is known.
    package var session: SessionID?
    /// When it happened, by the clock of what was judged: the record's, the worker's or the journal's.
    package var time: WallTime
    /// Why it is wrong, in words.
    package var reason: String

    /// What breaks the promise of `check`, and where.
    package init(
        _ check: AuditCheck,
        at coordinates: Coordinates?,
        of session: SessionID?,
        time: WallTime,
        _ reason: String
    ) {
        self.check = check
        self.coordinates = coordinates
        self.session = session
        self.time = time
        self.reason = reason
    }
}
