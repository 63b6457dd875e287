package import NIOCore
package import NIOHTTP1
import NIOPosix
import Synchronization

/// Answers requests over HTTP/1.1 with pages, and with streams where the answer says so: what all servers of this program have in common.
///
/// Whatever strangers open or leave unread, memory, connections and every wait are bounded; and whatever they do, a probe finds a place.
package final class PageServer: Sendable {
    /// How long each step of a connection may take.
    package struct Times: Sendable {
        /// From the connection to the first byte of its first request, TLS included, and from a request's first byte to its end.
        package var request = Duration.seconds(5)
        /// From a page to the next request.
        package var idle = Duration.seconds(60)
        /// From the end of a request to the moment when the kernel has all of its page.
        package var page = Duration.seconds(10)

        package init() {}
    }

    package struct Page: Sendable {
        package var status: HTTPResponseStatus
        package var contentType: String
        /// Beside those that every answer has.
        package var headers: [(name: String, value: String)]
        package var body: [UInt8]
        /// The connection ends with it.
        package var isLast: Bool

        package init(
            status: HTTPResponseStatus = .ok,
            contentType: String,
            headers: [(name: String, value: String)] = [],
            body: [UInt8] = [],
            isLast: Bool = false
        ) {
            self.status = status
            self.contentType = contentType
            self.headers = headers
            self.body = body
            self.isLast = isLast
        }
    }

    /// A connection that is written to for as long as both want.
    package struct Stream: Sendable {
        package var contentType: String
        package var opening: [UInt8]
        /// The connection ends after so long.
        package var limit: Duration
        /// Accepts the connection's channel, on its loop; false where there is no room for it.
        ///
        /// What is written to it from then on follows the opening.
        package var accept: @Sendable (any Channel) -> Bool
        /// The answer where there is none.
        package var refusal: Page

        package init(
            contentType: String,
            opening: [UInt8],
            limit: Duration,
            accept: @escaping @Sendable (any Channel) -> Bool,
            refusal: Page
        ) {
            self.contentType = contentType
            self.opening = opening
            self.limit = limit
            self.accept = accept
            self.refusal = refusal
        }
    }

    package enum Answer: Sendable {
        case page(Page)
        case stream(Stream)
    }

    /// It was stopped before it listened.
    struct Stopped: Error, CustomStringConvertible {
        var description: String { "stopped while starting" }
    }

    private struct State {
        var isStopped = false
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        var book: ConnectionBook<ObjectIdentifier>
    }

    private let times: Times
    private let headers: HTTPHeaders
    private let prepare: @Sendable (any Channel) throws -> Void
    private let answer: @Sendable (HTTPRequestHead, _ areProbesOnly: Bool) async -> Answer
    private let state: Mutex<State>

    /// - Parameters:
    ///   - limits: how many connections it holds.
    ///   - times: how long it waits for whom.
    ///   - headers: what every answer has.
    ///   - prepare: puts before HTTP what a connection has there, such as TLS.
    ///   - answer: off the event loops; a connection that was let in for probes alone must be answered nothing else.
    package init(
        limits: ConnectionBook<ObjectIdentifier>.Limits,
        times: Times,
        headers: HTTPHeaders,
        prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in },
        answer: @escaping @Sendable (HTTPRequestHead, _ areProbesOnly: Bool) async -> Answer
    ) {
        self.times = times
        self.headers = headers
        self.prepare = prepare
        self.answer = answer
        state = Mutex(State(book: ConnectionBook(limits)))
    }

    /// Listens and serves until ``stop()``.
    /// - Returns: the port that it listens on.
    package func start(host: String, port: Int) async throws -> Int {
        // Plain handlers, not NIOAsyncChannel: an accepted one that nobody has read from when the server ends stops the process.
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.setUp(channel) }
            }
            .bind(host: host, port: port).get()
        let isStopped = state.withLock { state in
            state.listener = listener
            return state.isStopped
        }
        guard !isStopped else {
            try? await listener.close()
            throw Stopped()
        }
        return listener.localAddress?.port ?? 0
    }

    /// Closes the port and all connections, streams included; returns when that is done.
    package func stop() async {
        let open = state.withLock { state in
            state.isStopped = true
            return (state.listener.map { [$0] } ?? []) + state.connections.values
        }
        for channel in open { channel.close(promise: nil) }
        for channel in open { try? await channel.closeFuture.get() }
    }

    private func setUp(_ channel: any Channel) throws {
        guard let decision = admit(channel) else { throw ChannelError.ioOnClosedChannel }
        let id = ObjectIdentifier(channel)
        let gate = ConnectionGate()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(gate)
        try prepare(channel)
        try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false)
        let connection = PageConnection(gate: gate, times: times, headers: headers) { [answer] request in
            await answer(request, decision == .forProbes)
        } onChange: { isBusy in
            self.state.withLock { isBusy ? $0.book.busy(id) : $0.book.idle(id) }
        }
        try pipeline.addHandler(connection)
    }

    /// Nil if there is no place for it.
    private func admit(_ channel: any Channel) -> ConnectionBook<ObjectIdentifier>.Verdict.Decision? {
        let id = ObjectIdentifier(channel)
        let peer = channel.remoteAddress?.ipAddress ?? ""
        let (verdict, evicted) = state.withLock { state in
            let verdict =
                state.isStopped ? .init(decision: .refused) : state.book.accepted(id, from: peer)
            if verdict.decision != .refused { state.connections[id] = channel }
            return (verdict, verdict.evicted.flatMap { state.connections[$0] })
        }
        evicted?.close(promise: nil)
        guard verdict.decision != .refused else { return nil }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { state in
                state.connections[id] = nil
                state.book.closed(id)
            }
        }
        return verdict.decision
    }
}
