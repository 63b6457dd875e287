package import OTPContract
package import OTPKafka
package import OTPWorker

/// What a replay does with each letter, and what it writes: decided here, done elsewhere.
///
/// Running it again does nothing more: a record that has been replayed is known by its replay, which says what it repeats. A replay that
/// failed again has a letter of its own, which can be replayed in its place.
package enum ReplayPlan {
    /// Letters that are looked at in one run.
    package static let maximumLetters = 10_000
    /// Letters that nobody of this fleet wrote that are shown in one run.
    package static let maximumForeign = 100

    package enum Decision: Equatable, Sendable {
        case replay
        /// Its replay lies there.
        case done(Coordinates)
        /// It has been replayed as often as is allowed.
        case capped
        /// Its value is in the command topic no longer, nor in the letter.
        case gone
        /// It is about a record of another topic, or of a partition that there is not: no worker of this fleet wrote it.
        case foreign
        /// It could not be read or written now, for the reason that is given.
        case failed(String)
        /// The run's own limit was reached before it.
        case overLimit

        /// It was meant to be replayed and cannot be.
        package var isFailure: Bool {
            switch self {
            case .gone, .failed: true
            case .replay, .done, .capped, .foreign, .overLimit: false
            }
        }
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
    /// `replays` are those that exist, by the record that they repeat; `look` says whether the record can be had, and is asked only
    /// for those that would be replayed.
    package static func decide(
        _ letters: [FoundLetter],
        commandTopic: String,
        partitions: Int,
        replays: [Coordinates: Coordinates],
        limits: Limits,
        look: (FoundLetter) -> LookupResult
    ) -> [(found: FoundLetter, decision: Decision)] {
        var seen: Set<Coordinates> = []
        var chosen = 0
        var decisions: [(FoundLetter, Decision)] = []
        for found in letters.sorted(by: precedes) where seen.insert(found.letter.source).inserted {
            let decision: Decision
            if !isOurs(found, commandTopic: commandTopic, partitions: partitions) {
                decision = .foreign
            } else if let replay = replays[found.letter.source] {
                decision = .done(replay)
            } else if chosen >= limits.lettersPerRun {
                decision = .overLimit
            } else {
                switch look(found) {
                case .kept(let replays) where replays >= limits.replaysPerCommand: decision = .capped
                case .kept: decision = .replay
                case .gone: decision = .gone
                case .failed(let reason): decision = .failed(reason)
                }
            }
            if decision == .replay { chosen += 1 }
            decisions.append((found, decision))
        }
        return decisions
    }

    /// What a look found of the record that a letter is about.
    package enum LookupResult: Equatable, Sendable {
        /// It can be had, and is itself the last of so many replays.
        case kept(replays: Int)
        case gone
        case failed(String)
    }

    /// Whether a worker can have written it: anybody who may write to the topic can write what looks like a letter.
    package static func isOurs(_ found: FoundLetter, commandTopic: String, partitions: Int) -> Bool {
        let source = found.letter.source
        return source.topic == commandTopic && (0..<Int32(clamping: partitions)).contains(source.partition)
            && source.offset >= 0
    }

    private static func precedes(_ left: FoundLetter, _ right: FoundLetter) -> Bool {
        let (first, second) = (left.coordinates, right.coordinates)
        return (left.time, first.partition, first.offset) < (right.time, second.partition, second.offset)
    }

    /// The record to write: the original's key, value and partition, and its headers as the letter has them go on.
    ///
    /// `original` nil means that only the letter's own copy is left; nil is returned when that is not all there was. Without `key` the
    /// record has no proof that it is a replay.
    package static func record(
        of found: FoundLetter,
        original: ConsumedRecord?,
        key replayKey: ReplayKey?
    ) -> OutgoingRecord? {
        let letter = found.letter
        if let original {
            return OutgoingRecord(
                topic: letter.source.topic,
                partition: letter.source.partition,
                key: original.key,
                value: original.value,
                headers: letter.headersOfReplay(original.headers) {
                    replayKey?.proof(of: $0, key: original.key, value: original.value)
                }
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
            headers: letter.headersOfReplay(letter.headers) {
                replayKey?.proof(of: $0, key: letter.key, value: letter.value)
            }
        )
    }
}
