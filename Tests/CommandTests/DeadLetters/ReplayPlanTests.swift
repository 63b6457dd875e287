import OTPContract
import OTPKafka
import OTPWorker
import Testing
import otp_worker

/// Which letters a replay takes, and what it writes.
struct ReplayPlanTests {
    private static let topic = "commands"

    private static func coordinates(_ offset: Int64, _ topic: String = topic) -> Coordinates {
        Coordinates(topic: topic, partition: 3, offset: offset)
    }

    private static func found(
        _ offset: Int64,
        at time: Int64 = 0,
        topic: String = topic,
        replays: Int = 0,
        key: [UInt8]? = Array("k".utf8),
        value: [UInt8]? = nil
    ) -> FoundLetter {
        let letter = DeadLetter(
            source: coordinates(offset, topic),
            timestamp: WallTime(milliseconds: 7),
            key: key,
            consumerGroup: "g",
            reason: .malformed,
            headers: [Header(name: "traceparent", text: "t")],
            replayCount: replays,
            value: value
        )
        return FoundLetter(
            letter: letter,
            coordinates: coordinates(offset, "letters"),
            time: WallTime(milliseconds: time)
        )
    }

    private static func decide(
        _ letters: [FoundLetter],
        replays: [Coordinates: Coordinates] = [:],
        limits: ReplayPlan.Limits = .init(),
        lost: Set<Int64> = []
    ) -> [String] {
        ReplayPlan.decide(letters, commandTopic: topic, partitions: 8, replays: replays, limits: limits) { found in
            let offset = found.letter.source.offset
            return lost.contains(offset)
                ? .gone : offset > 1_000 ? .failed("refused") : .kept(replays: found.letter.replayCount)
        }.map { "\($0.found.letter.source.offset) \($0.decision)" }
    }

    @Test func theOldestComeFirstAndEachRecordOnce() {
        let letters = [Self.found(1, at: 9), Self.found(2, at: 5), Self.found(2, at: 7), Self.found(3, at: 5)]
        #expect(Self.decide(letters) == ["2 replay", "3 replay", "1 replay"])
    }

    @Test func whatCannotBeReplayedSaysWhy() {
        let letters = [
            Self.found(1), Self.found(2, replays: 2), Self.found(3, replays: 3), Self.found(4, topic: "other"),
            Self.found(5), Self.found(6),
        ]
        let decisions = Self.decide(letters, replays: [Self.coordinates(1): Self.coordinates(90)], lost: [5])
        #expect(
            decisions.sorted() == ["1 done(commands/3/90)", "2 replay", "3 capped", "4 foreign", "5 gone", "6 replay"]
        )
    }

    /// Anybody who may write to the topic can write what looks like a letter: it costs itself, never the run.
    @Test func aForgedLetterStopsNoOther() {
        var letters = [Self.found(1), Self.found(2_000), Self.found(3)]
        for (partition, offset) in [(-1, 7), (8, 7), (Int32.max, 7), (3, -1), (3, Int64.min)] as [(Int32, Int64)] {
            let letter = DeadLetter(
                source: Coordinates(topic: Self.topic, partition: partition, offset: offset),
                timestamp: WallTime(milliseconds: 7),
                key: nil,
                consumerGroup: "g",
                reason: .malformed,
                headers: []
            )
            letters.append(
                FoundLetter(
                    letter: letter,
                    coordinates: Self.coordinates(9, "letters"),
                    time: WallTime(milliseconds: -1)
                )
            )
        }
        let decisions = Self.decide(letters)
        #expect(decisions.suffix(3) == ["1 replay", "3 replay", "2000 failed(\"refused\")"])
        #expect(decisions.dropLast(3).allSatisfy { $0.hasSuffix(" foreign") } && decisions.count == 8)
        #expect(ReplayPlan.Decision.failed("x").isFailure && !ReplayPlan.Decision.foreign.isFailure)
        #expect(
            ReplayText.summary([.replay, .failed("x"), .foreign], isExecuted: true) == "1 replayed, 1 skipped, 1 failed"
        )
    }

    @Test func aRunIsLimitedAndLostOnesDoNotCount() {
        let letters = (1...4).map { Self.found($0, at: $0) }
        let limits = ReplayPlan.Limits(replaysPerCommand: 3, lettersPerRun: 2)
        #expect(
            Self.decide(letters, limits: limits, lost: [1]) == ["1 gone", "2 replay", "3 replay", "4 overLimit"]
        )
    }

    private static let original = ConsumedRecord(
        topic: topic,
        partition: 3,
        offset: 42,
        key: Array("key".utf8),
        value: Array("value".utf8),
        headers: [Header(name: "x", value: [0, 255]), Header(name: "dlq_replay_count", text: "0")]
    )

    private func headers(_ original: [Header], replays: Int = 0) throws -> [String] {
        var record = Self.original
        record.headers = original
        let written = try #require(ReplayPlan.record(of: Self.found(42, replays: replays), original: record, key: nil))
        return written.headers.map { "\($0.name)=\(String(decoding: $0.value ?? [], as: UTF8.self))" }
    }

    @Test func keyValueAndPartitionAreTheOriginals() throws {
        let written = try #require(ReplayPlan.record(of: Self.found(42), original: Self.original, key: nil))
        #expect(written.topic == Self.topic && written.partition == 3)
        #expect(written.key == Self.original.key && written.value == Self.original.value)
        #expect(written.timestamp == nil)
        #expect(written.headers.first == Header(name: "x", value: [0, 255]))
    }

    @Test func theReplayIsKnownByTheOriginalsName() throws {
        let marks = ["dlq_replay_count=1", "dlq_replay_of=commands/3/42"]
        #expect(try headers([]) == ["ce_id=commands/3/42"] + marks)
        #expect(try headers([Header(name: "ce_id", text: "mine")]) == ["ce_id=mine"] + marks)
        #expect(
            try headers([Header(name: "ce_id", text: "")]) == ["ce_id=", "ce_id=commands/3/42"] + marks,
            "an id that the decoder does not take names nothing"
        )
        let structured = Header(name: "content-type", text: "application/cloudevents+json; charset=utf-8")
        #expect(try headers([structured]) == ["content-type=\(utf8(structured))"] + marks)
    }

    private func utf8(_ header: Header) -> String { String(decoding: header.value ?? [], as: UTF8.self) }

    /// The command of a replay has the id that its first record had.
    @Test func theDecoderReadsThatName() throws {
        let value = Array(#"{"user_gsm":"5324818942","otp_session_id":"s","otp_code":"ART2"}"#.utf8)
        var record = Self.original
        record.value = value
        let written = try #require(ReplayPlan.record(of: Self.found(42), original: record, key: nil))
        let command = try CommandDecoder().decode(
            key: written.key,
            value: written.value,
            headers: written.headers,
            at: Self.coordinates(90)
        ).get()
        #expect(command.commandID == "commands/3/42")
    }

    /// What a producer writes under such names is not the replay's.
    @Test func aProducersOwnMarksAreNotCarriedOn() throws {
        let own = [
            Header(name: "ce_id", text: "mine"), Header(name: "dlq_replay_of", text: "elsewhere/0/0"),
            Header(name: "dlq_replay_count", text: "99"), Header(name: "dlq_owner", text: "x"),
            Header(name: "dlq_replay_proof", text: "theirs"),
        ]
        #expect(try headers(own) == ["ce_id=mine", "dlq_replay_count=1", "dlq_replay_of=commands/3/42"])
    }

    @Test(arguments: [
        "", "commands", "commands/3/42", "commands/3/43", "commands/4/1", "other/3/1", "commands/3/-1",
        "commands/3/1/2",
    ])
    func whatCannotBeAReplayCountsForNone(original: String) {
        let headers = [
            Header(name: "dlq_replay_of", text: original), Header(name: "dlq_replay_count", text: "3"),
            Header(name: "dlq_replay_proof", text: "any"),
        ]
        #expect(DeadLetter.original(namedBy: headers, at: Self.coordinates(42)) == nil)
        #expect(DeadLetter.replayCount(ofCommandWith: headers, at: Self.coordinates(42)) { _, _ in true } == 0)
    }

    @Test func aReplayNamesARecordBeforeItself() {
        let headers = [Header(name: "dlq_replay_of", text: "commands/3/1")]
        #expect(DeadLetter.original(namedBy: headers, at: Self.coordinates(42)) == Self.coordinates(1))
        #expect(DeadLetter.original(namedBy: [], at: Self.coordinates(42)) == nil)
    }

    /// The record that a replay writes, as a worker reads it.
    private func replay(
        _ found: FoundLetter,
        of original: ConsumedRecord?,
        key: ReplayKey?,
        at offset: Int64
    ) throws -> ConsumedRecord {
        let written = try #require(ReplayPlan.record(of: found, original: original, key: key))
        return ConsumedRecord(
            topic: written.topic,
            partition: try #require(written.partition),
            offset: offset,
            key: written.key,
            value: written.value,
            headers: written.headers
        )
    }

    @Test func aWorkerBelievesWhatAReplayWrote() throws {
        let key = ReplayKey(secret: Secret("sck_one"))
        let first = try replay(Self.found(42), of: Self.original, key: key, at: 43)
        #expect(key.replayCount(of: first) == 1)
        let second = try replay(Self.found(43, replays: 1), of: first, key: key, at: 44)
        #expect(key.replayCount(of: second) == 2)
        let ofACopy = try replay(Self.found(42, replays: 2, value: [1, 2]), of: nil, key: key, at: 45)
        #expect(key.replayCount(of: ofACopy) == 3)
    }

    @Test func withoutTheSecretAReplayIsNotBelieved() throws {
        let key = ReplayKey(secret: Secret("sck_one"))
        let unsigned = try replay(Self.found(42), of: Self.original, key: nil, at: 43)
        #expect(unsigned.headers.map(\.name).filter { $0.hasPrefix("dlq_") } == ["dlq_replay_count", "dlq_replay_of"])
        #expect(key.replayCount(of: unsigned) == 0)
        let another = try replay(Self.found(42), of: Self.original, key: ReplayKey(secret: Secret("sck_two")), at: 43)
        #expect(key.replayCount(of: another) == 0)
    }

    @Test func aReplayOfAReplayCountsOnAndNamesTheOneBefore() throws {
        let before = [
            Header(name: "ce_id", text: "commands/3/1"), Header(name: "dlq_replay_count", text: "1"),
            Header(name: "dlq_replay_of", text: "commands/3/1"),
        ]
        let after = ["ce_id=commands/3/1", "dlq_replay_count=2", "dlq_replay_of=commands/3/42"]
        #expect(try headers(before, replays: 1) == after)
    }

    @Test func withoutTheRecordTheLettersCopyIsWritten() throws {
        let written = try #require(ReplayPlan.record(of: Self.found(42, value: [1, 2]), original: nil, key: nil))
        #expect(written.key == Array("k".utf8) && written.value == [1, 2] && written.partition == 3)
        #expect(written.headers.first == Header(name: "traceparent", text: "t"))
        #expect(ReplayPlan.record(of: Self.found(42), original: nil, key: nil) == nil)
        let cutKey = [UInt8](repeating: 1, count: DeadLetter.maximumKeyBytes)
        #expect(ReplayPlan.record(of: Self.found(42, key: cutKey, value: [1]), original: nil, key: nil) == nil)
        let concealed = DeadLetter.concealed(digest: [1, 2])
        #expect(String(decoding: concealed, as: UTF8.self) == "hmac-sha256:0102")
        #expect(ReplayPlan.record(of: Self.found(42, key: concealed, value: [1]), original: nil, key: nil) == nil)
    }

    @Test func theSummaryCountsAll() {
        let decisions: [ReplayPlan.Decision] = [.replay, .replay, .capped, .gone, .overLimit]
        #expect(
            ReplayText.summary(decisions, isExecuted: false)
                == "2 would be replayed, 1 skipped, 1 lost, 1 left for the next run; nothing was written: --execute does it"
        )
        #expect(
            ReplayText.summary(decisions, isExecuted: true)
                == "2 replayed, 1 skipped, 1 lost, 1 left for the next run"
        )
        #expect(ReplayText.summary([], isExecuted: false) == "no dead letter is meant")
    }

    @Test(arguments: [
        (ReplayPlan.Decision.replay, "would_replay"), (.gone, "lost"), (.failed("x"), "failed"), (.capped, "skipped"),
        (.overLimit, "skipped"), (.foreign, "skipped"),
    ])
    func programsReadWhatBecomesOfEach(decision: ReplayPlan.Decision, action: String) throws {
        let json = try JSON.parse(ReplayText.json(Self.found(1), decision, written: nil))
        #expect(json["action"]?.string == action)
    }

    @Test func theFilterTakesWhatIsNamed() {
        var filter = LetterFilter()
        #expect(filter.matches(Self.found(1)))
        filter.reasons = [.keyMissing]
        #expect(!filter.matches(Self.found(1)))
        filter.reasons = [.keyMissing, .malformed]
        filter.since = WallTime(milliseconds: 5)
        filter.until = WallTime(milliseconds: 9)
        #expect([4, 5, 8, 9].map { filter.matches(Self.found(1, at: $0)) } == [false, true, true, false])
        filter.sources = [Self.coordinates(2)]
        #expect(!filter.matches(Self.found(1, at: 5)) && filter.matches(Self.found(2, at: 5)))
    }

    @Test(arguments: ["", "t", "t/1", "t/1/2/3", "/1/2", "t/-1/2", "t/1/-2", "t/1/x", "t/4294967296/1"])
    func otherTextsAreNoCoordinates(text: String) {
        #expect(Coordinates(parsing: text) == nil)
    }
}
