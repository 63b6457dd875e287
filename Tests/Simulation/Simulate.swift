import ArgumentParser
import SimulationKit

@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Runs fleets of the engine under a simulated broker, upstream, network and clock, and holds them to the promises."
    )

    @Option(help: "How many seeds.") var seeds: UInt64 = 1_000
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "One seed.") var seed: UInt64?
    @Option(help: "Seeds at a time.") var jobs = 2
    @Flag(help: "Print everything that happens in one seed.") var trace = false
    @Flag(help: "Stop at the first failing seed.") var untilFailure = false
    @Option(help: "Make the shell fail the engine in this way.") var shellFault: ShellFault?
    @Flag(help: "Do not ask for complete coverage.") var partial = false
    @Flag(help: "Print one number for all effects, in order: what changes no behaviour leaves it as it is.")
    var digest = false

    func run() async throws {
        let runner = Runner(shellFault: shellFault, isUntilFailure: untilFailure, isDigested: digest)
        if let seed {
            guard runner.one(seed, trace: trace) else { throw ExitCode.failure }
            return
        }
        let isFine = await runner.all(from: from, count: seeds, jobs: jobs, isPartial: partial)
        if !isFine { throw ExitCode.failure }
    }
}

extension ShellFault: ExpressibleByArgument {}
