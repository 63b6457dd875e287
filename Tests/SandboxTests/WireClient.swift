import NIOCore
import NIOPosix
import NIOSSL

/// A caller that knows no HTTP: it sends text, and shows the bytes that come back and how the connection ended.
///
/// It shares nothing with the sandbox or with any HTTP library, so that a spoiled answer is seen as it is.
final class WireClient: Sendable {
    struct TimedOut: Error {}

    /// What the other side has sent so far.
    struct Received: Sendable {
        var bytes: [UInt8] = []
        var isClosed = false
        /// TLS only: the end came without a goodbye.
        var isCut = false
    }

    private let channel: any Channel
    private let collector: NIOLoopBound<Collector>

    private init(channel: any Channel, collector: NIOLoopBound<Collector>) {
        self.channel = channel
        self.collector = collector
    }

    /// Connects to a loopback port; `caPEM` asks for TLS that trusts only this authority.
    static func connect(
        _ port: Int,
        host: String = "127.0.0.1",
        caPEM: String? = nil,
        name: String = "localhost",
        highest: TLSVersion? = nil
    ) async throws -> WireClient {
        var context: NIOSSLContext?
        if let caPEM {
            var settings = TLSConfiguration.makeClientConfiguration()
            settings.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(caPEM.utf8)))
            settings.minimumTLSVersion = .tlsv12
            settings.maximumTLSVersion = highest
            context = try NIOSSLContext(configuration: settings)
        }
        let tls = context
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name)) }
                    let collector = Collector()
                    try pipeline.addHandler(collector)
                    return WireClient(
                        channel: channel,
                        collector: NIOLoopBound(collector, eventLoop: channel.eventLoop)
                    )
                }
            }
    }

    /// Sends `text`; a connection that cannot take it tells the one who receives.
    func send(_ text: String) {
        channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
    }

    /// What has come until `isEnough` says so; fails after ten seconds, or when the connection fails before.
    func receive(until isEnough: @escaping @Sendable (Received) -> Bool) async throws -> Received {
        try await channel.eventLoop.flatSubmit { [channel, collector] in
            let promise = channel.eventLoop.makePromise(of: Received.self)
            collector.value.wait(until: isEnough, promise)
            let deadline = channel.eventLoop.scheduleTask(in: .seconds(10)) { promise.fail(TimedOut()) }
            promise.futureResult.whenComplete { _ in deadline.cancel() }
            return promise.futureResult
        }.get()
    }

    /// What has come so far.
    func received() async throws -> Received {
        try await receive { _ in true }
    }

    /// Everything until the other side closed the connection.
    func receiveAll() async throws -> Received {
        try await receive { $0.isClosed }
    }

    /// Sends `text`, and reads one whole answer.
    func exchange(_ text: String) async throws -> WireAnswer {
        send(text)
        return try await answer()
    }

    /// Reads one whole answer; what comes after it stays.
    func answer() async throws -> WireAnswer {
        let received = try await receive { WireAnswer(whole: $0.bytes) != nil || $0.isClosed }
        guard let answer = WireAnswer(whole: received.bytes) else { throw TimedOut() }
        try await channel.eventLoop.submit { [collector] in
            collector.value.received.bytes.removeFirst(answer.length)
        }.get()
        return answer
    }
}

/// Keeps what a connection brings, and tells the one who waits.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var received = WireClient.Received()
    private var isEnough: ((WireClient.Received) -> Bool)?
    private var promise: EventLoopPromise<WireClient.Received>?
    private var failure: (any Error)?

    func wait(until isEnough: @escaping (WireClient.Received) -> Bool, _ promise: EventLoopPromise<WireClient.Received>)
    {
        self.isEnough = isEnough
        self.promise = promise
        check()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.bytes.append(contentsOf: unwrapInboundIn(data).readableBytesView)
        check()
    }

    func channelInactive(context: ChannelHandlerContext) {
        received.isClosed = true
        check()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .uncleanShutdown? = error as? NIOSSLError {
            received.isCut = true
        } else {
            failure = error
            context.close(promise: nil)
        }
        check()
    }

    private func check() {
        guard let promise, let isEnough else { return }
        if let failure {
            promise.fail(failure)
        } else if isEnough(received) {
            promise.succeed(received)
        } else {
            return
        }
        self.promise = nil
        self.isEnough = nil
    }
}

/// One HTTP answer, taken apart by hand.
struct WireAnswer: Sendable, Equatable {
    let status: Int
    let headers: [String: String]
    let body: String
    /// The bytes that it takes on the wire.
    let length: Int

    /// nil while bytes are missing.
    init?(whole bytes: [UInt8]) {
        guard let head = Self.head(bytes), let length = head.headers["content-length"].flatMap(Int.init),
            bytes.count >= head.length + length
        else { return nil }
        status = head.status
        headers = head.headers
        body = String(decoding: bytes[head.length..<head.length + length], as: UTF8.self)
        self.length = head.length + length
    }

    /// Status and headers (names in lower case), and how many bytes they take.
    static func head(_ bytes: [UInt8]) -> (status: Int, headers: [String: String], length: Int)? {
        let end: [UInt8] = [13, 10, 13, 10]
        guard let last = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) else { return nil }
        let lines = String(decoding: bytes[..<last], as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first?.split(separator: " "), first.count > 1, first[0] == "HTTP/1.1",
            let status = Int(first[1])
        else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1)
            if pair.count == 2 { headers[pair[0].lowercased()] = pair[1].drop { $0 == " " }.lowercased() }
        }
        return (status, headers, last + 4)
    }
}
