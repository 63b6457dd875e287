import OTPEngine

/// What one connection is doing and, when it fails, whether any byte of the request may have left.
///
/// A value: it is told what happened and returns what to do. It never touches a channel.
///
/// `notSent` or `unknown` rests on one question: *had any byte of the request been handed to the socket when it failed?* It
/// is answered where the bytes pass, by ``WireTap``, the last handler before the transport:
///
/// - The request is one buffer in one flush, written only to a connection whose handshake is over. So between its write and
///   its end nothing else is due to pass the tap, and with TLS the tap sees ciphertext: bytes that the TLS handler holds
///   back have not left.
/// - The tap reports *before* it passes the flush on to an open channel. From then on NIO may call `write(2)`; whether the
///   kernel took all bytes, some, or none because its buffer was full, is not asked: it counts as left. So does a write that
///   the kernel refused: a refusal may follow bytes that an earlier call of the same flush got through.
/// - A flush that reaches the tap on a closed channel is dropped by NIO without a system call: not left.
/// - Should a TLS message of the connection's own pass while a request is held back, it counts as left: `unknown` costs a
///   doubt, a wrong `notSent` could ask a one-time code twice unannounced.
///
/// A FIN that is on its way when a request is flushed therefore ends `unknown`. To make that rare, a connection is released
/// one tick after its answer (a FIN that came along with it is read first), the socket is looked into before a request is
/// written (``Connection/isQuiet``), the one used last is used first, and idle ones are closed before the server would.
struct ConnectionState: Equatable {
    private enum State: Equatable {
        case connecting
        case securing
        case idle
        case asking(left: Bool)
        /// The answer is complete; the connection waits to be released.
        case answered(reusable: Bool)
        case closed
    }

    enum FailedAction: Equatable {
        /// It had ended already.
        case ignore
        case failOpening(TransportFailure)
        /// It was idle: nobody is told but the pool.
        case vanish
        case end(UpstreamAnswer.Transport)
        /// Its answer is on the way to the caller and stands; only the connection is gone.
        case keepAnswer
    }

    enum ArrivedAction: Equatable {
        case parse
        /// Bytes that nobody asked for: they must never be taken for the answer to the next request.
        case fail(TransportFailure)
        case ignore
    }

    private var state = State.connecting

    var isAsking: Bool { if case .asking = state { true } else { false } }
    var isClosed: Bool { state == .closed }

    /// The TCP connection is there, and a TLS handshake follows if `securing`.
    mutating func connected(securing: Bool) {
        switch state {
        case .connecting: state = securing ? .securing : .idle
        case .securing, .idle, .asking, .answered, .closed: preconditionFailure("connected while \(state)")
        }
    }

    /// The handshake is complete.
    ///
    /// True if the connection can now be used.
    mutating func secured() -> Bool {
        switch state {
        case .securing:
            state = .idle
            return true
        case .closed: return false
        case .connecting, .idle, .asking, .answered: preconditionFailure("secured while \(state)")
        }
    }

    /// A request is about to be written into the pipeline.
    mutating func asked() {
        switch state {
        case .idle: state = .asking(left: false)
        case .connecting, .securing, .asking, .answered, .closed: preconditionFailure("asked while \(state)")
        }
    }

    /// Bytes are about to be handed to the open socket.
    mutating func flushed() {
        switch state {
        case .asking: state = .asking(left: true)
        case .connecting, .securing, .idle, .answered, .closed: break
        }
    }

    /// Bytes came from the peer.
    mutating func bytesArrived() -> ArrivedAction {
        switch state {
        case .asking(left: true): return .parse
        case .asking(left: false), .idle, .connecting, .securing: return .fail(.malformedResponse)
        case .answered:
            state = .answered(reusable: false)
            return .ignore
        case .closed: return .ignore
        }
    }

    /// The answer is complete.
    mutating func answered(reusable: Bool) {
        switch state {
        case .asking(left: true): state = .answered(reusable: reusable)
        case .connecting, .securing, .idle, .asking, .answered, .closed: preconditionFailure("answered while \(state)")
        }
    }

    /// The tick after the answer.
    ///
    /// True if the connection can carry another request, false if it is to be closed, nil if it is closed and the pool
    /// knows.
    mutating func released() -> Bool? {
        switch state {
        case .answered(let reusable):
            state = reusable ? .idle : .closed
            return reusable
        case .closed: return nil
        case .connecting, .securing, .idle, .asking: preconditionFailure("released while \(state)")
        }
    }

    /// The connection failed, was closed by the peer, or took too long.
    mutating func failed(_ failure: TransportFailure) -> FailedAction {
        defer { state = .closed }
        switch state {
        case .connecting: return .failOpening(failure)
        case .securing: return .failOpening(failure == .closed ? .tls : failure)
        case .idle: return .vanish
        case .asking(let left): return .end(left ? .unknown(failure) : .notSent(failure))
        case .answered: return .keepAnswer
        case .closed: return .ignore
        }
    }
}
