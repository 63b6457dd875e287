import OTPEngine
import Testing

@Suite("Too much, and nothing at all: overload and outage")
struct OverloadTests {
    /// Eight call slots of 100 ms each take 80 a second, and twice as many come.
    ///
    /// The bound of calls at a time is the worker's own, or far above what the upstream takes.
    @Test(arguments: [8, 32])
    func twiceTheCapacityLosesNoneOfIt(maximumInFlight: Int) {
        let rush = Rush(slots: 8) { $0.maximumInFlight = maximumInFlight }
        rush.interval = .nanoseconds(1_000_000_000 / 160)
        rush.run(until: .seconds(70))
        // An intent takes 5 ms of a slot, which counts where slots are short.
        let capacity = 8 / (maximumInFlight > 8 ? 0.1 : 0.105)
        let goodput = rush.verified.count { $0 >= .seconds(10) && $0 < .seconds(60) }
        #expect(Double(goodput) >= 0.9 * capacity * 50, "\(goodput) of \(capacity * 50)")
        #expect(rush.answered == rush.arrived)
        // What cannot make it costs no call.
        let verified = rush.results["ok"] ?? 0
        let expired = rush.results["deadline_passed"] ?? 0
        #expect(Double(rush.calls.count) <= Double(verified) * 1.03, "\(rush.calls.count) calls, \(rush.results)")
        #expect(verified + expired >= rush.arrived * 99 / 100, "\(rush.results)")
    }

    /// An hour without the upstream, five commands in two seconds, and a limit of four calls a second.
    @Test(arguments: [UpstreamAnswer.status(503), .notSent, .status(401)])
    func anHourOfOutageEndsWithoutAHerd(_ answer: UpstreamAnswer) {
        let outage = Instant.seconds(60)..<Instant.seconds(3_660)
        let rush = Rush(slots: 100) { $0.protection.rateLimit = 4 }
        rush.interval = .milliseconds(400)
        rush.life = .seconds(60)
        rush.arrivalsEnd = .seconds(3_760)
        rush.trouble = { outage.contains($0) ? answer : nil }
        rush.run(until: .seconds(3_830))

        #expect(rush.answered == rush.arrived)
        let verified = rush.results["ok"] ?? 0
        #expect(verified >= 300, "\(rush.results)")
        // While it is away, it is asked now and then.
        #expect(rush.calls.count { outage.contains($0) } < 400)
        // It is found to be back within the longest wait for a probe, and everybody is answered from then on.
        #expect(rush.status().upstream.state == .serving)
        let back = rush.calls.first { $0 >= outage.upperBound } ?? .distantFuture
        #expect(back < outage.upperBound + .seconds(31))
        for second in 0..<10 {
            let from = back + .seconds(second)
            let calls = rush.calls.count { $0 >= from && $0 < from + .seconds(1) }
            #expect(calls <= 5, "second \(second)")
        }
        #expect(rush.mostInMemory < 50)
        #expect(rush.mostWaiting < 100)
    }
}
