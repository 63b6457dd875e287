import ArgumentParser
import OTPContract
import OTPKafka
import OTPWorker

extension DeadLettersCommand {
    /// Puts unusable commands back on the command topic, once what was wrong with them is fixed.
    struct Replay: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replay",
            abstract: "Sends unusable commands again; says only what it would do, unless told --execute.",
            discussion: """
                For when the cause is fixed, in the settings (commands.require_key, commands.max_bytes, …) or in the worker: \
                the record's value, key and headers are written again, to the same partition, as a new record of the same \
                session. It goes through the ledger like any other, so that nothing is asked or stored twice: a code that has \
                its outcome is answered as before, without a call. A replay keeps the command's id: what was known only by its \
                coordinates gets them as ce_id. Its age counts again, and its user may have gone: choose with --since.

                A replay says which record it repeats, so running this again does nothing twice. One that fails again has a \
                letter of its own, which counts its replays; --max-replays is their most. A command whose value is no longer kept \
                is reported, and the exit code is 1.

                Give it the workers' settings, with ledger.secret or check_otp.secret_key (or their files): with these a replay \
                is signed, so that a worker can tell it from a producer's own headers. Without, it is replayed all the same, and \
                its next letter counts 0.

                At most 10,000 letters are looked at in one run: narrow them with --since, --until, --reason or --source.

                Examples:
                  otp-worker dead-letters replay --reason key_missing --since 1h
                  otp-worker dead-letters replay --source otp.verify.commands/3/42 --execute
                """
        )

        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var letters: LetterOptions

        @Flag(name: .long, help: "Write, instead of saying what would be written.")
        var execute = false

        @Option(name: .long, help: ArgumentHelp("The most replays of one command, ever.", valueName: "count"))
        var maxReplays = ReplayPlan.Limits().replaysPerCommand

        @Option(name: .long, help: ArgumentHelp("The most replays in this run, the oldest first.", valueName: "count"))
        var limit = ReplayPlan.Limits().lettersPerRun

        @Flag(name: .long, help: "One JSON object per letter, on a terminal too.")
        var json = false

        func validate() throws {
            guard (1...100).contains(maxReplays) else { throw ValidationError("--max-replays: 1 to 100.") }
            guard (1...ReplayPlan.maximumLetters).contains(limit) else {
                throw ValidationError("--limit: 1 to \(ReplayPlan.maximumLetters).")
            }
        }

        func run() throws {
            let settings = try options.settings(for: .signer)
            let decisions = try settings.talking { try replay(settings) }
            Console.printError(ReplayText.summary(decisions, isExecuted: execute))
            if decisions.contains(where: \.isFailure) { throw ExitCode(1) }
        }

        private func replay(_ settings: Settings) throws -> [ReplayPlan.Decision] {
            let reader = try LetterReader(settings)
            defer { reader.close() }
            let topic = settings.worker.topics.commands
            let found = try meant(reader, of: topic)
            let ours = found.filter {
                ReplayPlan.isOurs($0, commandTopic: topic, partitions: reader.commandPartitions)
            }
            let replayKey = settings.worker.digestSecret.map(ReplayKey.init(secret:))
            let plan = ReplayPlan.decide(
                found,
                commandTopic: topic,
                partitions: reader.commandPartitions,
                replays: try reader.replays(of: ours),
                limits: .init(replaysPerCommand: maxReplays, lettersPerRun: limit),
                look: { look(at: $0, reader) }
            )
            if replayKey == nil, plan.contains(where: { $0.decision == .replay }) {
                Console.printError(ReplayText.unsigned)
            }
            let sender = execute ? try CommandSender(settings.common) : nil
            defer { sender?.close() }
            let asTable = Console.isTerminal && !json
            let table = ReplayText.table.fitted(to: Console.columns)
            if asTable, !plan.isEmpty { Console.write(table.header) }
            var decisions: [ReplayPlan.Decision] = []
            for (found, planned) in plan {
                var (decision, written) = (planned, Coordinates?.none)
                if let sender, decision == .replay { (decision, written) = try send(found, reader, sender, replayKey) }
                decisions.append(decision)
                if asTable {
                    Console.write(table.line(ReplayText.cells(found, decision, written: written)))
                } else {
                    Console.write(json: ReplayText.json(found, decision, written: written))
                }
            }
            return decisions
        }

        private func meant(_ reader: LetterReader, of topic: String) throws -> [FoundLetter] {
            var found: [FoundLetter] = []
            var foreign = 0
            try reader.letters(letters.filter) { letter in
                // What nobody of this fleet wrote must not take the place of what it did.
                if !ReplayPlan.isOurs(letter, commandTopic: topic, partitions: reader.commandPartitions) {
                    foreign += 1
                    guard foreign <= ReplayPlan.maximumForeign else { return }
                }
                guard found.count <= ReplayPlan.maximumLetters + ReplayPlan.maximumForeign else { return }
                // So many copies of values could be more than there is memory for.
                found.append(letter)
                found[found.count - 1].letter.value = nil
            }
            if foreign > ReplayPlan.maximumForeign {
                Console.printError("\(foreign) letters are about no command of this fleet; not all of them are shown")
            }
            guard found.count - min(foreign, ReplayPlan.maximumForeign) <= ReplayPlan.maximumLetters else {
                throw Failure(
                    "more than \(ReplayPlan.maximumLetters) dead letters are meant",
                    remedy: "narrow them with --since, --until, --reason or --source",
                    isConfiguration: true
                )
            }
            return found
        }

        private func look(at found: FoundLetter, _ reader: LetterReader) -> ReplayPlan.LookupResult {
            do {
                guard let (_, replays) = try record(of: found, reader, key: nil) else { return .gone }
                return .kept(replays: replays)
            } catch {
                return .failed("\(error)")
            }
        }

        /// Writes one; a letter that cannot be replayed keeps no other from it.
        /// - Throws: where the cluster itself is away, and so all that follow would fail alike.
        private func send(
            _ found: FoundLetter,
            _ reader: LetterReader,
            _ sender: CommandSender,
            _ key: ReplayKey?
        ) throws -> (ReplayPlan.Decision, Coordinates?) {
            do {
                // Read again, not kept since the plan: for the same reason as in `meant`.
                guard let (record, _) = try record(of: found, reader, key: key) else { return (.gone, nil) }
                return (.replay, try sender.send([record], timeout: .seconds(30)).first)
            } catch let error as KafkaError where !error.isTransient {
                return (.failed(error.reason), nil)
            }
        }

        /// What to write, and how often it was replayed before: made of the record, or of the letter's own copy where the record is no
        /// longer kept.
        private func record(
            of found: FoundLetter,
            _ reader: LetterReader,
            key: ReplayKey?
        ) throws -> (OutgoingRecord, replays: Int)? {
            var found = found
            guard let original = try reader.record(at: found.letter.source) else {
                let copy = try reader.letter(found.coordinates).flatMap {
                    ReplayPlan.record(of: $0, original: nil, key: key)
                }
                return copy.map { ($0, found.letter.replayCount) }
            }
            found.letter.replayCount = try reader.replays(before: original, atMost: maxReplays)
            return ReplayPlan.record(of: found, original: original, key: key).map { ($0, found.letter.replayCount) }
        }
    }
}
