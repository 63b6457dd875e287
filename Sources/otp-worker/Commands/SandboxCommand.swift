import ArgumentParser
import OTPSandbox
import OTPWorker

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Runs the fake Paynet.
struct SandboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "Runs a fake Paynet: check_otp and send_otp, with faults and a journal.",
        discussion: """
            The origin goes to standard output, all else to standard error. What the documentation leaves open is a flag. A \
            session id can carry its own faults between tildes: `order-17~429x2~` is answered 429 twice, then well \
            (also ~500~, ~page404~, ~503-after~, ~delay300~, ~cut-after~, ~hang~, ~garbage~ …). Any key is accepted unless the environment has \
            OTP_SANDBOX_SECRET_KEY.

            Over HTTP: GET /_sandbox/calls (the journal), /_sandbox/summary, /_sandbox/otp?otp_session_id=… (the code that \
            was sent), POST /_sandbox/script, /_sandbox/reset.

            Examples:
              otp-worker sandbox --port 8080 --implicit-sessions --latency 20ms
              otp-worker sandbox --tls --ca-file ca.pem --rate-limit 100 --journal calls.jsonl
              otp-worker sandbox --script outage.yaml

            A script has phases that follow one another from the first call on, and then all is well (unless `repeat: true`):
              phases:
                - name: outage
                  seconds: 30
                  faults: [{action: status, status: 503}]
                - name: lossy
                  seconds: 60           # or calls: 1000
                  latency_ms: [10, 50]
                  rate_limit: 100
                  faults: [{action: cut-after, fraction: 0.05}]
            A list of faults alone holds for ever. Actions: status (with status, retry_after …), answer (code), body (text or \
            base64, content_type, status), delay (ms), cut-before, cut-after, hang, garbage, garbage-json, half, oversized, \
            close, chunked, chunks (malformed), informational, drip. Which calls: session_prefix, session_suffix, nth_call, \
            fraction, times, per (all or session).
            """
    )

    @Option(name: .long, help: "Address to listen on.")
    var host = "127.0.0.1"

    @Option(name: .long, help: "Port; 0 takes any free one.")
    var port = 0

    @Flag(name: .long, help: "HTTPS, with a certificate made at the start.")
    var tls = false

    @Option(name: .long, help: ArgumentHelp("Where to write the authority's certificate (PEM).", valueName: "path"))
    var caFile: String?

    @Option(
        name: .long,
        help: ArgumentHelp("How long an answer takes: 20ms, or a range 10ms-50ms.", valueName: "duration")
    )
    var latency = "0ms"

    @Option(name: .long, help: ArgumentHelp("Calls per second, above which the answer is 429.", valueName: "count"))
    var rateLimit: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Close a connection that is idle so long, and say so in Keep-Alive.", valueName: "seconds")
    )
    var idleTimeout: Int?

    @Flag(name: .long, help: "Every session exists; its code is the last four letters or digits of its id.")
    var implicitSessions = false

    @Option(name: .long, help: ArgumentHelp("How long a sent code lives.", valueName: "duration"))
    var otpLifetime = "3m"

    @Option(name: .long, help: ArgumentHelp("Wrong codes that a session survives.", valueName: "count"))
    var wrongCodes = 3

    @Option(
        name: .long,
        help: ArgumentHelp("Answer to another check of an accepted code: 0, 100, 17, 1.", valueName: "code")
    )
    var repeatAnswer = 100

    @Option(
        name: .long,
        help: ArgumentHelp("Answer to another code of a verified session: 0, 100, 17, 1.", valueName: "code")
    )
    var otherCodeAnswer = 17

    @Option(
        name: .long,
        help: ArgumentHelp("Answer of a session that wrong codes have killed: 17, 13.", valueName: "code")
    )
    var deadAnswer = 17

    @Flag(name: .long, help: "Refusals travel as HTTP errors with an error object.")
    var refusalsAsErrors = false

    @Flag(name: .long, help: "`code` is a JSON string, as documented, not a number.")
    var codeAsString = false

    @Option(
        name: .long,
        help: ArgumentHelp("What it goes through, in YAML, as for POST /_sandbox/script.", valueName: "path")
    )
    var script: String?

    @Option(name: .long, help: ArgumentHelp("Where to append the journal, one JSON object a line.", valueName: "path"))
    var journal: String?

    @Flag(name: .long, help: "The journal shows phone and code in clear.")
    var journalClear = false

    @Option(name: .long, help: "Seed of latency, fractions and sent codes.")
    var seed: UInt64 = 1

    @Option(name: .long, help: "Threads of the server.")
    var threads = 1

    func validate() throws {
        guard Self.range(latency) != nil else {
            throw ValidationError("--latency: write a duration such as 20ms, or a range such as 10ms-50ms.")
        }
        guard DurationText.parse(otpLifetime) != nil else {
            throw ValidationError("--otp-lifetime: write a duration such as 3m.")
        }
        guard (0...65_535).contains(port), (1...64).contains(threads), (rateLimit ?? 1) > 0, wrongCodes >= 0,
            (1...3_600).contains(idleTimeout ?? 1)
        else {
            throw ValidationError(
                """
                --port: 0 to 65535; --threads: 1 to 64; --rate-limit: from 1 on; --wrong-codes: from 0 on; \
                --idle-timeout: 1 to 3600.
                """
            )
        }
    }

    func run() async throws {
        let server: SandboxServer
        do {
            server = try await SandboxServer.start(try sandbox())
        } catch let error as Failure {
            throw error
        } catch SandboxError.file(let path, _) {
            let flag = path == caFile ? "--ca-file" : "--journal"
            throw Failure(
                "\(flag): \(path) cannot be written",
                remedy: "name a file in a folder that exists and that this user may write to",
                isConfiguration: true
            )
        } catch {
            throw Failure(
                "the sandbox cannot listen on \(host):\(port): \(error)",
                remedy: "choose a free --port, or 0"
            )
        }
        Console.write(server.url)
        let trust = server.caFile.map { " and --set check_otp.ca_file=\($0)" } ?? ""
        Console.printError("Fake Paynet. Workers: --check-otp-url \(server.url)\(trust). Stop it with Ctrl-C.")
        await Signals.wait()
        await server.stop()
    }

    private func sandbox() throws -> SandboxConfiguration {
        var sandbox = SandboxConfiguration()
        sandbox.host = host
        sandbox.port = port
        sandbox.threads = threads
        sandbox.tls = tls
        sandbox.caFile = caFile
        if let key = ProcessInfo.processInfo.environment["OTP_SANDBOX_SECRET_KEY"], !key.isEmpty {
            sandbox.secretKey = SandboxSecret(key)
        }
        sandbox.latency = Self.range(latency) ?? .zero ... .zero
        sandbox.rateLimit = rateLimit
        sandbox.idleTimeout = idleTimeout
        sandbox.implicitSessions = implicitSessions
        sandbox.otpLifetime = DurationText.parse(otpLifetime) ?? sandbox.otpLifetime
        sandbox.wrongCodesSurvived = wrongCodes
        sandbox.repeatAnswer = ReturnCode(rawValue: repeatAnswer)
        sandbox.otherCodeAnswer = ReturnCode(rawValue: otherCodeAnswer)
        sandbox.deadAnswer = ReturnCode(rawValue: deadAnswer)
        sandbox.refusalsAsErrors = refusalsAsErrors
        sandbox.codeAsString = codeAsString
        sandbox.journalFile = journal
        sandbox.journalClear = journalClear
        sandbox.seed = seed
        if let script { sandbox.script = try Self.script(in: script) }
        return sandbox
    }

    private static func script(in path: String) throws -> SandboxScript {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure("--script: \(path) cannot be read", isConfiguration: true)
        }
        do {
            return try SandboxScript(yaml: String(decoding: data, as: UTF8.self))
        } catch {
            throw Failure(
                "--script: \(path): \(error)",
                remedy: "otp-worker sandbox --help shows a script",
                isConfiguration: true
            )
        }
    }

    /// `20ms` or `10ms-50ms`.
    static func range(_ text: String) -> ClosedRange<Duration>? {
        let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map { DurationText.parse(String($0)) }
        guard let first = bounds.first, let low = first, bounds.count <= 2, let high = bounds.last ?? nil, low <= high
        else { return nil }
        return low...high
    }
}
