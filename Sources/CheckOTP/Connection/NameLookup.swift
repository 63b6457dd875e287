import Dispatch
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Looks up the name of the peer for all connections of a client: one question at a time, whose answer all who wait share, and
/// which is kept for a moment.
///
/// NIO's own asks the system once per connection, one after the other: while a name server is silent, each attempt adds a
/// question of many seconds to that queue, and when it speaks again nothing connects until all of them are through.
///
/// Confined to its loop, but for the question itself.
final class NameLookup: Resolver, Sendable {
    /// Answers or fails, after any time; called on a thread that it may block.
    typealias Question = @Sendable (_ host: String, _ port: Int) throws -> [SocketAddress]

    /// How long an answer is used: a burst of connections asks once, and a change is followed all the same.
    static let freshness = TimeAmount.seconds(5)
    /// How long a failure is: attempts that follow at once would hear the same.
    static let failureFreshness = TimeAmount.milliseconds(250)

    private struct State {
        /// The one awaited, or the last one.
        var answer: EventLoopFuture<[SocketAddress]>?
        /// When the last one ceases to be used; nil while it is awaited.
        var until: NIODeadline?
    }

    private let host: String
    private let port: Int
    private let eventLoop: any EventLoop
    private let question: Question
    private let now: @Sendable () -> NIODeadline
    private let state: NIOLoopBoundBox<State>
    private let queue = DispatchQueue(label: "otp-worker.names")

    init(
        of host: String,
        port: Int,
        on eventLoop: any EventLoop,
        question: @escaping Question,
        now: @escaping @Sendable () -> NIODeadline = { .now() }
    ) {
        self.host = host
        self.port = port
        self.eventLoop = eventLoop
        self.question = question
        self.now = now
        state = .makeBoxSendingValue(State(), eventLoop: eventLoop)
    }

    /// The addresses, in the system's order of preference.
    func addresses() -> EventLoopFuture<[SocketAddress]> {
        eventLoop.preconditionInEventLoop()
        if let answer = state.value.answer, state.value.until.map({ now() < $0 }) ?? true { return answer }
        let promise = eventLoop.makePromise(of: [SocketAddress].self)
        state.value = State(answer: promise.futureResult)
        promise.futureResult.whenComplete { result in
            let freshness = if case .success = result { Self.freshness } else { Self.failureFreshness }
            self.state.value.until = self.now() + freshness
        }
        if let address = try? SocketAddress(ipAddress: host, port: port) {
            promise.succeed([address])
        } else {
            queue.async { [host, port, question] in promise.completeWith(Result { try question(host, port) }) }
        }
        return promise.futureResult
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        addresses(of: .inet6)
    }

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        addresses(of: .inet)
    }

    /// Anyone who gives up leaves the question to the others.
    func cancelQueries() {}

    /// A tick later at the earliest: the connector expects to be told after both questions were put.
    private func addresses(of family: NIOBSDSocket.ProtocolFamily) -> EventLoopFuture<[SocketAddress]> {
        let answer = addresses()
        return eventLoop.submit {}.flatMap { answer }.map { $0.filter { $0.protocol == family } }
    }

    /// The system's own way, which blocks until it knows.
    static let system: Question = { host, port in
        var hint = addrinfo()
        #if os(Linux)
        hint.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hint.ai_socktype = SOCK_STREAM
        #endif
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hint, &found) == 0 else { throw Unknown() }
        defer { freeaddrinfo(found) }
        return sequence(first: found) { $0?.pointee.ai_next }.prefix { $0 != nil }.compactMap { entry in
            guard let entry = entry?.pointee, let address = entry.ai_addr else { return nil }
            return switch NIOBSDSocket.AddressFamily(rawValue: entry.ai_family) {
            case .inet:
                UnsafeRawPointer(address).withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    SocketAddress($0.pointee, host: host)
                }
            case .inet6:
                UnsafeRawPointer(address).withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    SocketAddress($0.pointee, host: host)
                }
            default: nil
            }
        }
    }

    /// The name has no address, or nobody could be asked.
    struct Unknown: Error {}
}
