import DequeModule

/// What is under way for one partition: calls, intents, and the guesses among them.
struct PartitionCalls {
    /// Calls and intents.
    private(set) var inFlight = 0
    /// Of them, intents; those that failed and end late included.
    private(set) var intents = 0
    /// Commands that wait for one of those to end.
    private var heldBack: Deque<Command> = []
    /// Per phone its commands that are being asked about: each may turn out to be a wrong code.
    private var guesses: [PhoneDigest: Int] = [:]

    mutating func began() { inFlight += 1 }

    mutating func ended() { inFlight -= 1 }

    mutating func intentBegan() { intents += 1 }

    /// Well or badly.
    /// - Returns: a command that was held back for it.
    mutating func intentEnded() -> Command? {
        intents -= 1
        while let next = heldBack.popFirst() {
            if next.state == .ready { return next }
        }
        return nil
    }

    /// Until one of the partition's intents has ended; its deadline goes on counting.
    mutating func heldBack(_ command: Command) { heldBack.append(command) }

    func guesses(of phone: PhoneDigest) -> Int { guesses[phone, default: 0] }

    mutating func guessBegan(_ phone: PhoneDigest) { guesses[phone, default: 0] += 1 }

    mutating func guessEnded(_ phone: PhoneDigest) {
        let left = (guesses[phone] ?? 1) - 1
        guesses[phone] = left > 0 ? left : nil
    }
}
