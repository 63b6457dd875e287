import OTPContract
import OTPKafka
import Testing

@testable import OTPVerifyClient

/// Requests and their answers, over librdkafka's own broker.
@Suite(.timeLimit(.minutes(2))) struct VerifyTests {
    let stage: Stage

    init() throws { stage = try Stage() }

    @Test func aCommandIsWrittenAsTheContractSaysAndItsAnswerReturned() async throws {
        let worker = try stage.worker { $0.result(.wrongCode) }
        defer { worker.close() }
        let result = try await stage.running(try stage.client()) { try await $0.ask("order-1", id: "c-1") }
        #expect(result.status == .rejected && result.reason == .wrongCode && result.commandID == "c-1")

        let received = try #require(worker.received.first)
        let command = try #require(received.command)
        #expect(worker.received.count == 1 && result.source == received.coordinates)
        #expect(command.sessionID.text == "order-1" && command.phone.revealed == Sample.phone)
        #expect(command.code == OTPCode(trimming: Stage.code))
        let partition = KeyPartitioner.murmur2.partition(of: bytes("order-1"), count: Stage.partitions)
        #expect(received.record.key == bytes("order-1") && received.record.partition == partition)
        #expect(received.header("kafka_correlationId") == bytes("c-1") && received.header("kafka_replyTopic") == nil)
    }

    @Test func keysLieWhereMurmur2PutsThem() async throws {
        let worker = try stage.worker()
        defer { worker.close() }
        try await stage.running(try stage.client()) { client in
            for number in 0..<32 { _ = try await client.ask("s-\(number)") }
        }
        for received in worker.received {
            let key = try #require(received.record.key)
            #expect(received.record.partition == KeyPartitioner.murmur2.partition(of: key, count: Stage.partitions))
        }
        // CRC32 would put some elsewhere.
        #expect(Set(worker.received.map(\.record.partition)).count == Stage.partitions)
    }

    /// More than may be under way, all at once.
    @Test func thousandsAskAndEachGetsItsOwnAnswer() async throws {
        let worker = try stage.worker()
        defer { worker.close() }
        let client = try stage.client { $0.maximumInFlight = 200 }
        let answers = try await stage.running(client) { client in
            try await withThrowingTaskGroup(of: (asked: String, event: ResultEvent).self) { group in
                for number in 0..<2_000 {
                    group.addTask { ("s-\(number)", try await client.ask("s-\(number)", id: "c-\(number)")) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        #expect(answers.count == 2_000)
        #expect(answers.allSatisfy { $0.event.sessionID?.text == $0.asked })
        #expect(Set(answers.map(\.event.source)).count == 2_000 && worker.received.count == 2_000)
    }

    @Test func anAnswerThatWasLostIsAskedForAgainUnderTheSameID() async throws {
        let worker = try stage.worker { $0.repetition == 0 ? nil : $0.result() }
        defer { worker.close() }
        let client = try stage.client { $0.resendAfter = .milliseconds(50) }
        let result = try await stage.running(client) { try await $0.ask("s", id: "c-1") }
        let both = worker.received.prefix(2)
        #expect(both.map { $0.command?.commandID } == ["c-1", "c-1"])
        #expect(Set(both.map(\.record.value)).count == 1)
        #expect(result.source != both.first?.coordinates)
    }

    @Test func anAnswerAfterTheDeadlineIsToldByLate() async throws {
        let worker = try stage.worker { $0.command?.sessionID.text == "slow" ? nil : $0.result() }
        defer { worker.close() }
        try await stage.running(try stage.client()) { client in
            // From here on answers are read.
            _ = try await client.ask("quick")
            _ = try await worker.next()
            let error = await #expect(throws: OTPVerifyError.self) {
                try await client.ask("slow", id: "c-1", deadline: .now + .milliseconds(200))
            }
            #expect(error?.code == .timedOut && error?.commandID == "c-1" && error?.isSent == true)
            let received = try await worker.next()
            worker.publish(received.result(), for: received)
            var late = client.late.makeAsyncIterator()
            #expect(await late.next()?.commandID == "c-1")
        }
    }

    @Test func aCancelledTaskIsToldSoAndItsAnswerByLate() async throws {
        let worker = try stage.worker { _ in nil }
        defer { worker.close() }
        try await stage.running(try stage.client()) { client in
            let asking = Task { try await client.ask("s", id: "c-1") }
            let received = try await worker.next()
            asking.cancel()
            await #expect(throws: CancellationError.self) { try await asking.value }
            worker.publish(received.result(), for: received)
            var late = client.late.makeAsyncIterator()
            #expect(await late.next()?.commandID == "c-1")
        }
    }

    @Test func whoIsCancelledBeforeAskingSendsNothing() async throws {
        let worker = try stage.worker()
        defer { worker.close() }
        try await stage.running(try stage.client()) { client in
            let asking = Task {
                while !Task.isCancelled { await Task.yield() }
                return try await client.ask("never")
            }
            asking.cancel()
            await #expect(throws: CancellationError.self) { try await asking.value }
            _ = try await client.ask("after")
        }
        #expect(worker.received.map { $0.command?.sessionID.text } == ["after"])
    }

    @Test func answersComeToAPartitionOfItsOwn() async throws {
        let worker = try stage.worker { received in
            // Another's answer in the topic of all.
            received.result()
        }
        defer { worker.close() }
        let topic = stage.replyTopic
        let client = try stage.client { $0.answers = .replyPartition(topic: topic, partition: 2) }
        let result = try await stage.running(client) { try await $0.ask("s") }
        #expect(result.status == .verified)
        let received = try #require(worker.received.first)
        #expect(received.header("kafka_replyTopic") == bytes(topic))
        #expect(received.header("kafka_replyPartition") == [0, 0, 0, 2])
    }

    @Test func sendReturnsWhereTheCommandLiesAndAsksForNoReply() async throws {
        let worker = try stage.worker { _ in nil }
        defer { worker.close() }
        let topic = stage.replyTopic
        let client = try stage.client { $0.answers = .replyPartition(topic: topic, partition: 2) }
        let coordinates = try await stage.running(client) {
            try await $0.send(session: "s", phone: Sample.phone, code: Stage.code)
        }
        let received = try await worker.next()
        #expect(coordinates == received.coordinates)
        #expect(received.header("kafka_replyTopic") == nil)
    }

    @Test func commandsOfOneCallAreWrittenInTheirOrder() async throws {
        let worker = try stage.worker()
        defer { worker.close() }
        let session = try #require(SessionID("s"))
        let commands = (0..<300).map { number in
            Command(
                session: session,
                value: bytes(#"{"otp_session_id":"s","user_gsm":"\#(Sample.phone)","otp_code":"\#(1_000 + number)"}"#)
            )
        }
        let answered = try await stage.running(try stage.client()) { client in
            let (stream, continuation) = AsyncStream.makeStream(of: (Int, OTPVerifyClient.Progress).self)
            client.begin(commands, deadline: .now + .seconds(60), wantingAnswers: true) { continuation.yield(($0, $1)) }
            var answered: [Int: Int64] = [:]
            var written = 0
            for await (index, progress) in stream {
                switch progress {
                case .written: written += 1
                case .answered(let answer): answered[index] = answer.event.source.offset
                case .failed(let error): throw error
                }
                if answered.count == commands.count { break }
            }
            #expect(written > 0)
            return answered
        }
        #expect(answered == Dictionary(uniqueKeysWithValues: (0..<300).map { ($0, Int64($0)) }))
        #expect(worker.received.map(\.record.value) == commands.map(\.value))
    }

    @Test func aTopicThatIsForbiddenFailsAtOnce() async throws {
        let broker = stage.broker
        try await stage.running(try stage.client()) { client in
            broker.pushErrors(.produce, [.topicAuthorizationFailed])
            let error = await #expect(throws: OTPVerifyError.self) { try await client.ask("s") }
            #expect(error?.code == .refused && error?.isSent == false)
            #expect(error?.cause?.code == .topicAuthorizationFailed)
        }
    }
}
