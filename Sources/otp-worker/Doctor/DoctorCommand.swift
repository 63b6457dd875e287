import ArgumentParser
import CheckOTP
import Foundation
import NIOCore
import NIOPosix
import OTPDoctor
import OTPKafka
import OTPWorker

/// Looks at everything that a worker needs, and tells what is not as it should be and what to do about it.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Tells whether cluster and upstream are as a worker needs them.",
        discussion: """
            Give it the worker's own settings, and run it as the worker's user. It may run while a fleet works: it joins no \
            group and asks about no code. Its transactions, with an id of their own (…-doctor), write an empty record to \
            ledger, results and dead letters and are taken back: a read_committed reader sees none of them, another one \
            does. --read-only leaves them out. The upstream gets one GET, which can only be refused; how it is refused tells of the key.

            Exit code: 0 all well, 1 a worker would not start or could not work, 2 wrong configuration, 3 warnings only.

            Examples:
              otp-worker doctor --config /etc/otp-worker/worker.yaml
              otp-worker doctor --json | jq -r '.findings[] | select(.severity == "failure").remedy'
            """
    )

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var fleet: WorkerOptions

    @Flag(name: .long, help: "Write nothing to the cluster: the rights to write are then not tried.")
    var readOnly = false

    @Flag(name: .long, help: "One JSON object at the end, for programs.")
    var json = false

    func run() async throws {
        var findings: [Diagnosis] = []
        let tell = { (finding: Diagnosis) in
            findings.append(finding)
            if !json { Console.write(DoctorText.line(finding)) }
        }
        let settings: Settings
        do throws(ConfigurationProblems) {
            settings = try options.settings(for: .worker, and: fleet.flags)
        } catch {
            for problem in error.problems {
                tell(.failure(problem.key, "(\(problem.origin)) \(problem.what)", remedy: problem.remedy))
            }
            finish(findings)
            throw ExitCode(2)
        }
        tell(.ok("settings", "nothing wrong with the configuration"))
        for warning in settings.worker.warnings { tell(.warning(warning.key, warning.what, remedy: warning.remedy)) }
        lookAtHost(settings.worker, tell)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        try await lookAtCluster(settings, on: eventLoop, tell)
        await lookAtUpstream(settings.worker.checkOTP, on: eventLoop, tell)
        finish(findings)
        if findings.exitCode != 0 { throw ExitCode(findings.exitCode) }
    }

    private func finish(_ findings: [Diagnosis]) {
        if json { Console.write(json: DoctorText.json(findings)) } else { Console.write(DoctorText.summary(findings)) }
    }

    private func lookAtHost(_ worker: WorkerConfiguration, _ tell: (Diagnosis) -> Void) {
        var limit = rlimit()
        if getrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            tell(HostChecks.openFiles(UInt64(limit.rlim_cur), connections: worker.checkOTP.maximumInFlight))
        }
        guard let path = worker.checkOTP.secretKeyFile else { return }
        // A mounted secret is a link, and a link's own permissions say nothing.
        let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let mode = try? FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? UInt16 else {
            return
        }
        tell(HostChecks.keyFile(path, mode: mode))
    }

    private func lookAtCluster(
        _ settings: Settings,
        on eventLoop: any EventLoop,
        _ tell: @escaping (Diagnosis) -> Void
    ) async throws {
        // Quotas are by user and client id: what holds a worker back must hold its doctor back.
        var common = settings.common
        common.clientID = settings.worker.name
        let probe = ClusterProbe(
            worker: settings.worker,
            common: common,
            isReadOnly: readOnly,
            eventLoop: eventLoop,
            tell: tell
        )
        do throws(KafkaError) {
            try await probe.run()
        } catch {
            // Before any broker was asked: a property that librdkafka does not take.
            tell(.failure("kafka.properties", error.reason, remedy: "correct or remove it"))
        }
    }

    private func lookAtUpstream(
        _ upstream: WorkerConfiguration.CheckOTP,
        on eventLoop: any EventLoop,
        _ tell: (Diagnosis) -> Void
    ) async {
        do {
            guard let secret = upstream.secretKey else { return }
            let client = try upstream.clientConfiguration()
            let result = try await UpstreamProbe(client, secret: secret, timeout: .seconds(10)).look(on: eventLoop)
            let now = Int64(Date().timeIntervalSince1970)
            UpstreamChecks(
                result,
                origin: client.origin,
                proxy: client.proxy,
                identity: upstream.clientCertificateFile.flatMap { ClientChain(file: $0) },
                now: now
            ).findings.forEach(tell)
        } catch {
            let failure = StartFailure(explaining: error)
            tell(.failure(failure.setting ?? "check_otp", failure.message, remedy: failure.remedy))
        }
    }
}
