import OTPContract
import OTPKafka
import OTPWorker
import Testing

/// A replay's proof: who can make one, and what it is good for.
struct ReplayKeyTests {
    private static let key = ReplayKey(secret: Secret("sck_one"))
    private static let mark = ReplayMark(original: coordinates(1), count: 2)

    private static func coordinates(_ offset: Int64) -> Coordinates {
        Coordinates(topic: "commands", partition: 3, offset: offset)
    }

    /// A replay of `commands/3/1`, its second, as a worker reads it.
    private static func replay(
        of original: String = "commands/3/1",
        count: String = "2",
        proof: [UInt8]? = key.proof(of: mark, key: Array("key".utf8), value: Array("value".utf8))
    ) -> ConsumedRecord {
        ConsumedRecord(
            topic: "commands",
            partition: 3,
            offset: 42,
            key: Array("key".utf8),
            value: Array("value".utf8),
            headers: [
                Header(name: "dlq_replay_count", text: count), Header(name: "dlq_replay_of", text: original),
                Header(name: "dlq_replay_proof", value: proof),
            ]
        )
    }

    /// Workers and replays of any version agree.
    ///
    /// The texts were computed by another implementation of HKDF and HMAC.
    @Test func proofsNeverChange() {
        let proof = Self.key.proof(of: Self.mark, key: Array("key".utf8), value: Array("value".utf8))
        #expect(String(decoding: proof, as: UTF8.self) == "2702b56aca8cc0399ae19d5493260fb6")
        let empty = Self.key.proof(of: Self.mark, key: nil, value: [])
        #expect(String(decoding: empty, as: UTF8.self) == "a69566ede0ec4b8c9e7c409c33b64ea5")
        #expect(proof.count == ReplayMark.proofLength)
    }

    @Test func aProofIsGoodForItsOwnRecordAndMark() {
        #expect(Self.key.replayCount(of: Self.replay()) == 2)
        #expect(Self.key.replayCount(of: Self.replay(of: "commands/3/2")) == 0)
        #expect(Self.key.replayCount(of: Self.replay(count: "3")) == 0)
        var other = Self.replay()
        other.value = Array("another".utf8)
        other.valueSize = 7
        #expect(Self.key.replayCount(of: other) == 0)
        other = Self.replay()
        other.key = Array("yek".utf8)
        #expect(Self.key.replayCount(of: other) == 0)
    }

    /// What a producer can write of its own.
    @Test(arguments: [
        nil, "", "0", String(repeating: "0", count: 32), String(repeating: "0", count: 33), "dlq_replay_proof",
    ])
    func aForgedProofCountsForNothing(text: String?) {
        #expect(Self.key.replayCount(of: Self.replay(proof: text.map { Array($0.utf8) })) == 0)
    }

    @Test func eachCharacterOfAProofCounts() {
        let proof = Self.key.proof(of: Self.mark, key: Array("key".utf8), value: Array("value".utf8))
        for index in proof.indices {
            var broken = proof
            broken[index] ^= 1
            #expect(Self.key.replayCount(of: Self.replay(proof: broken)) == 0)
        }
        #expect(Self.key.replayCount(of: Self.replay(proof: Array(proof.dropLast()))) == 0)
        #expect(Self.key.replayCount(of: Self.replay(proof: proof + [0x30])) == 0)
    }

    @Test func anotherSecretsProofCountsForNothing() {
        let other = ReplayKey(secret: Secret("sck_two"))
        #expect(other.replayCount(of: Self.replay()) == 0)
    }

    /// A worker keeps the beginning of a long key, and of a value over its limit nothing.
    @Test func whatIsProvenIsWhatAWorkerReads() {
        let long = [UInt8](repeating: 7, count: 3_000)
        var record = Self.replay(proof: Self.key.proof(of: Self.mark, key: long, value: Array("value".utf8)))
        record.key = Array(long.prefix(DeadLetter.maximumKeyBytes))
        record.keySize = 3_000
        #expect(Self.key.replayCount(of: record) == 2)
        record.keySize = 3_001
        #expect(Self.key.replayCount(of: record) == 0)
        var unread = Self.replay()
        unread.value = nil
        #expect(Self.key.replayCount(of: unread) == 0)
        let ofNone = Self.key.proof(of: Self.mark, key: Array("key".utf8), value: nil)
        unread = Self.replay(proof: ofNone)
        unread.value = nil
        #expect(Self.key.replayCount(of: unread) == 0, "a value that was not read is not none")
    }

    @Test func theLedgersOwnSecretComesFirst() {
        var configuration = WorkerConfiguration()
        #expect(configuration.digestSecret == nil)
        configuration.checkOTP.secretKey = Secret("sck_one")
        #expect(configuration.digestSecret?.revealed == "sck_one")
        configuration.ledger.secret = Secret("another")
        #expect(configuration.digestSecret?.revealed == "another")
    }
}
