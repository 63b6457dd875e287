package import NIOCore
import NIOPosix
package import NIOSSL
package import OTPContract
package import OTPEngine

/// Asks `check_otp`, one HTTP/1.1 attempt per call, on pooled keep-alive connections to one origin.
///
/// It reports what happened and decides nothing: no retry, no redirect, no verdict.
///
/// Confined to one event loop: every function must be called on it, and everything is reported on it. Anyone who makes a client
/// must close it; until then its connections keep it alive.
package final class CheckClient {
    private let configuration: CheckClientConfiguration
    private let eventLoop: any EventLoop
    private let tls: NIOSSLContext?
    private let identity: ServerIdentity
    private var encoder: RequestEncoder
    private let bootstrap: ClientBootstrap
    private let allocator = ByteBufferAllocator()
    private var pool: ConnectionPool<PendingCall>
    /// By slot of the pool.
    private(set) var connections: [Connection?] = []
    /// Channels that are not closed yet, those that the pool has given up included.
    private var channels: [ObjectIdentifier: Connection] = [:]
    private var connects = 0
    private var requests = 0
    /// How long the upstream keeps an idle connection, as it last said; a new one is kept no longer.
    private var idleLimit: Duration?
    private var isClosed = false
    private var closeCompletions: [() -> Void] = []

    private var timer: Scheduled<Void>?
    private var timerDeadline = NIODeadline.distantFuture

    private var finished = Finished()
    private var isFlushScheduled = false

    /// What ended within this tick.
    ///
    /// Connections are released before anyone is told, so that a caller that asks again at once finds them.
    private struct Finished {
        var connections: [Connection] = []
        var calls: [(call: PendingCall, answer: UpstreamAnswer)] = []
    }

    /// Takes the secret in its encoded form, shown nowhere; `tls` comes from ``CheckClientConfiguration/makeTLSContext()``
    /// and is shared by the clients of all loops.
    ///
    /// - Throws: ``CheckClientError``.
    package init(
        configuration: CheckClientConfiguration,
        secret: Secret,
        eventLoop: any EventLoop,
        tls: NIOSSLContext?
    ) throws {
        guard !configuration.origin.isTLS || tls != nil else { throw CheckClientError.missingTLSContext }
        if let proxy = configuration.proxy, !proxy.canTunnel(to: configuration.origin) {
            throw CheckClientError.unusableProxy
        }
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.tls = configuration.origin.isTLS ? tls : nil
        identity = ServerIdentity(configuration.origin)
        encoder = try RequestEncoder(
            origin: configuration.origin,
            authentication: configuration.authentication,
            secret: secret,
            keepsAlive: configuration.reusesConnections
        )
        let peer = configuration.proxy ?? configuration.origin
        bootstrap = ClientBootstrap(group: eventLoop)
            .resolver(NameLookup(of: peer.host, port: peer.port, on: eventLoop, question: configuration.lookUp))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
        pool = ConnectionPool(
            maximum: configuration.maximumConnections,
            connectTimeout: TimeAmount(configuration.connectTimeout),
            idleTimeout: TimeAmount(configuration.idleTimeout)
        )
    }

    /// Makes one attempt.
    ///
    /// - Parameters:
    ///   - request: what to ask.
    ///   - timeout: for waiting for a connection, making one, asking and reading the answer, all together.
    ///   - permit: asked immediately before the request is written. If it says no, the call ends `notSent(.withheld)` and
    ///     the connection serves another. It must not call this client.
    ///   - completion: called exactly once, on the loop, never from within this function.
    package func call(
        _ request: CheckRequest,
        timeout: Duration,
        permit: @escaping () -> Bool,
        completion: @escaping (UpstreamAnswer) -> Void
    ) {
        eventLoop.preconditionInEventLoop()
        let now = NIODeadline.now()
        if now >= timerDeadline { timeReached(now) }
        let call = PendingCall(request: request, permit: permit, completion: completion)
        let deadline = now + TimeAmount(min(timeout, .seconds(86_400)))
        switch pool.called(call, deadline: deadline, at: now) {
        case .send(let slot):
            arm(deadline)
            send(call, on: slot)
        case .wait: arm(deadline)
        case .waitAndOpen(let slot):
            arm(deadline)
            open(slot)
        case .refuse: ended(call, with: UpstreamAnswer(.notSent(.shutdown)))
        }
    }

    /// Shows another secret key from the next request on.
    ///
    /// - Throws: ``CheckClientError/unusableSecret``; the one before stays in use then.
    package func replaceSecret(_ secret: Secret) throws {
        eventLoop.preconditionInEventLoop()
        encoder = try RequestEncoder(
            origin: configuration.origin,
            authentication: configuration.authentication,
            secret: secret,
            keepsAlive: configuration.reusesConnections
        )
    }

    /// Opens connections ahead of need, until `count` are open or being made.
    package func warmUp(connections count: Int) {
        eventLoop.preconditionInEventLoop()
        for slot in pool.warmUpRequested(count, at: .now()) { open(slot) }
    }

    /// Takes no more calls, ends those under way with `.shutdown` (`notSent` or `unknown` as the case is) and closes
    /// every connection; then calls `completion`.
    ///
    /// Anyone who wants answers waits for them first.
    package func close(_ completion: @escaping () -> Void) {
        eventLoop.preconditionInEventLoop()
        isClosed = true
        closeCompletions.append(completion)
        let action = pool.closeRequested()
        for call in action.fail { ended(call, with: UpstreamAnswer(.notSent(.shutdown))) }
        for slot in action.close { connections[slot]?.fail(.shutdown) }
        for connection in channels.values { connection.close() }
        timer?.cancel()
        timer = nil
        scheduleFlush()
    }

    /// For metrics.
    package var counters: CheckClientCounters {
        CheckClientCounters(
            openConnections: pool.open,
            connectionsInUse: pool.inUse,
            waitingCalls: pool.waitingCalls,
            connects: connects,
            requests: requests
        )
    }
}

extension CheckClient {
    /// `connection` is ready for its first request.
    func opened(_ connection: Connection) {
        let now = NIODeadline.now()
        let age = configuration.maximumAge * Double.random(in: 0.8...1)
        connection.idles(within: idleLimit)
        let end = connection.reusableUntil
        let action = pool.opened(connection.slot, retireAt: now + TimeAmount(age), reusableUntil: end, at: now)
        perform(action, on: connection)
    }

    /// `connection` could not be made.
    func openFailed(_ connection: Connection, _ failure: TransportFailure) {
        connections[connection.slot] = nil
        let action = pool.openFailed(connection.slot, at: .now())
        if let call = action.fail { ended(call, with: UpstreamAnswer(.notSent(failure))) }
        if let slot = action.open { open(slot) }
    }

    /// `connection`, which was ready or in use, is no more.
    func closed(_ connection: Connection) {
        connections[connection.slot] = nil
        if let slot = pool.closed(connection.slot, at: .now()) { open(slot) }
    }

    /// The answer to `call` is complete; `connection` is released with the tick.
    ///
    /// Returns whether it may carry another call: not after an answer that is not in the upstream's own form, whose end
    /// somebody else may have decided.
    func answered(_ call: PendingCall, on connection: Connection, _ response: ResponseParser.Response) -> Bool {
        let wait = response.retryAfter.flatMap {
            RetryAfter.wait($0, date: response.date, wallClock: configuration.wallClock)
        }
        let body = AnswerBody(Array(response.body.readableBytesView), isEncoded: response.isEncoded)
        idleLimit = response.idleLimit ?? idleLimit
        connection.idles(within: idleLimit)
        finished.connections.append(connection)
        let answer = UpstreamAnswer(
            .answered(status: response.status),
            body: body.content,
            bodyFault: body.fault,
            retryAfter: wait
        )
        ended(call, with: answer)
        return configuration.reusesConnections && response.status != 408 && answer.isUpstreamsOwn
    }

    /// `call` has ended; its caller hears of it with the tick.
    func ended(_ call: PendingCall, with answer: UpstreamAnswer) {
        finished.calls.append((call, answer))
        scheduleFlush()
    }

    private func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        isFlushScheduled = false
        let batch = finished
        finished = Finished()
        let now = NIODeadline.now()
        for connection in batch.connections {
            switch connection.release() {
            case true?:
                let end = connection.reusableUntil
                perform(pool.released(connection.slot, reusableUntil: end, at: now), on: connection)
            case false?: closed(connection)
            case nil: break
            }
        }
        for (call, answer) in batch.calls { call.completion(answer) }
        finishClosing()
    }

    private func perform(_ action: ConnectionPool<PendingCall>.FreedAction, on connection: Connection) {
        switch action {
        case .send(let call, let slot): send(call, on: slot)
        case .park(let until): arm(until)
        case .close(let next):
            connections[connection.slot] = nil
            connection.retire()
            if let next { open(next) }
        }
    }

    private func send(_ call: PendingCall, on slot: Int) {
        guard let connection = connections[slot] else { preconditionFailure("no connection in slot \(slot)") }
        guard connection.isQuiet else { return replace(connection, for: call) }
        var call = call
        while !call.permit() {
            ended(call, with: UpstreamAnswer(.notSent(.withheld)))
            let action = pool.released(slot, reusableUntil: connection.reusableUntil, at: .now())
            guard case .send(let next, _) = action else { return perform(action, on: connection) }
            call = next
        }
        requests += 1
        connection.ask(encoder.encode(call.request, allocator: allocator), for: call)
    }

    /// Something unasked, or the end, came on a connection that was about to be used.
    private func replace(_ connection: Connection, for call: PendingCall) {
        let slot = connection.slot
        connections[slot] = nil
        connection.retire()
        switch pool.spoiled(slot, for: call, at: .now()) {
        case .send(let other): send(call, on: other)
        case .wait: break
        case .waitAndOpen(let slot): open(slot)
        case .refuse: ended(call, with: UpstreamAnswer(.notSent(.shutdown)))
        }
    }

    private func open(_ slot: Int) {
        let connection = Connection(
            slot: slot,
            client: self,
            maximumResponseBytes: configuration.maximumResponseBytes,
            identity: identity
        )
        while connections.count <= slot { connections.append(nil) }
        connections[slot] = connection
        connects += 1
        arm(.now() + TimeAmount(configuration.connectTimeout))
        let peer = configuration.proxy ?? configuration.origin
        bootstrap.connect(host: peer.host, port: peer.port).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel): self.connected(connection, to: channel)
            case .failure(let error): if !connection.isClosed { connection.fail(TransportFailure(connecting: error)) }
            }
        }
    }

    private func connected(_ connection: Connection, to channel: any Channel) {
        guard !connection.isClosed else { return channel.close(promise: nil) }
        let id = ObjectIdentifier(connection)
        channels[id] = connection
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            self.channels[id] = nil
            self.finishClosing()
        }
        do {
            let handler = try tls.map {
                try NIOSSLClientHandler(
                    context: $0,
                    serverHostname: configuration.origin.isAddress ? nil : configuration.origin.host
                )
            }
            connection.start(
                on: channel,
                tls: handler,
                tunnel: configuration.proxy == nil ? nil : configuration.origin.authority
            )
        } catch {
            connection.fail(.tls)
            channel.close(promise: nil)
        }
    }

    private func arm(_ deadline: NIODeadline) {
        guard deadline < timerDeadline, !isClosed else { return }
        timer?.cancel()
        timerDeadline = deadline
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timeReached(.now()) }
    }

    private func timeReached(_ now: NIODeadline) {
        timerDeadline = .distantFuture
        let action = pool.timeReached(now)
        for call in action.expiredWaiting { ended(call, with: UpstreamAnswer(.notSent(.attemptTimeout))) }
        for slot in action.closeIdle {
            connections[slot]?.retire()
            connections[slot] = nil
        }
        for slot in action.expiredConnecting { connections[slot]?.fail(.connectTimeout) }
        for slot in action.expiredAttempts { connections[slot]?.expire() }
        if let next = action.next { arm(next) }
    }

    private func finishClosing() {
        guard isClosed, channels.isEmpty, finished.calls.isEmpty else { return }
        let completions = closeCompletions
        closeCompletions = []
        for completion in completions { completion() }
    }
}

extension TransportFailure {
    /// What kept a TCP connection from being made.
    init(connecting error: any Error) {
        switch error {
        case ChannelError.connectTimeout: self = .connectTimeout
        case let error as NIOConnectionError where error.connectionErrors.isEmpty: self = .resolve
        case let error as NIOConnectionError:
            let timedOut = error.connectionErrors.allSatisfy {
                if case ChannelError.connectTimeout = $0.error { true } else { false }
            }
            self = timedOut ? .connectTimeout : .connect
        default: self = .connect
        }
    }
}

/// What a ``CheckClient`` holds now, and what it has done so far.
package struct CheckClientCounters: Equatable, Sendable {
    /// Connections that are open or being made.
    package var openConnections: Int
    package var connectionsInUse: Int
    /// Calls without a connection.
    package var waitingCalls: Int
    /// Connections begun since the client was made.
    package var connects: Int
    /// Requests written since the client was made.
    package var requests: Int
}

/// A call under way.
final class PendingCall: Equatable {
    let request: CheckRequest
    let permit: () -> Bool
    let completion: (UpstreamAnswer) -> Void

    init(request: CheckRequest, permit: @escaping () -> Bool, completion: @escaping (UpstreamAnswer) -> Void) {
        self.request = request
        self.permit = permit
        self.completion = completion
    }

    static func == (lhs: PendingCall, rhs: PendingCall) -> Bool { lhs === rhs }
}
