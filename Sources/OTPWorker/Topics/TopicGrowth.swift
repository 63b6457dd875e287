/// What a change of the topics' partitions means for a running worker: decided from their counts alone.
package struct TopicGrowth: Sendable {
    package enum Finding: Equatable, Sendable {
        /// The commands or the results have other partitions than before.
        case changed(commands: Change, results: Change, mirrored: Int)
        /// Partitions of the commands have no ledger, or a topic is gone: told again with every look until it is fixed.
        case broken(StartFailure)
        case fixed
    }

    package struct Change: Equatable, Sendable {
        package var before: Int
        package var now: Int

        package init(before: Int, now: Int) {
            self.before = before
            self.now = now
        }
    }

    private let topics: WorkerConfiguration.Topics
    private var commands: Int
    private var results: Int
    private var isBroken = false

    package init(_ topics: WorkerConfiguration.Topics, commands: Int, results: Int) {
        self.topics = topics
        self.commands = commands
        self.results = results
    }

    /// Results mirror the partitions of their commands where both topics have equally many.
    package static func mirrored(commands: Int, results: Int) -> Int { commands == results ? commands : 0 }

    package mutating func found(_ counts: [String: Int]) -> [Finding] {
        let judged: (commands: Int, results: Int)
        do throws(StartFailure) {
            judged = try StartCheck.judge(counts, topics)
        } catch {
            isBroken = true
            return [.broken(error)]
        }
        var findings: [Finding] = isBroken ? [.fixed] : []
        isBroken = false
        if judged != (commands, results) {
            findings.append(
                .changed(
                    commands: Change(before: commands, now: judged.commands),
                    results: Change(before: results, now: judged.results),
                    mirrored: Self.mirrored(commands: judged.commands, results: judged.results)
                )
            )
            (commands, results) = judged
        }
        return findings
    }
}
