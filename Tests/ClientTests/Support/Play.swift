import OTPContract
import OTPKafka

@testable import OTPVerifyClient

/// A book of requests and a clock that only the test moves.
///
/// Every method is one thing that happens; it and what the book wants done are a line of the ``transcript``.
final class Play {
    private(set) var book: RequestBook
    private(set) var transcript: [String] = []
    private var now = ContinuousClock.now
    private let began: ContinuousClock.Instant
    private var names: [RequestTag: String] = [:]

    init(_ change: (inout RequestBook.Limits) -> Void = { _ in }) {
        var limits = RequestBook.Limits()
        change(&limits)
        book = RequestBook(limits)
        began = now
    }

    // MARK: What happens

    func listen() { note("listening", book.listening(at: now)) }

    /// Asks with the name as `command_id`, unless told another, with 20 s to the deadline.
    func ask(
        _ name: String,
        id: String? = nil,
        nameless: Bool = false,
        bytes: Int = 100,
        for time: Duration = .seconds(20),
        answer: Bool = true
    ) {
        let tag = RequestTag(number: UInt64(names.count))
        names[tag] = name
        let request = Request(
            commandID: nameless ? nil : id ?? name,
            bytes: bytes,
            deadline: now + time,
            wantsAnswer: answer
        )
        note("ask \(name)", book.asked(tag, request, at: now))
    }

    func giveUp(_ name: String) { note("give up \(name)", book.gaveUp(tag(name), at: now)) }

    /// The record of an attempt lies at this offset; nil where the broker does not say.
    func acknowledge(_ attempt: UInt64, at offset: Int64?) {
        let coordinates = offset.map(Sample.coordinates)
        note(
            "written #\(attempt) at \(offset.map { "\($0)" } ?? "?")",
            book.acknowledged(Attempt(number: attempt), at: coordinates, at: now)
        )
    }

    func refuse(_ attempt: UInt64, _ refusal: Refusal) {
        note("refused #\(attempt) \(refusal.error.name)", book.refused(Attempt(number: attempt), refusal, at: now))
    }

    /// A result is read: of the command with this id that lies at this offset.
    func hear(_ id: String, at offset: Int64) {
        note("hear \(id) of \(offset)", book.heard(Sample.answer(id, at: offset), at: now))
    }

    func pass(_ time: Duration) {
        now += time
        note("\(text(now - began)) later", book.timeReached(at: now))
    }

    func drain() { note("drain", book.drainRequested(at: now)) }

    func stop() { note("stop", book.stopped()) }

    /// How long until the book has something to do.
    var wake: String? { book.nextDue.map { text($0 - now) } }

    // MARK: Lines

    private func tag(_ name: String) -> RequestTag {
        // The newest of that name.
        names.filter { $0.value == name }.keys.max { $0.number < $1.number } ?? RequestTag(number: .max)
    }

    private func note(_ event: String, _ actions: [RequestBook.Action]) {
        let lines = actions.map(line)
        transcript.append(event + ": " + (lines.isEmpty ? "-" : lines.joined(separator: ", ")))
    }

    private func text(_ time: Duration) -> String { "\(Int(time / .milliseconds(1))) ms" }

    private func line(_ action: RequestBook.Action) -> String {
        switch action {
        case .send(let tag, let attempt): "send \(name(tag)) #\(attempt.number)"
        case .sendingAgain(let tag): "again \(name(tag))"
        case .written(let tag, let coordinates): "\(name(tag)) lies at \(coordinates.map { "\($0.offset)" } ?? "?")"
        case .answer(let tag, let answer, let attempts):
            "answer \(name(tag)) by \(answer.event.source.offset) after \(attempts)"
        case .fail(let tag, let failure): "fail \(name(tag)) \(text(failure))"
        case .late(let event): "late \(event.commandID)"
        case .ended: "ended"
        }
    }

    private func name(_ tag: RequestTag) -> String { names[tag] ?? "?" }

    private func text(_ failure: RequestBook.Failure) -> String {
        switch failure {
        case .timedOut(let isSent): isSent ? "timed out, sent" : "timed out, not sent"
        case .notListening: "not listening"
        case .cancelled: "cancelled"
        case .overloaded: "overloaded"
        case .duplicate: "duplicate"
        case .refused(let error): "refused \(error.name)"
        case .shutDown(let isSent): isSent ? "shut down, sent" : "shut down, not sent"
        }
    }
}
