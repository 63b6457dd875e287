import Dispatch
import NIOCore
import NIOPosix
import OTPContract
import OTPEngine
import OTPKafka
import Synchronization
import Testing

@testable import OTPWorker

/// A producer of intents and barriers that breaks is replaced, no matter who notices first.
@Suite(.timeLimit(.minutes(1)))
struct IntentWriterTests {
    /// What the writer reported, and who waits for it.
    private final class Reported: Sendable {
        private let events = Mutex<[Event]>([])
        private let came = DispatchSemaphore(value: 0)

        func add(_ new: [Event]) {
            events.withLock { $0 += new }
            came.signal()
        }

        /// Waits on a thread of its own.
        func first(where isWanted: @escaping @Sendable (Event) -> Bool) async -> Event? {
            await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    let end = DispatchTime.now() + .seconds(20)
                    while true {
                        if let found = self.events.withLock({ $0.first(where: isWanted) }) {
                            return continuation.resume(returning: found)
                        }
                        guard self.came.wait(timeout: end) == .success else {
                            return continuation.resume(returning: nil)
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: [true, false])
    func aBrokenProducerIsReplaced(isToldOfIt: Bool) async throws {
        let broker = try EmbeddedBroker()
        try broker.createTopic("ledger", partitions: 1)
        let properties = try ClientProperties.idempotentProducer(.init(bootstrapServers: broker.bootstrapServers))
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let reported = Reported()
        let epoch = PartitionEpoch(partition: 0, epoch: 1)
        let barrier = LedgerBarrier(transactionalID: "w", process: 1)
        let writer = try await loop.submit {
            let writer = IntentWriter(
                properties: properties,
                topic: "ledger",
                eventLoop: loop,
                report: { reported.add($0) },
                onEvent: { _ in }
            )
            try writer.start()
            let broken = writer.producer
            broken?.breakFatally(.invalidProducerEpoch)
            // A barrier that finds it broken before anybody was told of it.
            if !isToldOfIt { writer.write(epoch, barrier) }
            return NIOLoopBoundWriter(writer)
        }.get()
        #expect(await reported.first { if case .intentProducer(failure: nil) = $0 { true } else { false } } != nil)
        try await loop.submit { writer.value.write(epoch, barrier) }.get()
        let written = await reported.first { if case .barrierWritten = $0 { true } else { false } }
        #expect(written != nil)
        try await loop.submit { writer.value.close() }.get()
        broker.stop()
    }

    /// Safe because it is touched on its loop only.
    private struct NIOLoopBoundWriter: @unchecked Sendable {
        let value: IntentWriter
        init(_ value: IntentWriter) { self.value = value }
    }
}
