import OTPContract
import OTPMonitor
import Testing
import otp_worker

/// The page that `watch` draws, by its text.
struct FleetTextTests {
    private static func event(
        _ reason: Reason = .ok,
        session: String = "s-1",
        partition: Int32 = 0,
        offset: Int64 = 0,
        took: Int64 = 40,
        inDoubt: Bool = false,
        worker: String = "worker-0"
    ) -> ResultEvent {
        ResultEvent(
            commandID: "c",
            sessionID: SessionID(session),
            status: reason.status,
            reason: reason,
            retryable: reason.status == .failed,
            inDoubt: inDoubt,
            message: "said",
            calls: 1,
            maskedPhone: "532*****42",
            receivedAt: WallTime(milliseconds: 1_795_428_000_000),
            completedAt: WallTime(milliseconds: 1_795_428_000_000 + took),
            source: Coordinates(topic: "commands", partition: partition, offset: offset),
            worker: worker
        )
    }

    private static func view() -> FleetView {
        var view = FleetView(topic: "results", group: "fleet")
        for number in 0..<1_200 {
            let event = event(partition: Int32(number % 3), offset: Int64(number), worker: "worker-\(number % 2)")
            view.result(event, at: .seconds(number / 100))
        }
        view.result(event(.wrongCode, session: "s-2", offset: 1_200, took: 90), at: .seconds(12))
        view.result(event(.outcomeUnknown, session: "s-3", offset: 1_201, took: 5_000, inDoubt: true), at: .seconds(12))
        view.lag = .known([0: 0, 1: 12, 2: 3_456])
        return view
    }

    private static func page(
        _ view: FleetView,
        width: Int = 132,
        height: Int = 40,
        at: Duration = .seconds(12)
    ) -> String {
        FleetText.lines(view, at: at, width: width, height: height).map(\.text).joined(separator: "\n")
    }

    @Test func aSessionThatWasAskedForBySeveralCommandsIsTold() {
        var view = Self.view()
        #expect(!Self.page(view).contains("act once per session"))
        var again = Self.event(session: "s-1", offset: 1_300)
        again.replayed = true
        view.result(again, at: .seconds(12))
        #expect(Self.page(view).contains("again       1 verified told to further commands: act once per session"))
    }

    @Test func theWholePage() {
        let expected = """
            results  100/s now, 100/s over 10 s, 100/s over a minute  1,202 in all
                           verified   rejected    expired    invalid     failed   in doubt   replayed
            last minute       1,200          0          0          0          0          0          0
            in all            1,200          1          0          0          1          1          0
            took        p50 40, p90 40, p99 40, p99.9 91, at most 5,000 ms
            lag         of fleet: 3,468 in 3 partitions, most in 2: 3,456

            WORKER                           PER S        IN ALL    FAILED  IN DOUBT      P50   P99 MS        SEEN
            worker-0                        50.0/s           602         1         1       40       40         now
            worker-1                        50.0/s           600         0         0       40       40     1 s ago

            PART       PER S      LAG    PART       PER S      LAG    PART       PER S      LAG
            0         33.3/s        0    1         33.3/s       12    2         33.4/s    3,456

            FAILED/DOUBT  SESSION                     STATUS    REASON                     MS  NOTE                 SOURCE
            10:00:05.000  s-3                         failed    outcome_unknown          5000  in doubt, retryable  0/1201
            """
        let page = Self.page(Self.view())
        let lines = page.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in expected.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let shown = index < lines.count ? String(lines[index]) : "nothing"
            #expect(shown == line || shown.hasPrefix(line + "  "), "\(shown)")
        }
        #expect(lines.count == 40 && page.contains("LAST"))
    }

    @Test(arguments: [(1, 1), (2, 3), (10, 6), (40, 10), (80, 24), (200, 60), (500, 500)])
    func itFitsIntoAnyTerminal(width: Int, height: Int) {
        let lines = FleetText.lines(Self.view(), at: .seconds(12), width: width, height: height)
        #expect(!lines.isEmpty && lines.count <= height)
        for line in lines { #expect(line.text.count <= width && !line.text.contains("\n"), "\(line.text)") }
        // The topic's name gives way to the figures.
        #expect(lines[0].text.first == (width >= 40 ? "r" : width > 1 ? "1" : "…"))
    }

    /// On a telephone, in a window, on a wide screen: what is there is whole.
    @Test(arguments: [40, 80, 132, 200]) func whatHasNoRoomIsLeftOutAsAWhole(width: Int) {
        let lines = FleetText.lines(Self.view(), at: .seconds(12), width: width, height: 60).map(\.text)
        #expect(lines.allSatisfy { $0.count <= width && !$0.hasSuffix("…") }, "\(lines.joined(separator: "\n"))")
        let page = lines.joined(separator: "\n")
        for word in ["1,202 in all", "verified", "WORKER", "PART", "STATUS", "SESSION"] {
            #expect(page.contains(word), "\(word) is not in:\n\(page)")
        }
        #expect(page.contains("P99 MS") == (width > 60))
    }

    @Test func anEmptyViewSaysSo() {
        let page = Self.page(FleetView(topic: "results", group: "fleet"), at: .milliseconds(100))
        #expect(page.contains("0 in all") && page.contains("nothing came in the last minute"))
        #expect(page.contains("lag         of fleet: not known yet"))
        #expect(!page.contains("WORKER"))
    }

    @Test func aLostClusterIsAnAlarm() throws {
        var view = Self.view()
        view.connection = .lost(since: .seconds(5), reason: "committed: _TRANSPORT")
        let lines = FleetText.lines(view, at: .seconds(12), width: 132, height: 40)
        let line = try #require(lines.first { $0.style == .alarm })
        #expect(line.text == "no answer from the cluster for 7 s, waiting for it: committed: _TRANSPORT")
    }

    @Test func aSilentWorkerIsAWarning() {
        let lines = FleetText.lines(Self.view(), at: .seconds(60), width: 132, height: 40)
        let workers = lines.filter { $0.text.hasPrefix("worker-") }
        #expect(workers.map(\.style) == [.warning, .warning])
        #expect(workers[0].text.hasSuffix("48 s ago"))
    }

    @Test func whatOthersWroteCannotSteerTheTerminal() {
        var view = FleetView(topic: "results", group: "fleet")
        view.result(Self.event(session: "a b", worker: "evil\u{1B}[2J\nworker"), at: .zero)
        let page = FleetText.lines(view, at: .seconds(1), width: 132, height: 40)
        #expect(page.allSatisfy { line in line.text.unicodeScalars.allSatisfy { $0.value >= 0x20 } })
    }

    @Test func nothingGrowsBeyondItsBound() {
        var view = FleetView(topic: "results", group: "fleet")
        for number in 0..<5_000 {
            let event = Self.event(.upstreamUnavailable, partition: Int32(number), worker: "worker-\(number % 200)")
            view.result(event, at: .zero)
        }
        #expect(view.rate.total == 5_000)
        #expect(view.workers.count == FleetView.Bounds.workers + 1)
        #expect(view.partitions.count == FleetView.Bounds.partitions + 1)
        #expect(view.workers.values.reduce(0) { $0 + $1.rate.total } == 5_000)
        #expect(view.partitions.values.reduce(0) { $0 + $1.total } == 5_000)
        for kept in [view.last, view.troubled] {
            #expect((FleetView.Bounds.results...FleetView.Bounds.results * 2).contains(kept.count))
            #expect(kept.last?.source.partition == 4_999 && kept.allSatisfy { $0.message == nil })
        }
        view.result(Self.event(worker: String(repeating: "w", count: 100_000)), at: .zero)
        #expect(view.last.last?.worker.count == FleetView.Bounds.nameCharacters)
    }

    @Test(arguments: [
        (0, [5, 5], [0, 0]), (10, [5, 5], [5, 5]), (10, [0, 100], [0, 10]), (20, [3, 4, 100, 100], [3, 4, 7, 6]),
        (4, [9, 9, 9], [4, 0, 0]), (2, [9, 9], [0, 0]), (100, [3, 3], [3, 3]), (7, [10, 10], [4, 3]),
    ])
    func roomIsShared(room: Int, wants: [Int], expected: [Int]) {
        #expect(FleetText.share(room, among: wants) == expected)
    }
}
