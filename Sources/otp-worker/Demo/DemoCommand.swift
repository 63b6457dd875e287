import ArgumentParser
import OTPSandbox
import OTPWorker

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Plays the card-storage flow from end to end, and shows what was expected and what came.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Plays the whole flow, in seconds, with nothing else needed.",
        discussion: """
            It starts an embedded broker, a fake Paynet and a worker in this process, sends commands as a checkout would, and \
            prints what was expected and what came; the exit code is 1 when they differ. With --brokers it plays on your \
            cluster, in topics of its own (otp.demo.…, created if they are missing); the upstream is always the fake one.

            Examples:
              otp-worker demo
              otp-worker demo --brokers localhost:9092
            """
    )

    @Option(name: .long, help: ArgumentHelp("Play on this cluster: host:port, comma-separated.", valueName: "list"))
    var brokers: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Any setting, such as kafka.properties.security.protocol=SSL.", valueName: "key=value")
    )
    var set: [String] = []

    @Flag(name: .shortAndLong, help: "Show the worker's log.")
    var verbose = false

    private static let phone = "5324818942"

    func run() async throws {
        let started = ContinuousClock.now
        let stage = try await DemoStage(
            options: (try ConfigurationOptions.flags(set), ProcessInfo.processInfo.environment),
            brokers: brokers,
            verbose: verbose
        )
        let cluster = brokers ?? "an embedded broker (it keeps nothing and isolates nothing)"
        Console.write("Starting a worker on \(cluster), with a fake Paynet at \(stage.sandbox.url) …")
        try await stage.open()
        let report = try await play(stage)
        await stage.close()
        let seconds = (ContinuousClock.now - started).components.seconds
        Console.write("\n\(report.text(columns: Console.columns))\nIt took \(seconds) s, start and drain included.")
        guard report.isAsExpected else {
            throw ExitCode(1)
        }
        Console.write("Next, on a cluster of your own: otp-worker topics, otp-worker run, otp-worker send --wait.")
    }

    private func play(_ stage: DemoStage) async throws -> DemoReport {
        let run = String(UInt32.random(in: .min ... .max), radix: 36)
        var sessions: [DemoStep.Session: String] = [:]
        var codes: [String: String] = [:]
        for session in DemoStep.Session.allCases {
            let id = "\(session.rawValue)-\(run)" + (session == .throttled ? "~429x2~" : "")
            try await SendOTP.send(to: stage.sandbox.port, key: DemoStage.key, phone: Self.phone, session: id)
            sessions[session] = id
            codes[id] = stage.sandbox.code(of: id)
        }
        let play = DemoPlay(settings: stage.settings, phone: Self.phone, sessions: sessions, codes: codes)
        let rows = try await play.rows()
        let calls = stage.sandbox.calls().filter { $0.path.hasSuffix("/check_otp") }
        return DemoReport(rows: rows, journaledCalls: calls.count)
    }
}
