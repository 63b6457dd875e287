import OTPContract
import Testing

@Suite("Headers that go along, and dead letters")
struct HeaderTests {
    private func header(_ name: String, bytes: Int) -> Header {
        Header(name: name, value: [UInt8](repeating: 0x61, count: bytes - name.utf8.count))
    }

    @Test func onlyWhatClientsAndTracersNeedIsEchoed() {
        let kept = [
            Header(name: "tracestate", text: "a=b"), Header(name: "kafka_correlationId", value: [0, 0xff, 0x80]),
            Header(name: "correlation_id", value: nil), Header(name: "traceparent", text: "00-1-2-01"),
            Header(name: "correlation_id", text: "again"),
        ]
        let dropped = ["authorization", "Correlation_id", "ce_id", "kafka_replyTopic", "x", ""].map {
            Header(name: $0, text: "v")
        }
        var mixed: [Header] = []
        for index in 0..<max(kept.count, dropped.count) {
            if index < dropped.count { mixed.append(dropped[index]) }
            if index < kept.count { mixed.append(kept[index]) }
        }
        #expect(EchoHeaders.select(from: mixed) == kept)
        #expect(EchoHeaders.select(from: []) == [])
    }

    @Test func theEchoIsCapped() {
        let correlation = header("kafka_correlationId", bytes: 4096)
        let fits = header("tracestate", bytes: 4096)
        let over = header("tracestate", bytes: 4097)
        #expect(EchoHeaders.select(from: [fits, correlation]) == [fits, correlation])
        #expect(
            EchoHeaders.select(from: [over, correlation]) == [correlation],
            "correlation outranks tracing, whatever the order"
        )
        #expect(EchoHeaders.select(from: [header("correlation_id", bytes: 8193)]) == [])
        let many = Array(repeating: Header(name: "traceparent", value: nil), count: 100_000)
        #expect(EchoHeaders.select(from: many).count == 8192 / "traceparent".utf8.count)
    }

    private func deadLetter(key: [UInt8]? = Sample.key, headers: [Header] = []) -> DeadLetter {
        DeadLetter(
            source: Coordinates(topic: "otp.verify.commands", partition: 258, offset: 0x0102_0304_0506_0708),
            timestamp: WallTime(milliseconds: -1),
            key: key,
            consumerGroup: "otp-worker",
            reason: .field(.phone),
            headers: headers,
            replayCount: 2
        )
    }

    /// The formats of Spring's `DeadLetterPublishingRecoverer`, so that its readers understand ours.
    @Test func deadLetterHeadersAreAsTheGoldenFileSays() throws {
        let letter = deadLetter(headers: [
            Header(name: "secret", text: "ZQ7MARK"), Header(name: "traceparent", text: "00-1-2-01"),
        ])
        let lines = letter.headersForRecord().map { header in
            "\(header.name) \((header.value ?? []).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())"
        }
        #expect(try lines == Golden.lines("dead-letter-v1-headers.txt"))
    }

    @Test func aDeadLetterIsReadBack() throws {
        let letter = deadLetter(headers: [Header(name: "traceparent", text: "00-1-2-01")])
        let headers = letter.headersForRecord()
        #expect(DeadLetter(key: letter.key, value: nil, headers: headers) == letter)
        for name in ["topic", "partition", "offset", "timestamp"] {
            let without = headers.filter { $0.name != "kafka_dlt-original-\(name)" }
            #expect(DeadLetter(key: nil, value: nil, headers: without) == nil, "\(name)")
        }
        let narrow = headers + [Header(name: "kafka_dlt-original-partition", value: [1, 2])]
        #expect(DeadLetter(key: nil, value: nil, headers: narrow) == nil)
        let foreign = headers + [Header(name: "kafka_dlt-exception-message", text: "NullPointerException")]
        #expect(DeadLetter(key: nil, value: nil, headers: foreign) == nil)
    }

    @Test func aDeadLetterIsCapped() {
        #expect(deadLetter(key: [UInt8](repeating: 7, count: 5000)).key == [UInt8](repeating: 7, count: 1024))
        #expect(deadLetter(key: nil).key == nil)
        #expect(deadLetter(headers: [header("tracestate", bytes: 8193)]).headers == [])
    }

    @Test(arguments: [
        ("3", 3), ("0", 0), ("", 0), ("-1", 0), ("x", 0), ("99999999999999999999", 0), ("999999999", 999_999_999),
    ])
    func theReplayCountIsReadBack(text: String, count: Int) {
        #expect(DeadLetter.replayCount(in: [Header(name: "dlq_replay_count", text: text)]) == count)
    }

    /// Any producer can write all three; what no replay would write is not believed, whatever its proof.
    @Test func aCommandsOwnReplayCountIsBelievedWithAProofAlone() {
        let coordinates = Coordinates(topic: "commands", partition: 3, offset: 42)
        let of = Header(name: "dlq_replay_of", text: "commands/3/1")
        let proof = Header(name: "dlq_replay_proof", text: "proof")
        func count(_ headers: [Header]) -> Int {
            DeadLetter.replayCount(ofCommandWith: headers, at: coordinates) { mark, proof in
                mark.original.offset == 1 && proof == Array("proof".utf8)
            }
        }
        func claim(_ text: String) -> Header { Header(name: "dlq_replay_count", text: text) }
        #expect(count([of, claim("3"), proof]) == 3)
        #expect(count([proof, claim("100"), of]) == 100)
        #expect(count([of, claim("101"), proof]) == 100)
        #expect(count([of, claim("999999999"), proof]) == 100)
        #expect(count([of, of, claim("3"), proof]) == 0)
        #expect(count([of, claim("1"), claim("3"), proof]) == 0)
        #expect(count([of, claim("3"), proof, proof]) == 0)
        #expect(count([claim("3"), proof]) == 0)
        #expect(count([of, proof]) == 0)
        #expect(count([of, claim("3")]) == 0)
        #expect(count([of, claim("3"), Header(name: "dlq_replay_proof", value: nil)]) == 0)
        #expect(count([of, claim("3"), Header(name: "dlq_replay_proof", text: "another")]) == 0)
    }

    /// The proof is over the mark as it is written, not over what is made of it.
    @Test func theProofIsOfWhatTheHeadersSay() {
        var asked: [ReplayMark] = []
        let headers = [
            Header(name: "dlq_replay_of", text: "commands/3/1"), Header(name: "dlq_replay_count", text: "101"),
            Header(name: "dlq_replay_proof", text: "p"),
        ]
        let coordinates = Coordinates(topic: "commands", partition: 3, offset: 42)
        let count = DeadLetter.replayCount(ofCommandWith: headers, at: coordinates) { mark, _ in
            asked.append(mark)
            return true
        }
        let original = Coordinates(topic: "commands", partition: 3, offset: 1)
        #expect(count == 100 && asked == [ReplayMark(original: original, count: 101)])
    }

    @Test func whatAProofIsMadeOverTellsAllApart() {
        func statement(
            _ topic: String = "t",
            _ partition: Int32 = 3,
            _ offset: Int64 = 1,
            count: Int = 1,
            key: String? = "k",
            keySize: Int? = nil,
            value: String? = "v"
        ) -> [UInt8] {
            ReplayMark(original: Coordinates(topic: topic, partition: partition, offset: offset), count: count)
                .statement(
                    key: key.map { Array($0.utf8) },
                    keySize: keySize ?? key?.utf8.count ?? 0,
                    value: value.map { Array($0.utf8) }
                )
        }
        let statements = [
            statement(), statement("u"), statement("t", 4), statement("t", 3, 2), statement(count: 2),
            statement(key: "l"), statement(key: nil), statement(key: ""), statement(key: "k", keySize: 2),
            statement(value: "w"), statement(value: nil), statement(value: ""), statement(key: "kv", value: ""),
            statement(key: "", value: "kv"),
        ]
        #expect(Set(statements).count == statements.count)
        let long = String(repeating: "k", count: 3_000)
        let cut = String(long.prefix(DeadLetter.maximumKeyBytes))
        #expect(statement(key: long) == statement(key: cut, keySize: 3_000), "a worker keeps the beginning of a key")
    }

    @Test func theReplayCountRoundTrips() {
        #expect(DeadLetter.replayCount(in: deadLetter().headersForRecord()) == 2)
        #expect(DeadLetter.replayCount(in: []) == 0)
        #expect(DeadLetter.replayCount(in: [Header(name: "dlq_replay_count", value: nil)]) == 0)
    }
}
