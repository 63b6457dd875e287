import Dispatch
import NIOCore
import NIOPosix
import OTPEngine
import Synchronization
import Testing

@testable import CheckOTP

/// How often the system is asked for a name, by however many and for however long.
@Suite(.timeLimit(.minutes(1)))
struct NameLookupTests {
    /// A name server that is silent until it is told to speak.
    private final class Names: Sendable {
        private let count = Atomic(0)
        private let isSpeaking = DispatchSemaphore(value: 0)

        var questions: Int { count.load(ordering: .relaxed) }

        func speak() {
            isSpeaking.signal()
        }

        func answer(_: String, port: Int) throws -> [SocketAddress] {
            count.add(1, ordering: .relaxed)
            guard isSpeaking.wait(timeout: .now() + 10) == .success else { throw NameLookup.Unknown() }
            isSpeaking.signal()
            return [try SocketAddress(ipAddress: "127.0.0.1", port: port)]
        }
    }

    @Test func allConnectionsShareOneQuestion() async throws {
        let names = Names()
        let server = try await ScriptedServer([.read, .send(answer())])
        let client = try await TestClient.make("http://upstream.example:\(server.port)") { $0.lookUp = names.answer }
        let answers = try await withThrowingTaskGroup { group in
            for _ in 1...20 { group.addTask { try await client.ask() } }
            try await client.until { $0.openConnections == 20 }
            names.speak()
            return try await group.reduce(into: 0) { $0 += $1.transport == .answered(status: 200) ? 1 : 0 }
        }
        #expect(answers == 20)
        #expect(names.questions == 1)
        try await client.close()
        try await server.stop()
    }

    /// Attempts that gave up leave nothing behind that the next one would have to wait for.
    @Test func aSilentNameServerIsAskedOnce() async throws {
        let names = Names()
        let server = try await ScriptedServer([.read, .send(answer())])
        let client = try await TestClient.make("http://upstream.example:\(server.port)") {
            $0.lookUp = names.answer
            $0.connectTimeout = .milliseconds(30)
        }
        for _ in 1...5 { #expect(try await client.ask() == UpstreamAnswer(.notSent(.connectTimeout))) }
        #expect(names.questions == 1)
        names.speak()
        // The first one that is not too late.
        var last = UpstreamAnswer(.notSent(.connectTimeout))
        while last == UpstreamAnswer(.notSent(.connectTimeout)) { last = try await client.ask() }
        #expect(last.transport == .answered(status: 200))
        #expect(names.questions == 1)
        try await client.close()
        try await server.stop()
    }

    @Test func anAnswerIsKeptForAMoment() async throws {
        let loop = Loops.clients.next()
        let time = Mutex(NIODeadline.uptimeNanoseconds(1))
        let questions = Mutex<[Result<[SocketAddress], NameLookup.Unknown>]>([
            .failure(NameLookup.Unknown()), .success([try SocketAddress(ipAddress: "192.0.2.1", port: 1)]),
            .success([try SocketAddress(ipAddress: "192.0.2.2", port: 1)]),
        ])
        let lookup = NameLookup(
            of: "upstream.example",
            port: 1,
            on: loop,
            question: { _, _ in
                try questions.withLock { $0.isEmpty ? .failure(NameLookup.Unknown()) : $0.removeFirst() }.get()
            },
            now: { time.withLock { $0 } }
        )
        let asked = { @Sendable in try? await loop.flatSubmit { lookup.addresses() }.get().first?.ipAddress }
        #expect(await asked() == nil)
        time.withLock { $0 = $0 + NameLookup.failureFreshness - .nanoseconds(1) }
        #expect(await asked() == nil)
        time.withLock { $0 = $0 + .nanoseconds(1) }
        #expect(await asked() == "192.0.2.1")
        time.withLock { $0 = $0 + NameLookup.freshness - .nanoseconds(1) }
        #expect(await asked() == "192.0.2.1")
        time.withLock { $0 = $0 + .nanoseconds(1) }
        #expect(await asked() == "192.0.2.2")
    }

    @Test func anAddressIsNoQuestion() async throws {
        let server = try await ScriptedServer([.read, .send(answer())])
        let client = try await TestClient.make("http://127.0.0.1:\(server.port)") {
            $0.lookUp = { _, _ in throw NameLookup.Unknown() }
        }
        #expect(try await client.ask().transport == .answered(status: 200))
        try await client.close()
        try await server.stop()
    }
}
