import OTPContract
import OTPEngine
import Testing

@Suite("What is decided for a record: the first row that fits")
struct DecisionTests {
    private static let wrong = Outcome(.wrongCode, code: 1, message: "no", httpStatus: 200)
    private static let unknown = Outcome(.outcomeUnknown, retryable: true)
    private static let ok = Outcome(.ok, code: 0)

    /// The decision about code A of the session `s` after a restore of these records.
    private func decide(
        _ records: LedgerRecord...,
        offset: Int64 = .max,
        isPastDeadline: Bool = false,
        maximumCodes: Int = 2
    ) -> Decision {
        Decision(
            fingerprint: Sample.fingerprint("A"),
            offset: offset,
            entry: Transcript.read(records)[Sample.digest("s")],
            isPastDeadline: isPastDeadline,
            maximumCodes: maximumCodes
        )
    }

    @Test func whatCanBeNoCodeIsWrongWhateverIsKnown() {
        let closed = Sample.state("s", closed: true, Sample.concluded("B", Self.ok, source: 3))
        let open = Sample.intent("s", "A", source: 9)
        for (records, isLate) in [([], false), ([], true), ([closed], false), ([open], true)] {
            let decision = Decision(
                canBeRight: false,
                fingerprint: Sample.fingerprint("A"),
                entry: Transcript.read(records)[Sample.digest("s")],
                isPastDeadline: isLate,
                maximumCodes: 0
            )
            #expect(decision == .neverRight)
        }
    }

    @Test func nothingIsKnown() {
        #expect(decide() == .ask(again: false))
        #expect(decide(isPastDeadline: true) == .expired)
    }

    @Test func itsCodeIsConcluded() {
        let state = Sample.state("s", Sample.concluded("A", Self.wrong, source: 3))
        #expect(decide(state) == .replay(Self.wrong))
        #expect(decide(state, isPastDeadline: true) == .replay(Self.wrong))
        #expect(decide(state, Sample.intent("s", "A", source: 9)) == .replay(Self.wrong))
        #expect(decide(state, maximumCodes: 0) == .replay(Self.wrong))
        let closed = Sample.state("s", closed: true, Sample.concluded("A", Self.ok, source: 3))
        #expect(decide(closed) == .replay(Self.ok))
    }

    @Test func aRetryableFailureGoesOnBelow() {
        let failed = Sample.concluded("A", Self.unknown, source: 3)
        #expect(decide(Sample.state("s", failed)) == .ask(again: false))
        #expect(decide(Sample.state("s", failed), isPastDeadline: true) == .expired)
        let closed = Sample.state("s", closed: true, failed, Sample.concluded("B", Self.ok, source: 4))
        #expect(decide(closed) == .sessionUsed)
        #expect(decide(Sample.state("s", failed), Sample.intent("s", "A", source: 4)) == .ask(again: true))
        // Void: the state shows it concluded at that offset or later.
        #expect(decide(Sample.intent("s", "A", source: 3), Sample.state("s", failed)) == .ask(again: false))
    }

    /// An operator accepted an offset that is older than the ledger: what the ledger says of this record is its result, however
    /// often a later one of the session might be asked about again.
    @Test func aRecordsOwnFailureIsItsResult() {
        let failed = Sample.state("s", Sample.concluded("A", Self.unknown, source: 3))
        #expect(decide(failed, offset: 3) == .replay(Self.unknown))
        #expect(decide(failed, offset: 2) == .replay(Self.unknown))
        #expect(decide(failed, offset: 4) == .ask(again: false))
    }

    @Test func theSessionIsClosedByAnotherCode() {
        let closed = Sample.state("s", closed: true, Sample.concluded("B", Self.ok, source: 3))
        #expect(decide(closed) == .sessionUsed)
        #expect(decide(closed, isPastDeadline: true) == .sessionUsed)
        #expect(decide(closed, Sample.intent("s", "A", source: 9), isPastDeadline: true) == .sessionUsed)
        #expect(decide(closed, maximumCodes: 1) == .sessionUsed)
    }

    @Test func anIntentIsOpen() {
        #expect(decide(Sample.intent("s", "A", source: 9)) == .ask(again: true))
        #expect(decide(Sample.intent("s", "A", source: 9), isPastDeadline: true) == .outcomeUnknown)
        // The intent of another code is no reason to ask this one again.
        #expect(decide(Sample.intent("s", "B", source: 9)) == .ask(again: false))
        #expect(decide(Sample.intent("s", "B", source: 9), isPastDeadline: true) == .expired)
    }

    @Test func tooManyOtherCodesWereAsked() {
        let two = Sample.state(
            "s",
            Sample.concluded("B", Self.wrong, source: 1),
            Sample.concluded("C", Self.wrong, source: 2)
        )
        #expect(decide(two, maximumCodes: 3) == .ask(again: false))
        #expect(decide(two) == .tooManyCodes)
        #expect(decide(two, isPastDeadline: true) == .expired)
        #expect(decide(two, Sample.intent("s", "A", source: 9)) == .tooManyCodes)
        // An intent is a code that was asked about; this code itself never counts.
        let one = Sample.state(
            "s",
            Sample.concluded("B", Self.wrong, source: 1),
            Sample.concluded("A", Self.unknown, source: 2)
        )
        #expect(decide(one) == .ask(again: false))
        #expect(decide(one, Sample.intent("s", "C", source: 9)) == .tooManyCodes)
        #expect(decide(one, Sample.intent("s", "B", source: 9)) == .ask(again: false))
    }

    @Test func entriesUnderAnotherKeyAreNoAnswerOfOurs() {
        let foreign = Sample.state("s", Sample.concluded("A", Self.wrong, source: 1, keyID: 2))
        #expect(decide(foreign) == .ask(again: false))
        #expect(decide(Sample.intent("s", "A", source: 1, keyID: 2)) == .ask(again: false))
        #expect(decide(Sample.intent("s", "A", source: 1, keyID: 2), isPastDeadline: true) == .expired)
        #expect(decide(foreign, maximumCodes: 1) == .tooManyCodes)
    }
}
