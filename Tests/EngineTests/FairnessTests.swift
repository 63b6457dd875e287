import OTPEngine
import Testing

/// Eight call slots of 100 ms each take 76 a second; ten good commands a second have a minute each, and a flood of 160 a second with six
/// seconds each comes with them.
@Suite("Fair to everyone: a flood delays its own")
struct FairnessTests {
    private func rush(flood: Rush.Stream?) -> Rush {
        let rush = Rush(slots: 8) { $0.maximumInFlight = 8 }
        rush.streams = [Rush.Stream(partition: 0, interval: .milliseconds(100), life: .seconds(60))]
        if let flood { rush.streams.append(flood) }
        rush.run(until: .seconds(130))
        return rush
    }

    private func flood(partition: Int32, life: Duration = .seconds(6), key: String? = nil) -> Rush.Stream {
        Rush.Stream(partition: partition, interval: .nanoseconds(1_000_000_000 / 160), life: life, key: key)
    }

    private func median(_ rush: Rush) -> Duration {
        let waits = rush.waits[0, default: []].sorted()
        return waits.isEmpty ? .seconds(1_000) : waits[waits.count / 2]
    }

    /// Slots are never idle while anybody could use one.
    private func goodput(_ rush: Rush) -> Double {
        Double(rush.verified.count { $0 >= .seconds(10) && $0 < .seconds(60) }) / (50 * 8 / 0.105)
    }

    @Test func aFloodInAnotherPartitionDelaysNobodyElse() {
        let rush = rush(flood: flood(partition: 1))
        #expect(rush.waits[0]?.count == 600)
        #expect(median(rush) < .milliseconds(500), "\(median(rush))")
        #expect(goodput(rush) >= 0.9, "\(goodput(rush))")
        #expect(rush.answered == rush.arrived)
    }

    @Test func aFloodUnderOneKeyDelaysNobodyElse() {
        let rush = rush(flood: flood(partition: 0, key: "customer"))
        #expect(rush.waits[0]?.count == 600)
        #expect(median(rush) < .milliseconds(500), "\(median(rush))")
        #expect(goodput(rush) >= 0.9, "\(goodput(rush))")
    }

    /// Nothing tells it from the others there, but its short lives buy it nothing: nobody waits longer than they last.
    @Test func shortLivesDoNotOvertake() {
        let short = rush(flood: flood(partition: 0))
        #expect(short.waits[0]?.count == 600)
        #expect(median(short) < .seconds(7), "\(median(short))")
        #expect(goodput(short) >= 0.9, "\(goodput(short))")
        let long = rush(flood: flood(partition: 0, life: .seconds(60)))
        #expect(median(short) <= median(long), "\(median(short)) against \(median(long))")
    }

    @Test func theOrderIsPartitionsThenKeysThenArrival() {
        let worker = Transcript(owning: 0, 1) { $0.maximumInFlight = 1 }
        worker.receive(0, "first", "A")
        for offset: Int64 in 1...3 { worker.receive(offset, "s\(offset)", "A", expiresIn: .seconds(9)) }
        worker.receive(0, "t0", "A", in: 1)
        var order: [String] = []
        var next = "0"
        for _ in 0..<4 {
            let parts = next.split(separator: "/").map { Int64($0) ?? 0 }
            let (partition, offset) = parts.count == 2 ? (Int32(parts[0]), parts[1]) : (0, parts[0])
            worker.intentWritten(offset, in: partition)
            let lines = worker.answered(offset, in: partition, .code(1))
            let intent = lines.first { $0.hasPrefix("intent") } ?? "none none none"
            next = String(intent.split(separator: " ")[1])
            order.append(next)
        }
        #expect(order == ["1", "1/0", "2", "3"])
    }
}
