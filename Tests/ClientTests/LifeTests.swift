import OTPContract
import OTPKafka
import ServiceLifecycle
import ServiceLifecycleTestKit
import Testing

@testable import OTPVerifyClient

/// How a client begins and ends, and what it outlives.
@Suite(.timeLimit(.minutes(2))) struct LifeTests {
    let stage: Stage

    init() throws { stage = try Stage() }

    @Test func requestsWaitForTheReadingOfAnswers() async throws {
        let worker = try stage.worker()
        defer { worker.close() }
        let client = try stage.client()
        let asking = Task { try await client.ask("s") }
        let result = try await stage.running(client) { _ in try await asking.value }
        #expect(result.status == .verified)
    }

    @Test func withoutRunTheDeadlineSaysWhatIsMissing() async throws {
        let client = try stage.client()
        let error = await #expect(throws: OTPVerifyError.self) {
            try await client.ask("s", deadline: .now + .milliseconds(20))
        }
        #expect(error?.code == .notListening && error?.isSent == false)
        #expect(error?.reason == "answers are not read: is run() running?")
    }

    @Test func aClusterThatIsAwayIsTriedAgain() async throws {
        let worker = try stage.worker()
        defer { worker.close() }
        try stage.broker.setReachable(false)
        let result = try await stage.running(try stage.client()) { client in
            async let result = client.ask("s")
            #expect(await stage.log.first(with: "warning Results cannot be read") != nil)
            try stage.broker.setReachable(true)
            return try await result
        }
        #expect(result.status == .verified)
        #expect(stage.log.all.contains { $0.hasPrefix("info Results are read again") })
    }

    @Test func itIsListeningOnlyWhileAnswersAreRead() async throws {
        let worker = try stage.worker()
        defer { worker.close() }
        let client = try stage.client()
        #expect(!client.isListening)
        try await stage.running(client) { client in
            _ = try await client.ask("s")
            #expect(client.isListening)
            #expect(!client.core.isListening(at: .now + .seconds(60)), "what was heard long ago proves nothing")
        }
        #expect(!client.isListening)
    }

    @Test func aConnectionThatBreaksLosesNoAnswer() async throws {
        let worker = try stage.worker { $0.command?.sessionID.text == "s" ? nil : $0.result() }
        defer { worker.close() }
        let result = try await stage.running(try stage.client { $0.resendAfter = nil }) { client in
            async let result = client.ask("s")
            let received = try await worker.next()
            try stage.broker.setReachable(false)
            worker.publish(received.result(), for: received)
            try stage.broker.setReachable(true)
            return try await result
        }
        #expect(result.status == .verified)
    }

    @Test func aGracefulShutdownWaitsForWhatIsUnderWay() async throws {
        let worker = try stage.worker { _ in nil }
        defer { worker.close() }
        let client = try stage.client()
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await client.run() }
                let asking = Task { try await client.ask("s") }
                let received = try await worker.next()
                trigger.triggerGracefulShutdown()
                // What comes now is refused, as soon as the client has heard of the shutdown.
                var refusal: OTPVerifyError?
                while refusal == nil {
                    do {
                        try await client.send(
                            session: "after",
                            phone: Sample.phone,
                            code: Stage.code,
                            deadline: .now + .seconds(60)
                        )
                    } catch let error as OTPVerifyError {
                        refusal = error
                    }
                }
                #expect(refusal?.code == .shutDown && refusal?.isSent == false)
                worker.publish(received.result(), for: received)
                #expect(try await asking.value.status == .verified)
                try await group.waitForAll()
            }
        }
    }

    @Test func aShutdownWaitsNoLongerThanItMay() async throws {
        let worker = try stage.worker { _ in nil }
        defer { worker.close() }
        let client = try stage.client { $0.drainTimeout = .milliseconds(10) }
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await client.run() }
                let asking = Task { try await client.ask("s", id: "c-1") }
                _ = try await worker.next()
                trigger.triggerGracefulShutdown()
                let error = await #expect(throws: OTPVerifyError.self) { try await asking.value }
                #expect(error?.code == .shutDown && error?.isSent == true && error?.commandID == "c-1")
                try await group.waitForAll()
            }
        }
    }

    @Test func aCancelledRunFailsWhatIsUnderWayAndEndsLate() async throws {
        let worker = try stage.worker { _ in nil }
        defer { worker.close() }
        let client = try stage.client()
        let running = Task { try await client.run() }
        let asking = Task { try await client.ask("s") }
        _ = try await worker.next()
        running.cancel()
        let error = await #expect(throws: OTPVerifyError.self) { try await asking.value }
        #expect(error?.code == .shutDown && error?.isSent == true)
        try await running.value
        for await event in client.late { Issue.record("\(event) came late") }
        let after = await #expect(throws: OTPVerifyError.self) { try await client.ask("t") }
        #expect(after?.code == .shutDown && after?.isSent == false)
    }

    @Test func aClientRunsOnce() async throws {
        let client = try stage.client()
        try await stage.running(client) { _ in }
        let error = await #expect(throws: OTPVerifyError.self) { try await client.run() }
        #expect(error?.code == .shutDown)
    }
}
