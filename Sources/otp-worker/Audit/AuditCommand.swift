import ArgumentParser
import OTPAudit
import OTPContract
import OTPKafka
import OTPWorker

/// Holds what a fleet did against what it promises, from the outside.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Checks from the topics whether the fleet kept its promises.",
        discussion: """
            It reads commands, results, ledger and dead letters as a read_committed reader sees them, in the order of their \
            offsets, and checks: one result per command, in time, in the session's order; `invalid` and a dead letter for what \
            is unusable and for nothing else; the same answer to the same question; nothing asked after `verified`; doubts told; \
            the ledger in agreement. With --journal, the file or the origin of `otp-worker sandbox`, every call is accounted for \
            too. It writes nothing, belongs to no group, and may run while the fleet works.

            It must know the fleet's commands.max_age, commands.max_bytes, commands.require_key, ledger.retention, \
            ledger.max_codes_per_session and kafka.session_timeout: give the same --config. Promises about a session hold for ledger.retention and within \
            one partition, and so do the checks. A dead letter that the broker refused, or an operator who moved the group's \
            offsets, shows as a finding.

            Memory does not grow with the range: per partition it holds the 16,384 offsets that can be open at a time and \
            remembers which of 131,072 are answered; a session is held until it has rested for ledger.retention, at most \
            twice as long. Findings name coordinates, session and reason, never a code or a phone \
            number; all are counted, the first 100 of each check are shown.

            With --follow it goes on beside the fleet, until SIGTERM or SIGINT: every few seconds it judges what is new, logs \
            a broken promise at once, and serves /ready, /live and /metrics on admin.host:admin.port. It begins with what is \
            ten minutes old, or with --since, and reads ledger.retention before that to know it. Of sessions and their \
            commands it holds --hold at most, about 1 KiB each; beyond it those that began first are judged and forgotten, \
            which is counted and weakens the checks that need memory. Of each check the first 100 findings are logged, all are \
            counted.

            Exit codes: 0 nothing found, 1 something found (or the cluster cannot be read: nobody knows), 2 wrong usage.

            Examples:
              otp-worker audit --brokers localhost:9092
              otp-worker audit --config worker.yaml --since 24h --json | jq '.findings[]'
              otp-worker audit --since 2026-11-23T10:00:00Z --until 2026-11-23T11:00:00Z --partitions 0,4-7
              otp-worker audit --journal calls.jsonl
              otp-worker audit --follow --config worker.yaml --set admin.port=9465
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @OptionGroup var range: TimeRange

    @Option(name: .long, help: ArgumentHelp("Only these partitions of the commands: 0,4-7.", valueName: "list"))
    var partitions: String?

    @Option(
        name: .long,
        help: ArgumentHelp("The sandbox's journal: its file, or its origin http://host:port.", valueName: "file|url")
    )
    var journal: String?

    @Flag(name: .long, help: "The report as one JSON object.")
    var json = false

    @Flag(name: .long, help: "Go on beside the fleet, with log, probes and metrics, until a signal.")
    var follow = false

    @Option(
        name: .long,
        help: ArgumentHelp("With --follow: sessions and commands held, about 1 KiB each.", valueName: "count")
    )
    var hold = 250_000

    func validate() throws {
        if follow, range.until != nil || partitions != nil || journal != nil || json {
            throw ValidationError("--follow takes neither --until, --partitions, --journal nor --json.")
        }
        guard (1_000...100_000_000).contains(hold) else {
            throw ValidationError("--hold: write a number from 1000 to 100000000.")
        }
        if let partitions, AuditArguments.partitions(partitions) == nil {
            throw ValidationError("--partitions: write numbers and ranges, such as 0,4-7.")
        }
    }

    func run() async throws {
        let settings = try options.settings(for: .client)
        let bounds = range.bounds
        if follow {
            let isClean = try await AuditHost(settings).follow(since: bounds.since, limit: hold)
            if !isClean { throw ExitCode(1) }
            return
        }
        let request = AuditPlan.Request(
            since: bounds.since,
            until: bounds.until,
            partitions: partitions.flatMap { AuditArguments.partitions($0) },
            journal: journal
        )
        let reader = try settings.talking { try RangeReader(settings.readingMuch, batchSize: 1_000) }
        let plan = try await AuditPlan.make(request, settings, reader)
        var run = try AuditRun(plan, settings, reader)
        let report = try run.report()
        show(report, plan.notes)
        if !report.isClean { throw ExitCode(1) }
    }

    private func show(_ report: AuditReport, _ notes: [String]) {
        if json {
            Console.write(json: AuditText.json(report, notes))
            return
        }
        Console.write(AuditText.table(report, notes, columns: Console.columns))
        if report.isClean {
            let isEmpty = report.counts.commands == 0
            Console.write(isEmpty ? "\nThere was no command to judge." : "\nNothing was found.")
        } else {
            Console.write("")
            for line in AuditText.findings(report) { Console.write(line) }
        }
    }
}

extension Settings {
    /// For reading many partitions at once: what librdkafka reads ahead of each is kept small.
    var readingMuch: ClientProperties.Common {
        var common = common
        let small = ["queued.min.messages": "2000", "queued.max.messages.kbytes": "2048"]
        common.passThrough.merge(small) { given, _ in given }
        return common
    }
}
