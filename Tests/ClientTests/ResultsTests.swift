import OTPContract
import OTPKafka
import Synchronization
import Testing

@testable import OTPVerifyClient

/// All results of a fleet, for monitors.
@Suite(.timeLimit(.minutes(2))) struct ResultsTests {
    let stage: Stage

    init() throws { stage = try Stage() }

    @Test func theyComeFromTheBeginningWithoutRun() async throws {
        let worker = try stage.worker()
        defer { worker.close() }
        // No result, a result that is cut, and one of a newer version.
        worker.publish(bytes("no result"), partition: 1)
        let whole = Sample.event("a", at: Sample.coordinates(0)).encode()
        worker.publish(Array(whole.dropLast(9)), partition: 1)
        let newer = Sample.event("b", at: Sample.coordinates(1), reason: .other("moon_phase", .failed)).encode()
        worker.publish(newer, partition: 1)
        worker.publish(whole, partition: 1)
        worker.flush()
        var heard: [ResultEvent] = []
        for await event in try stage.client().results(from: .beginning) {
            heard.append(event)
            if heard.count == 2 { break }
        }
        #expect(heard.map(\.commandID) == ["b", "a"])
        #expect(heard.first?.reason == .other("moon_phase", .failed))
    }

    @Test func fromNowOnLeavesOutWhatWasThere() async throws {
        let worker = try stage.worker()
        defer { worker.close() }
        worker.publish(Sample.event("old", at: Sample.coordinates(0)))
        worker.flush()
        let results = try stage.client().results
        let first = First()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await event in results {
                    first.id.withLock { $0 = event.commandID }
                    return
                }
            }
            var number = 0
            while first.id.withLock({ $0 == nil }) {
                worker.publish(Sample.event("new", at: Sample.coordinates(Int64(number))))
                worker.flush()
                number += 1
                await Task.yield()
            }
            try await group.waitForAll()
        }
        #expect(first.id.withLock { $0 } == "new")
    }

    @Test func aCancelledTaskHearsNoMore() async throws {
        let results = try stage.client().results
        let hearing = Task {
            for await event in results { Issue.record("\(event.commandID) was never published") }
            return Task.isCancelled
        }
        hearing.cancel()
        #expect(await hearing.value)
    }
}

/// The id of the first result that was heard.
private final class First: Sendable {
    let id = Mutex<String?>(nil)
}
