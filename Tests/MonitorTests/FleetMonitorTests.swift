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
        story.isWell(lags: [0: 3, 1: 12], owners: [0: "worker-0", 1: "worker-1"])
        #expect(story.findings == ["\(parked); worker-1 has it, and its /ready says why"])
        // Named by its shortest, for a page must hold it.
        story.isWell(lags: [0: 3, 1: 12], owners: [1: String(repeating: "w", count: 1_000)])
        #expect(story.findings == ["\(parked); \(String(repeating: "w", count: 64)) has it, and its /ready says why"])
        story.isWell(lags: [0: 3, 1: 12], owners: [0: "worker-0"])
        #expect(story.findings == ["\(parked); the group has given it to nobody"])
        // It is worked off.
        story.isWell(lags: [0: 3, 1: 0])
        #expect(story.findings == [])
    }

    /// A broker that does not tell who has what: the results do.
    @Test func aParkedPartitionNamesWhoAnsweredItLast() {
        var story = Story()
        story.results(1, partition: 1, worker: "worker-7")
        for _ in 0..<40 {
            story.isWell(lags: [1: 1])
            story.pass(.seconds(1))
        }
        #expect(
            story.findings.first?.hasSuffix("no result came from it for 30 s; its last result was worker-7's") == true
        )
    }

    @Test func manyParkedPartitionsAreCounted() {
        var story = Story()
        let lags = Dictionary(uniqueKeysWithValues: (0..<12).map { (Int32($0), Int64(2)) })
        for _ in 0..<40 {
            story.isWell(lags: lags)
            story.pass(.seconds(1))
        }
        let parked = story.findings.filter { $0.hasPrefix("critical partition parked: ") }
        #expect(parked.count == Reading.Bounds.named + 1)
        #expect(parked.last == "critical partition parked: and 4 partitions more, which are marked below")
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
                "warning answers slow: one answer in twenty took longer than 4.0 s in the last 5 minutes, of worker-0"
            ]
        )
        // What needed no call is quick, so what is slow is what is called.
        story.results(5, .wrongCode, took: 12, calls: 0)
        let words = "those that needed no call took 12 ms: it is the upstream"
        let said = "one answer in twenty took longer than 4.0 s in the last 5 minutes, of worker-0; \(words)"
        #expect(story.findings == ["warning upstream slow: \(said)"])
        story.pass(.seconds(400))
        story.isWell()
        #expect(story.findings == [])
    }

    @Test func slownessSaysWhose() {
        var story = Story()
        story.isWell(members: ["worker-0", "worker-1", "worker-2"])
        story.results(30, took: 4_000, worker: "worker-0")
        story.results(30, took: 20, worker: "worker-1")
        story.results(30, took: 20, worker: "worker-2")
        let slow = "warning answers slow: one answer in twenty took longer than 4.0 s in the last 5 minutes"
        #expect(story.findings == ["\(slow), of worker-0 and not of 2 others"])
        story.results(30, took: 4_000, worker: "worker-1")
        story.results(30, took: 4_000, worker: "worker-2")
        #expect(story.findings == ["\(slow), of all 3 workers alike"])
        // Answers without a call are slow as well: commits, or the loop.
        story.results(5, .wrongCode, took: 3_000, calls: 0)
        #expect(story.findings.first?.hasSuffix("took 3.0 s too: it is not the upstream alone") == true)
        #expect(story.findings.first?.hasPrefix("warning answers slow: ") == true)
        // One whose time was over has waited for it, and tells nothing.
        var other = Story()
        other.isWell()
        other.results(30, took: 4_000)
        other.results(5, .deadlinePassed, took: 120_000, calls: 0)
        #expect(other.findings.contains { $0.hasSuffix("in the last 5 minutes, of worker-0") })
    }

    @Test func aGuessingAttackIsFound() {
        var story = Story()
        story.isWell()
        story.results(100)
        story.results(4, .tooManyCodes)
        #expect(story.findings == [])
        story.results(1, .tooManyCodes)
        let said = "commands were refused for too many codes in 15 minutes in"
        #expect(story.findings == ["warning guessing: 5 \(said) 1 session"])
        story.results(2, .tooManyCodes, session: "s-2")
        story.results(7, .tooManyCodes, session: "s-3")
        story.results(3, .tooManyCodes, session: "s-4")
        #expect(story.findings == ["warning guessing: 17 \(said) 4 sessions"])
        // Where to begin: those with the most.
        let finding = story.monitor.findings(at: story.now).first
        #expect(finding?.sessions.map(\.text) == ["s-3", "s-1", "s-4"])
        for number in 0..<2_000 { story.results(1, .tooManyCodes, session: "n-\(number)") }
        #expect(story.monitor.guesses.count == FleetMonitor.Bounds.guesses)
        #expect(story.findings.contains("warning guessing: 2,017 \(said) 1,024 sessions or more"))
        story.pass(.seconds(1_000))
        story.isWell()
        #expect(story.findings == [])
    }

    /// One who stays below the limit of each session is found by what most codes come to.
    @Test func codesThatAreMostlyWrongAreFound() {
        var story = Story()
        story.isWell()
        story.results(19, .wrongCode)
        #expect(story.findings == [])
        story.results(21, .wrongCode)
        story.results(30)
        let words = "somebody tries codes, or a form sends what it should not"
        #expect(story.findings == ["warning guessing: 57 % of the codes of 15 minutes were wrong: \(words)"])
        story.results(10)
        #expect(story.findings == [])
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
        guard case .known(_, let members, _) = story.monitor.group else { return #expect(Bool(false)) }
        #expect(members.count == FleetMonitor.Bounds.members && members.allSatisfy { $0.count <= 64 })
    }

    /// The promise that the help and the article make, in bytes.
    @Test func theBoundInBytesIsTrue() {
        let text = 256 + 48
        let results = FleetMonitor.Bounds.results + FleetMonitor.Bounds.troubled + FleetMonitor.Bounds.guesses
        let entries = results * (MemoryLayout<SeenResult>.stride + text)
        let letters = FleetMonitor.Bounds.letters * (MemoryLayout<SeenLetter>.stride + text)
        let minute = 2_048 + 64 + History.Counter.allCases.count * 4 + MemoryLayout<LatencyHistogram?>.stride + 16
        let whole = entries + letters + History.minutes * minute + 3_000_000
        #expect(whole <= 32_000_000, "\(whole): \(MemoryLayout<SeenResult>.stride) \(MemoryLayout<SeenLetter>.stride)")
    }
}
