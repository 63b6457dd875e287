import ArgumentParser
import OTPContract
import OTPKafka
import OTPMonitor
import OTPVerifyClient
import OTPWorker

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Shows what a fleet does, by its results as they arrive and by the group's lag.
///
/// It belongs to no group and disturbs nobody.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Shows the whole fleet live, by its results as they arrive.",
        discussion: """
            On a terminal, a page that is redrawn four times a second: rates, outcomes, latency (from received_at to \
            completed_at), lag, workers, partitions, what failed or is in doubt, and the last results; NO_COLOR=1 for none. \
            With --lines, or TERM=dumb, a table, a line per result. Otherwise, or with --json, one event per line, as it was \
            published, but for characters that steer a terminal: those are escaped.

            It outlives a cluster that is away, says so, and goes on where it was; partitions that are added are read within \
            seconds. Its memory is bounded: 64 workers and 1,024 partitions are told apart, and the last 100 results kept.

            Examples:
              otp-worker watch --brokers localhost:9092
              otp-worker watch --from-beginning --json | jq -r 'select(.in_doubt) | .otp_session_id'
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Flag(name: .long, help: "Begin with the oldest result that the topic holds.")
    var fromBeginning = false

    @Flag(name: .long, help: "One JSON event per line, on a terminal too.")
    var json = false

    @Flag(name: .long, help: "One line per result, of a table.")
    var lines = false

    @Option(name: .long, help: ArgumentHelp("End after this many results.", valueName: "count"))
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit: write a number from 1 on.") }
        if json, lines { throw ValidationError("Give either --json or --lines.") }
    }

    func run() async throws {
        let settings = try options.settings(for: .client)
        let topics = settings.worker.topics
        _ = try settings.talking {
            try TopicCheck.partitionCounts([topics.results, topics.commands], settings.common)
        }
        let follower = try settings.talking {
            try ResultFollower(
                settings.common.readingAhead.unhurried,
                topic: topics.results,
                from: fromBeginning ? .beginning : .now
            )
        }
        let watching = Watching(follower: follower, limit: limit ?? .max)
        let lag = try settings.talking {
            try LagReader(settings) { watching.update($0) }
        }
        defer { lag.end() }
        let screen = Screen(environment: ProcessInfo.processInfo.environment)
        if lines || json || !Console.isTerminal || !screen.canDraw {
            watching.printLines(asTable: lines || (!json && Console.isTerminal))
        } else {
            let view = FleetView(topic: topics.results, group: settings.worker.kafka.groupID)
            await watching.draw(view, on: screen)
        }
        follower.close()
    }
}
