import OTPEngine
import Testing

@Suite("The circuit breaker, transition by transition")
struct CircuitBreakerTests {
    private func id(_ offset: Int64) -> RecordID {
        RecordID(epoch: PartitionEpoch(partition: 0, epoch: 1), offset: offset)
    }

    /// Every record is of a session of its own.
    private func session(_ number: Int64) -> SessionDigest { SessionDigest(high: 0, low: UInt64(number)) }

    private func breaker(consecutive: Int = 3, minimum: Int = 1_000) -> CircuitBreaker {
        CircuitBreaker(
            .init(
                consecutiveFailures: consecutive,
                failureShare: 0.5,
                minimumCalls: minimum,
                window: .seconds(10),
                openDuration: .seconds(1),
                maxOpenDuration: .seconds(4)
            )
        )
    }

    private func opened(_ breaker: CircuitBreaker) -> Instant? {
        if case .open(let until) = breaker.state { until } else { nil }
    }

    @Test func itOpensProbesAndCloses() throws {
        var random = SplitMix64(seed: 1)
        var breaker = breaker()
        #expect(breaker.failed(id(1), of: session(1), at: .seconds(1), using: &random) == nil)
        #expect(breaker.failed(id(2), of: session(2), at: .seconds(1), using: &random) == nil)
        #expect(breaker.gate(at: .seconds(1)) == .open)
        let change = breaker.failed(id(3), of: session(3), at: .seconds(1), using: &random)
        let until = try #require(opened(breaker))
        #expect(change == .opened(until: until))
        #expect(until >= .seconds(1.5) && until <= .seconds(2))
        #expect(breaker.gate(at: .seconds(1.4)) == .closed(until: until))
        #expect(breaker.gate(at: until) == .probe)
        breaker.probed(with: id(4))
        #expect(breaker.gate(at: .seconds(3)) == .closed(until: nil))
        #expect(breaker.succeeded(id(4), at: .seconds(3)) == .closed)
        #expect(breaker.gate(at: .seconds(3)) == .open)
    }

    @Test func onlyTheProbeDecides() {
        var random = SplitMix64(seed: 1)
        var breaker = breaker(consecutive: 2)
        _ = breaker.failed(id(1), of: session(1), at: .seconds(1), using: &random)
        _ = breaker.failed(id(5), of: session(5), at: .seconds(1), using: &random)
        #expect(breaker.succeeded(id(2), at: .seconds(1)) == nil)
        #expect(breaker.failed(id(3), of: session(3), at: .seconds(1), using: &random) == nil)
        #expect(!breaker.isClosed)
        breaker.probed(with: id(4))
        #expect(breaker.succeeded(id(2), at: .seconds(3)) == nil)
        #expect(breaker.failed(id(3), of: session(3), at: .seconds(3), using: &random) == nil)
        #expect(breaker.isProbe(id(4)))
    }

    @Test func aSuccessBetweenEndsTheRow() {
        var random = SplitMix64(seed: 1)
        var breaker = breaker()
        for round: Int64 in 0..<20 {
            #expect(breaker.failed(id(round), of: session(round), at: .seconds(1), using: &random) == nil)
            #expect(breaker.failed(id(round), of: session(round + 100), at: .seconds(1), using: &random) == nil)
            #expect(breaker.succeeded(id(round), at: .seconds(1)) == nil)
        }
        #expect(breaker.isClosed)
    }

    @Test func aShareOfFailuresOpensItAndWhatIsLongAgoDoesNotCount() {
        var random = SplitMix64(seed: 1)
        var breaker = breaker(minimum: 10)
        func play(from second: Double) -> Bool {
            for call in 0..<5 {
                let now = Instant.seconds(second + Double(call))
                _ = breaker.succeeded(id(0), at: now)
                if breaker.failed(id(1), of: session(Int64(call)), at: now, using: &random) != nil { return true }
            }
            return false
        }
        _ = breaker.succeeded(id(0), at: .seconds(0.5))
        // One failure short of half, so far.
        #expect(play(from: 1) == false)
        #expect(breaker.succeeded(id(0), at: .seconds(12)) == nil)
        #expect(breaker.isClosed)
        #expect(play(from: 30) == true)
    }

    @Test func oneSessionAloneNeverOpensIt() {
        var random = SplitMix64(seed: 1)
        var breaker = breaker(consecutive: 2, minimum: 4)
        for call: Int64 in 0..<50 {
            #expect(breaker.failed(id(call), of: session(1), at: .seconds(1), using: &random) == nil)
        }
        #expect(breaker.isWitness(session(1)))
        #expect(!breaker.isWitness(session(2)))
        #expect(breaker.failed(id(60), of: session(2), at: .seconds(1), using: &random) != nil)
    }

    /// Whose call it was is not known once its partition is gone: it may have been the one session that fails.
    @Test func aFailureOfNobodyKnownIsNoSecondSession() {
        var random = SplitMix64(seed: 1)
        var breaker = breaker(minimum: 2)
        for call: Int64 in 0..<20 {
            #expect(breaker.failed(id(call), of: session(1), at: .seconds(1), using: &random) == nil)
            #expect(breaker.failed(id(call + 100), of: nil, at: .seconds(1), using: &random) == nil)
        }
        #expect(breaker.failed(id(60), of: session(2), at: .seconds(1), using: &random) != nil)
    }

    @Test func byDefaultNobodyWhoIsServedIsTakenForAnOutage() {
        var random = SplitMix64(seed: 1)
        var breaker = CircuitBreaker(.init())
        for call: Int64 in 0..<1_000 {
            let change = breaker.failed(id(call), of: session(call), at: .seconds(1), using: &random)
            #expect(change == nil)
            if call.isMultiple(of: 9) { _ = breaker.succeeded(id(call), at: .seconds(1)) }
        }
    }

    @Test func itStaysOpenLongerEachTimeUpToTheLongestAndNoTwoAlike() throws {
        var waits: [Duration] = []
        var random = SplitMix64(seed: 7)
        var breaker = breaker(consecutive: 2)
        var now = Instant.seconds(1)
        _ = breaker.failed(id(0), of: session(0), at: now, using: &random)
        _ = breaker.failed(id(0), of: session(9), at: now, using: &random)
        for probe: Int64 in 1...5 {
            let until = try #require(opened(breaker))
            waits.append(until - now)
            now = until
            breaker.probed(with: id(probe))
            _ = breaker.failed(id(probe), of: session(probe), at: now, using: &random)
        }
        for (wait, longest) in zip(waits, [1, 2, 4, 4, 4]) {
            #expect(wait >= .seconds(longest) / 2 && wait <= .seconds(longest))
        }
        #expect(Set(waits).count == 5)
    }

    @Test func aProbeThatIsNotAskedMakesRoomForAnother() {
        var random = SplitMix64(seed: 1)
        var breaker = breaker(consecutive: 2)
        _ = breaker.failed(id(0), of: session(0), at: .seconds(1), using: &random)
        _ = breaker.failed(id(0), of: session(9), at: .seconds(1), using: &random)
        breaker.probed(with: id(1))
        breaker.released(id(2), at: .seconds(3))
        #expect(breaker.isProbe(id(1)))
        breaker.released(id(1), at: .seconds(3))
        #expect(breaker.gate(at: .seconds(3)) == .probe)
    }

    @Test func beingBusyIsBeingThere() {
        var random = SplitMix64(seed: 1)
        var breaker = breaker(consecutive: 2)
        _ = breaker.failed(id(0), of: session(0), at: .seconds(1), using: &random)
        _ = breaker.failed(id(0), of: session(9), at: .seconds(1), using: &random)
        breaker.probed(with: id(1))
        #expect(breaker.lived(id(0), at: .seconds(3)) == nil)
        #expect(breaker.lived(id(1), at: .seconds(3)) == .closed)
    }
}
