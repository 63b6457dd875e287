import OTPContract
import OTPMonitor
import Testing

/// The minutes that are kept: what is filed where, and what is forgotten.
struct HistoryTests {
    private static let start = Story.start
    private static func after(_ seconds: Int64) -> WallTime {
        WallTime(milliseconds: start.milliseconds + seconds * 1_000)
    }

    @Test func aResultIsFiledUnderTheMinuteInWhichItWasMade() {
        var history = History()
        let now = Self.after(150)
        history.result(Story.event(.ok, took: 10, at: Self.after(5)), at: now)
        history.result(Story.event(.wrongCode, took: 30, at: Self.after(65)), at: now)
        history.result(Story.event(.upstreamUnavailable, took: 900, inDoubt: true, httpStatus: 503, at: now), at: now)
        let spans = history.spans(last: 3, at: now)
        #expect(spans.map(\.start) == [Self.start, Self.after(60), Self.after(120)])
        #expect(spans.map(\.results) == [1, 1, 1])
        #expect(spans.map { $0[.verified] } == [1, 0, 0] && spans.map { $0[.wrongCode] } == [0, 1, 0])
        #expect(spans[2][.failed] == 1 && spans[2][.inDoubt] == 1 && spans[2][.serverErrors] == 1)
        #expect(spans.map { $0.latency.maximum } == [10, 30, 900])
        // Of the running minute half has passed.
        #expect(spans.map(\.seconds) == [60, 60, 30])
    }

    @Test func aClockThatIsAheadFilesUnderNow() {
        var history = History()
        history.result(Story.event(at: Self.after(3_600)), at: Self.start)
        #expect(history.total(last: 1, at: Self.start).results == 1)
        #expect(history.total(last: 1, at: Self.after(3_600)).results == 0)
    }

    @Test func aDayIsKeptAndNotMore() {
        var history = History()
        history.result(Story.event(at: Self.start), at: Self.start)
        let day = Int64(History.minutes) * 60
        #expect(history.total(last: History.minutes, at: Self.after(day - 60)).results == 1)
        #expect(history.total(last: History.minutes, at: Self.after(day)).results == 0)
        // What is older than the day is not filed, and what has its slot is not lost for it.
        history.result(Story.event(.wrongCode, at: Self.after(day)), at: Self.after(day))
        history.result(Story.event(at: Self.start), at: Self.after(day))
        let last = history.total(last: 1, at: Self.after(day))
        #expect(last[.rejected] == 1 && last[.verified] == 0 && last.latency.count == 1)
    }

    @Test func spansOfSeveralMinutesBeginAtWholeMultiples() {
        var history = History()
        for minute in 0..<60 {
            let time = Self.after(Int64(minute) * 60)
            history.result(Story.event(took: Int64(minute), at: time), at: time)
            history.lag(Int64(minute), at: time)
        }
        let now = Self.after(59 * 60 + 30)
        let spans = history.spans(last: 60, step: 15, at: now)
        #expect(spans.count == 4 && spans.map(\.results) == [15, 15, 15, 15])
        #expect(spans.map(\.lag) == [14, 29, 44, 59])
        #expect(spans.allSatisfy { $0.start.milliseconds % 900_000 == 0 })
        #expect(history.spans(last: 1_440, step: 15, at: now).count == 96)
        #expect(history.spans(last: 60, at: Self.after(60 * 60)).last?.lag == nil)
    }

    @Test func sharesAreOfResults() {
        var history = History()
        #expect(history.total(last: 5, at: Self.start).share(of: .failed) == 0)
        for _ in 0..<3 { history.result(Story.event(at: Self.start), at: Self.start) }
        history.result(Story.event(.sessionBusy, at: Self.start), at: Self.start)
        #expect(history.total(last: 5, at: Self.start).share(of: .failed) == 0.25)
        history.deadLetter(written: Self.start, at: Self.start)
        #expect(history.total(last: 5, at: Self.start)[.deadLetters] == 1)
        #expect(history.total(last: 5, at: Self.start).results == 4)
    }

    @Test func everyReasonThatAStatusHasSeveralOfIsCounted() {
        for reason in Reason.coded where reason.status == .failed || reason.status == .rejected {
            var history = History()
            history.result(Story.event(reason, at: Self.start), at: Self.start)
            let span = history.total(last: 1, at: Self.start)
            let counted = History.Counter.allCases.filter { span[$0] > 0 && $0 != .calls }
            #expect(counted.count == 2, "\(reason): \(counted)")
        }
    }
}
