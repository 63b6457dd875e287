import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What a server does on one connection, in order.
///
/// After the last step it does nothing more.
enum Step: Sendable {
    /// Wait for one complete request and put its bytes into the journal.
    case read
    case send(String)
    case close
    /// Close so that the peer gets a reset instead of an orderly end.
    case reset
    /// Speak TLS from here on.
    case startTLS(NIOSSLContext)
    /// Wait until the test opens the gate.
    case wait(Gate)
}

/// The two sides have loops of their own: a test may hold up a client's.
enum Loops {
    static let servers = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    static let clients = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    static let heldUp = MultiThreadedEventLoopGroup(numberOfThreads: 1)
}

/// A raw TCP server that does as it is told, connection by connection, and keeps what it read.
///
/// It knows of HTTP only where a request ends, and shares no code with the client under test.
final class ScriptedServer: Sendable {
    private struct State {
        var scripts: [[Step]]
        var requests: [String] = []
        var accepted = 0
        var waiters: [(isMet: @Sendable (Journal) -> Bool, promise: EventLoopPromise<Void>)] = []
        var closed = 0

        var journal: Journal { Journal(requests: requests, accepted: accepted, closed: closed) }
    }

    struct Journal: Equatable, Sendable {
        var requests: [String]
        var accepted: Int
        var closed: Int
    }

    private let state: Mutex<State>
    private let loop: any EventLoop
    private let listener: any Channel

    var port: Int { listener.localAddress?.port ?? 0 }
    var journal: Journal { state.withLock(\.journal) }

    /// Each accepted connection takes the next script, the last one serves all that follow.
    init(_ scripts: [Step]..., host: String = "127.0.0.1", tls: NIOSSLContext? = nil) async throws {
        let loop = Loops.servers.next()
        let relay = Relay()
        self.loop = loop
        state = Mutex(State(scripts: scripts))
        listener = try await ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let server = relay.server else { return }
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.addHandler(ScriptHandler(server.accepted(), server))
                }
            }
            .bind(host: host, port: 0).get()
        relay.server = self
    }

    /// Breaks the circle between the server and the initialiser of its connections.
    private final class Relay: Sendable {
        private let stored = Mutex<ScriptedServer?>(nil)
        var server: ScriptedServer? {
            get { stored.withLock { $0 } }
            set { stored.withLock { $0 = newValue } }
        }
    }

    func stop() async throws {
        try await listener.close()
    }

    /// Returns once `isMet`, fails after 10 seconds.
    func until(_ isMet: @escaping @Sendable (Journal) -> Bool) async throws {
        let promise = loop.makePromise(of: Void.self)
        let isMetNow = state.withLock { state in
            if isMet(state.journal) { return true }
            state.waiters.append((isMet, promise))
            return false
        }
        if isMetNow { promise.succeed() }
        try await promise.futureResult.withDeadline("the server never got there: \(journal.accepted) connections").get()
    }

    private func accepted() -> [Step] {
        note {
            $0.accepted += 1
            return $0.scripts.count > 1 ? $0.scripts.removeFirst() : $0.scripts.first ?? []
        }
    }

    private func note<T: Sendable>(_ change: (inout State) -> T) -> T {
        let (result, met) = state.withLock { state in
            let result = change(&state)
            let journal = state.journal
            let met = state.waiters.filter { $0.isMet(journal) }.map(\.promise)
            state.waiters.removeAll { $0.isMet(journal) }
            return (result, met)
        }
        for promise in met { promise.succeed() }
        return result
    }

    private final class ScriptHandler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private var steps: ArraySlice<Step>
        private let server: ScriptedServer
        private var received: [UInt8] = []
        private var isWaiting = false

        init(_ steps: [Step], _ server: ScriptedServer) {
            self.steps = steps[...]
            self.server = server
        }

        func channelActive(context: ChannelHandlerContext) {
            run(context)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += unwrapInboundIn(data).readableBytesView
            run(context)
        }

        func channelInactive(context: ChannelHandlerContext) {
            server.note { $0.closed += 1 }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }

        private func run(_ context: ChannelHandlerContext) {
            while !isWaiting, let step = steps.first {
                if case .read = step {
                    guard let request = readRequest() else { return }
                    server.note { $0.requests.append(request) }
                }
                // Before it is done: what it sets off may come back here.
                steps.removeFirst()
                switch step {
                case .read: break
                case .send(let text):
                    context.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
                case .close:
                    context.close(promise: nil)
                case .reset:
                    _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(lingerZero)
                    // Beneath TLS, without its goodbye.
                    let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
                    (tls ?? context).close(promise: nil)
                case .startTLS(let tls):
                    do {
                        try context.pipeline.syncOperations.addHandler(
                            NIOSSLServerHandler(context: tls),
                            position: .first
                        )
                    } catch {
                        context.close(promise: nil)
                    }
                case .wait(let gate):
                    isWaiting = true
                    let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                    gate.opened.hop(to: context.eventLoop).whenSuccess {
                        let (handler, context) = loopBound.value
                        handler.isWaiting = false
                        handler.run(context)
                    }
                }
            }
        }

        private func readRequest() -> String? {
            guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
            let head = String(decoding: received[..<end.upperBound], as: UTF8.self)
            let field = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length: ") }
            let length = field.flatMap { Int($0.dropFirst(16)) } ?? 0
            guard received.count >= end.upperBound + length else { return nil }
            let request = received[..<(end.upperBound + length)]
            received.removeFirst(request.count)
            return String(decoding: request, as: UTF8.self)
        }
    }
}

private let lingerZero = { () -> linger in
    var value = linger()
    value.l_onoff = 1
    value.l_linger = 0
    return value
}()

/// Something the test lets happen at a moment of its choice.
final class Gate: Sendable {
    private let promise = Loops.servers.next().makePromise(of: Void.self)

    var opened: EventLoopFuture<Void> { promise.futureResult }

    func open() {
        promise.succeed()
    }

    deinit {
        promise.fail(CancellationError())
    }
}

struct Overdue: Error, CustomStringConvertible {
    var description: String
}

extension EventLoopFuture where Value: Sendable {
    /// Fails with `what` if nothing has come of it within 10 seconds.
    func withDeadline(_ what: String) -> EventLoopFuture<Value> {
        let promise = eventLoop.makePromise(of: Value.self)
        let overdue = eventLoop.scheduleTask(in: .seconds(10)) { promise.fail(Overdue(description: what)) }
        whenComplete { result in
            overdue.cancel()
            promise.completeWith(result)
        }
        return promise.futureResult
    }
}
