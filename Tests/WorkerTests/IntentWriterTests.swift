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

    /// A writer to one partition of an embedded broker.
    private struct Bench {
        let broker: EmbeddedBroker
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let reported = Reported()
        let epoch = PartitionEpoch(partition: 0, epoch: 1)
        let barrier = LedgerBarrier(transactionalID: "w", process: 1)

        init() throws {
            broker = try EmbeddedBroker()
            try broker.createTopic("ledger", partitions: 1)
        }

        func start(_ body: @escaping @Sendable (IntentWriter) -> Void) async throws -> NIOLoopBoundWriter {
            let properties = try ClientProperties.idempotentProducer(.init(bootstrapServers: broker.bootstrapServers))
            return try await loop.submit { [loop, reported] in
                let writer = IntentWriter(
                    properties: properties,
                    topic: "ledger",
                    eventLoop: loop,
                    report: { reported.add($0) },
                    onEvent: { _ in }
                )
                try writer.start()
                body(writer)
                return NIOLoopBoundWriter(writer)
            }.get()
        }
    }

    @Test(arguments: [true, false])
    func aBrokenProducerIsReplaced(isToldOfIt: Bool) async throws {
        let bench = try Bench()
        let (epoch, barrier) = (bench.epoch, bench.barrier)
        let writer = try await bench.start { writer in
            writer.producer?.breakFatally(.invalidProducerEpoch)
            // A barrier that finds it broken before anybody was told of it.
            if !isToldOfIt { writer.write(epoch, barrier) }
        }
        let replaced = await bench.reported.first { if case .intentProducer(failure: nil) = $0 { true } else { false } }
        #expect(replaced != nil)
        try await bench.loop.submit { writer.value.write(epoch, barrier) }.get()
        let written = await bench.reported.first { if case .barrierWritten = $0 { true } else { false } }
        #expect(written != nil)
        try await bench.loop.submit { writer.value.close() }.get()
        bench.broker.stop()
    }

    /// The second waits for the first one's acknowledgement, and the third with it.
    @Test func whatWaitsForItsTurnIsWrittenInOrder() async throws {
        let bench = try Bench()
        let (epoch, barrier, reported) = (bench.epoch, bench.barrier, bench.reported)
        let writer = try await bench.start { $0.write(epoch, barrier) }
        try await bench.loop.submit {
            for number: UInt32 in 2...3 { writer.value.write(PartitionEpoch(partition: 0, epoch: number), barrier) }
        }.get()
        for number: UInt32 in 1...3 {
            let written = await reported.first { event in
                if case .barrierWritten(let epoch, Int64(number) - 1) = event { epoch.epoch == number } else { false }
            }
            #expect(written != nil)
        }
        try await bench.loop.submit { writer.value.close() }.get()
        bench.broker.stop()
    }

    /// Somebody waits for that proof.
    @Test func whatStillWaitsAtTheEndIsTold() async throws {
        let bench = try Bench()
        try bench.broker.setRoundTrip(.seconds(1))
        let (epoch, barrier) = (bench.epoch, bench.barrier)
        let told = AsyncStream<Int64?>.makeStream()
        let writer = try await bench.start { $0.write(epoch, barrier) }
        try await bench.loop.submit {
            writer.value.write(epoch, barrier) { told.continuation.yield($0) }
            writer.value.close()
        }.get()
        #expect(await told.stream.first { _ in true } == .some(nil))
        bench.broker.stop()
    }

    /// Safe because it is touched on its loop only.
    private struct NIOLoopBoundWriter: @unchecked Sendable {
        let value: IntentWriter
        init(_ value: IntentWriter) { self.value = value }
    }
}
