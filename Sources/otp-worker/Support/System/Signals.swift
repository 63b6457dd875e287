import UnixSignals

/// Waits for the first SIGINT or SIGTERM.
enum Signals {
    static func wait() async {
        for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return }
    }
}

/// What a worker does about signals that tell it to stop: the first drains it, a second one ends it at once.
///
/// One press of Ctrl-C can arrive twice, from the terminal and from what started the worker: what follows the first within
/// ``sameWithin`` is the same.
package struct StopSignals {
    package enum Reaction: Equatable {
        case drain, same, stopAtOnce
    }

    package static let sameWithin = Duration.milliseconds(500)

    private var first: ContinuousClock.Instant?

    package init() {}

    package mutating func received(at now: ContinuousClock.Instant) -> Reaction {
        guard let first else {
            first = now
            return .drain
        }
        return now - first <= Self.sameWithin ? .same : .stopAtOnce
    }
}
