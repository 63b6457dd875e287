package import Contract
package import Kafka

/// What a replay does with each letter, and what it writes: decided here, done elsewhere.
///
/// Running it again does nothing more: a record that has been replayed is known by its replay, which says what it repeats. A replay that
/// failed again has a letter of its own, which can be replayed in its place.
package enum ReplayPlan {
    /// Letters that are looked at in one run.
    package static let maximumLetters = 10_000

    package enum Decision: Equatable, Sendable {
        case replay
        /// Its replay lies there.
        case done(Coordinates)
        /// It has been replayed as often as is allowed.
        case capped
        /// Its value is in the command topic no longer, nor in the letter.
        case gone
        /// It is about a record of another topic.
        case foreign
        /// The run's own limit was reached before it.
        case overLimit
    }

    package struct Limits: Sendable {
        package var replaysPerCommand: Int
        package var lettersPerRun: Int

        package init(replaysPerCommand: Int = 3, lettersPerRun: Int = 100) {
            self.replaysPerCommand = replaysPerCommand
            self.lettersPerRun = lettersPerRun
        }
    }

    /// Decides the letters in the order of their time; of several about one record only the first counts.
    ///
    /// `replays` are those that exist, by the record that they repeat; `isKept` says whether the record can be had, and is asked only
    /// for those that would be replayed.
    package static func decide(
        _ letters: [FoundLetter],
        commandTopic: String,
        replays: [Coordinates: Coordinates],
        limits: Limits,
        isKept: (FoundLetter) throws -> Bool
    ) rethrows -> [(found: FoundLetter, decision: Decision)] {
        var seen: Set<Coordinates> = []
        var taken = 0
        var decisions: [(FoundLetter, Decision)] = []
        for found in letters.sorted(by: precedes) where seen.insert(found.letter.source).inserted {
            let decision: Decision
            if found.letter.source.topic != commandTopic {
                decision = .foreign
            } else if let replay = replays[found.letter.source] {
                decision = .done(replay)
            } else if found.letter.replayCount >= limits.replaysPerCommand {
                decision = .capped
            } else if taken >= limits.lettersPerRun {
                decision = .overLimit
            } else {
                decision = try isKept(found) ? .replay : .gone
            }
            if decision == .replay { taken += 1 }
            decisions.append((found, decision))
        }
        return decisions
    }

    private static func precedes(_ left: FoundLetter, _ right: FoundLetter) -> Bool {
        (left.time, left.place.partition, left.place.offset) < (right.time, right.place.partition, right.place.offset)
    }

    /// The record to write: the original's key, value and partition, and its headers as the letter has them go on.
    ///
    /// `original` nil means that only the letter's own copy is left; nil is returned when that is not all there was.
    package static func record(of found: FoundLetter, original: ConsumedRecord?) -> OutgoingRecord? {
        let letter = found.letter
        if let original {
            return OutgoingRecord(
                topic: letter.source.topic,
                partition: letter.source.partition,
                key: original.key,
                value: original.value,
                headers: letter.headersOfReplay(original.headers)
            )
        }
        guard letter.value != nil, letter.key?.count ?? 0 < DeadLetter.maximumKeyBytes, !letter.isKeyConcealed else {
            return nil
        }
        return OutgoingRecord(
            topic: letter.source.topic,
            partition: letter.source.partition,
            key: letter.key,
            value: letter.value,
            headers: letter.headersOfReplay(letter.headers)
        )
    }
}
