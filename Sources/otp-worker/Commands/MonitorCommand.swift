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

/// Serves the whole fleet as a page for browsers, by its results as they arrive.
///
/// It belongs to no group, writes nothing and disturbs nobody.
struct MonitorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monitor",
        abstract: "Serves the whole fleet as a page for browsers.",
        discussion: """
            Rates, outcomes, latency and lag, now and over 24 hours; workers, partitions, the upstream as results tell of it; what \
            failed or is in doubt, with a time line for each session; dead letters with their reasons; what to look at, with the \
            runbook. It follows results and dead letters as `watch` does, in no group, and writes nothing. No code and no phone \
            number is ever shown.

            The page's address goes to standard output, all else to standard error. /ready says whether it reads what it shows, and if \
            not, what stops it.

            Where other machines can reach it, it asks who they are: --credentials names a file with one a line, `bearer TOKEN` \
            or `basic NAME:PASSWORD`, each secret of 16 bytes or more; it is read again every ten seconds. Browsers use `basic`.

            Memory is bounded: 24 hours of minutes, the last 32,768 results and 16,384 that failed or are in doubt, 4,096 dead \
            letters: 32 MB at most.

            Examples:
              otp-worker monitor --brokers localhost:9092
              otp-worker monitor --config worker.yaml --host 0.0.0.0 --credentials /etc/otp-worker/monitor.credentials \\
                --tls-certificate monitor.crt --tls-key monitor.key --allowed-host monitor.example.com
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Option(name: .long, help: "Address to listen on; one that other machines reach needs --credentials.")
    var host = "127.0.0.1"

    @Option(name: .long, help: "Port; 0 takes any free one.")
    var port = 9480

    @Option(name: .long, help: ArgumentHelp("Who may look: bearer tokens, names and passwords.", valueName: "file"))
    var credentials: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Serve HTTPS with this certificate and its chain (PEM).", valueName: "file")
    )
    var tlsCertificate: String?

    @Option(name: .long, help: ArgumentHelp("The certificate's key (PEM).", valueName: "file"))
    var tlsKey: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A name by which browsers may call it, besides localhost; may be repeated.",
            valueName: "name"
        )
    )
    var allowedHost: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Begin with results and dead letters from this time on: ISO 8601, or how long ago (1h); else with what comes.",
            valueName: "time"
        )
    )
    var since: String?

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port: 0 to 65535.") }
        if let since, AuditArguments.time(since, now: WallTime(milliseconds: 0)) == nil {
            throw ValidationError("--since: write a time such as 2026-11-23T10:00:00Z, or how long ago, such as 30m.")
        }
    }

    func run() async throws {
        let listening = try listening()
        let known = try credentials.map(MonitorFiles.credentials)
        let settings = try options.settings(for: .client)
        let start = since.flatMap { AuditArguments.time($0, now: WallTime(milliseconds: Self.milliseconds)) }
        let monitoring = try Monitoring(settings, since: start)
        let server: MonitorServer
        let boundPort: Int
        do throws(MonitorServer.Failure) {
            server = try MonitorServer(
                listening,
                allowedHosts: allowedHost,
                credentials: known,
                live: monitoring.live
            )
            boundPort = try await server.start()
        } catch {
            throw Failure("\(error)", isConfiguration: true)
        }
        if let warning = listening.warning { Console.printError("warning: \(warning)") }
        let scheme = listening.certificateFile == nil ? "http" : "https"
        let shown = host.contains(":") ? "[\(host)]" : host
        Console.write("\(scheme)://\(shown):\(boundPort)/")
        monitoring.start()
        await serve(server, monitoring)
        await server.stop()
        await monitoring.stop()
    }

    /// Until a signal comes.
    private func serve(_ server: MonitorServer, _ monitoring: Monitoring) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await Signals.wait() }
            group.addTask { try? await server.feed() }
            if let credentials {
                group.addTask { try? await monitoring.reread(credentials, for: server) }
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func listening() throws -> Listening {
        do throws(Listening.Fault) {
            return try Listening(
                host: host,
                port: port,
                hasCredentials: credentials != nil,
                certificateFile: tlsCertificate,
                keyFile: tlsKey
            )
        } catch {
            let remedy =
                switch error {
                case .openToAll: "name a file of --credentials, or leave --host at 127.0.0.1"
                case .halfTLS: "give both --tls-certificate and --tls-key, or neither"
                }
            throw Failure("\(error)", remedy: remedy, isConfiguration: true)
        }
    }

    private static var milliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }
}
