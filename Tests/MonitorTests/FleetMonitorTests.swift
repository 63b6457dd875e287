import OTPContract
import OTPMonitor
import Testing

/// What is found of a fleet, as transcripts; and that nothing grows.
struct FleetMonitorTests {
    @Test func aFleetThatIsWellHasNoFindings() {
        var story = Story()
        story.isWell()
        story.results(100)
        #expect(story.findings == [] && story.problems == [:])
    }

    @Test func aKilledWorkerIsMissed() {
        var story = Story()
        story.isWell(members: ["worker-0", "worker-1"])
        story.results(10, worker: "worker-0")
        story.results(10, worker: "worker-1")
        story.pass(.seconds(7))
        #expect(story.findings == [])
        story.isWell(members: ["worker-0"])
        #expect(story.findings == ["warning down: worker-1 is not in the group; its last result came 7 s ago"])
        story.isWell(members: [])
        #expect(story.findings.first == "critical fleet gone: the group fleet has no members")
        // Whom nobody has heard of for long is gone on purpose.
        story.isWell(members: ["worker-0"])
        story.pass(.seconds(600))
        #expect(story.findings == [])
    }

    /// It stays in the group until its session ends; a broker may take its time over that.
    @Test func aWorkerThatHasStoppedIsFoundWhileOthersAnswer() {
        var story = Story()
        for second in 0..<22 {
            story.isWell(members: ["worker-0", "worker-1"])
            story.results(5, worker: "worker-0")
            if second < 10 { story.results(5, worker: "worker-1") }
            if second == 19 { #expect(story.findings == []) }
            story.pass(.seconds(1))
        }
        #expect(story.findings == ["warning down: worker-1 has answered nothing for 13 s, while others do"])
        #expect(story.monitor.standing(of: "worker-0", at: story.now) == .member)
        // Where nobody answers, silence says nothing.
        story.pass(.seconds(12))
        story.isWell(members: ["worker-0", "worker-1"])
        #expect(story.findings == [])
    }

    @Test func aParkedPartitionIsFound() {
        var story = Story()
        for second in 0..<40 {
            story.isWell(lags: [0: 3, 1: 12])
            story.results(2, partition: 0)
            if second == 30 { #expect(story.findings == []) }
            story.pass(.seconds(1))
        }
        let parked = "critical partition parked: partition 1: 12 commands wait, and no result came from it for 30 s"
        #expect(story.findings == [parked])
        // It is worked off.
        story.isWell(lags: [0: 3, 1: 0])
        #expect(story.findings == [])
    }

    @Test func aBacklogIsTold() {
        var story = Story()
        for _ in 0..<40 {
            story.isWell(lags: [0: 9_000])
            story.results(10)
            story.pass(.seconds(1))
        }
        #expect(story.findings == ["critical backlog: 9,000 commands wait: 15 min at the present rate"])
    }

    @Test func aSlowUpstreamIsFound() {
        var story = Story()
        story.isWell()
        story.results(90, took: 100)
        story.results(19, took: 4_000)
        #expect(
            story.findings == [
                "warning answers slow: one answer in twenty took longer than 4.0 s in the last 5 minutes"
            ]
        )
        story.pass(.seconds(400))
        story.isWell()
        #expect(story.findings == [])
    }

    @Test func aGuessingAttackIsFound() {
        var story = Story()
        story.isWell()
        story.results(100)
        story.results(4, .tooManyCodes)
        #expect(story.findings == [])
        story.results(1, .tooManyCodes)
        #expect(story.findings == ["warning guessing: 5 commands were refused for too many codes in 15 minutes"])
    }

    @Test func anUpstreamThatIsAwayIsFound() {
        var story = Story()
        story.isWell()
        story.results(90)
        story.results(10, .upstreamUnavailable)
        #expect(
            story.findings == [
                "critical answers fail: 10 % of the results of 5 minutes have no verdict: upstream_unavailable 10",
                "critical upstream fails: 10 % of the results of 2 minutes: the upstream was not to be had",
            ]
        )
    }

    @Test func aRefusedKeyIsFound() {
        var story = Story()
        story.isWell()
        story.results(1, .upstreamHalted)
        #expect(
            story.findings == [
                "critical upstream halted: the upstream refuses the key or the account: 1 results in 2 minutes"
            ]
        )
    }

    @Test func theOtherThresholds() {
        var story = Story()
        story.isWell()
        story.results(70)
        story.results(12, httpStatus: 429)
        story.results(8, .deadlinePassed, httpStatus: nil)
        story.results(8, .invalid(.malformed), httpStatus: nil)
        story.results(6, .wrongCode, inDoubt: true)
        story.tell(.letter(Story.letter(.undecodable), written: story.now.wall))
        #expect(
            story.findings.map { $0.prefix { $0 != ":" } } == [
                "critical answers expire", "critical records undecodable", "warning upstream throttles",
                "warning answers in doubt", "warning commands invalid",
            ]
        )
    }

    @Test func whatIsReadLateIsHistoryAndNotLive() {
        var story = Story()
        story.pass(.seconds(300))
        story.tell(.result(Story.event(at: Story.start)))
        #expect(story.monitor.view.rate.total == 0)
        #expect(story.monitor.history.total(last: 10, at: story.now.wall).results == 1)
        #expect(story.monitor.results.count == 1)
    }

    @Test func nothingGrowsBeyondItsBound() {
        var story = Story()
        let long = String(repeating: "w", count: 1_000)
        for number in 0..<40_000 {
            let worker = number < 300 ? "\(number)\(long)" : "worker"
            story.tell(.result(Story.event(.outcomeUnknown, offset: Int64(number), worker: worker)))
            if number < 5_000 { story.tell(.letter(Story.letter(offset: Int64(number)), written: Story.start)) }
        }
        let monitor = story.monitor
        #expect(monitor.results.count == FleetMonitor.Bounds.results)
        #expect(monitor.troubled.count == FleetMonitor.Bounds.troubled)
        #expect(monitor.letters.count == FleetMonitor.Bounds.letters)
        #expect(monitor.troubled.newest(1).first?.offset == 39_999)
        #expect(monitor.results.newest(100).map(\.offset) == Array((39_900..<40_000).reversed()))
        #expect(monitor.results.newest(.max).allSatisfy { $0.worker.count <= FleetView.Bounds.nameCharacters })
        let names = Set(monitor.results.newest(.max).map(\.worker))
        #expect(names == [FleetView.otherWorkers])
        story.tell(.group(.known(state: "Stable", members: (0..<1_000).map { "\($0)\(long)" })))
        guard case .known(_, let members) = story.monitor.group else { return #expect(Bool(false)) }
        #expect(members.count == FleetMonitor.Bounds.members && members.allSatisfy { $0.count <= 64 })
    }

    /// The promise that the help and the article make, in bytes.
    @Test func theBoundInBytesIsTrue() {
        let text = 256 + 48
        let results = FleetMonitor.Bounds.results + FleetMonitor.Bounds.troubled
        let entries = results * (MemoryLayout<SeenResult>.stride + text)
        let letters = FleetMonitor.Bounds.letters * (MemoryLayout<SeenLetter>.stride + text)
        let minute = 2_048 + 64 + History.Counter.allCases.count * 4 + MemoryLayout<LatencyHistogram?>.stride + 16
        let whole = entries + letters + History.minutes * minute + 3_000_000
        #expect(whole <= 32_000_000, "\(whole): \(MemoryLayout<SeenResult>.stride) \(MemoryLayout<SeenLetter>.stride)")
    }
}
