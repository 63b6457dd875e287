import OTPContract
import Testing

@Suite("Which headers of a command are taken into memory")
struct HeaderSelectionTests {
    private func kept(_ name: String) -> HeaderSelection.Rule? {
        HeaderSelection.ofCommand.rules.first { $0.name == name }
    }

    @Test func everyNameHasOneRule() {
        let names = HeaderSelection.ofCommand.rules.map(\.name)
        #expect(Set(names).count == names.count)
        let used = [
            "kafka_correlationId", "correlation_id", "traceparent", "tracestate", "ce_id", "ce_traceparent",
            "ce_tracestate", "content-type", "kafka_replyTopic", "kafka_replyPartition", "dlq_replay_count",
            "dlq_replay_of", "dlq_replay_proof",
        ]
        #expect(Set(names) == Set(used))
    }

    @Test func whatIsSentOnIsWholeOrNotThere() {
        for name in EchoHeaders.names + ["ce_traceparent"] {
            #expect(kept(name)?.bytesKept(of: EchoHeaders.maximumBytes) == EchoHeaders.maximumBytes)
            #expect(kept(name)?.bytesKept(of: EchoHeaders.maximumBytes + 1) == .some(nil))
        }
    }

    /// A proof of another length proves nothing, so the rest of it is no reason to keep it.
    @Test func aProofIsWholeOrNotThere() {
        #expect(kept("dlq_replay_proof")?.bytesKept(of: ReplayMark.proofLength) == ReplayMark.proofLength)
        #expect(kept("dlq_replay_proof")?.bytesKept(of: ReplayMark.proofLength + 1) == .some(nil))
    }

    /// Cut short, a value that is too long must still be judged as one that is.
    @Test func whatIsJudgedIsJudgedTheSameWhenItIsCut() throws {
        let long = [UInt8](repeating: UInt8(ascii: "a"), count: 10_000)
        for name in ["ce_id", "content-type", "kafka_replyTopic", "kafka_replyPartition", "dlq_replay_count"] {
            let count = try #require(kept(name)?.bytesKept(of: long.count))
            let whole = [Header(name: name, value: long)]
            let cut = [Header(name: name, value: Array(long.prefix(count)))]
            #expect(ReplyAddress(in: whole) == ReplyAddress(in: cut))
            #expect(DeadLetter.replayCount(in: whole) == DeadLetter.replayCount(in: cut))
            let coordinates = Coordinates(topic: "t", partition: 0, offset: 1)
            let decoder = CommandDecoder()
            #expect(
                decoder.decode(key: [1], value: Array("{}".utf8), headers: whole, at: coordinates)
                    == decoder.decode(key: [1], value: Array("{}".utf8), headers: cut, at: coordinates)
            )
        }
    }

    @Test func whatIsOverTheLimitIsToldByItsSizeAlone() {
        let decoder = CommandDecoder(maximumBytes: 100)
        let coordinates = Coordinates(topic: "t", partition: 0, offset: 1)
        let reading = decoder.read(key: [1], value: nil, headers: [], size: 101, at: coordinates)
        guard case .failure(let rejection) = reading.content else { return #expect(Bool(false)) }
        #expect(rejection.reason == .tooLarge)
    }
}
