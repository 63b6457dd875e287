import NIOCore
package import OTPContract

/// One question to `check_otp`.
package struct CheckRequest: Sendable {
    package var sessionID: SessionID
    package var phone: PhoneNumber
    package var code: OTPCode
    /// A W3C `traceparent` to send along.
    ///
    /// One that is not made of its letters is left out.
    package var traceparent: [UInt8]?
    /// The `tracestate` that belongs to it: visible ASCII and spaces, up to 512 bytes; any other is left out.
    package var tracestate: [UInt8]?

    package init(
        sessionID: SessionID,
        phone: PhoneNumber,
        code: OTPCode,
        traceparent: [UInt8]? = nil,
        tracestate: [UInt8]? = nil
    ) {
        self.sessionID = sessionID
        self.phone = phone
        self.code = code
        self.traceparent = traceparent
        self.tracestate = tracestate
    }
}

/// Turns a question into the bytes of its HTTP request.
///
/// All but the length, the trace and the body is the same for every request and encoded once. It shows nothing of
/// itself: the constant part holds the secret.
struct RequestEncoder: Redacting {
    private let constantHead: [UInt8]

    /// `keepsAlive` is whether the connection may carry another request after this one.
    init(
        origin: Origin,
        authentication: CheckClientConfiguration.Authentication,
        secret: Secret,
        keepsAlive: Bool = true
    ) throws {
        var head: [UInt8] = []
        head += "POST \(origin.basePath)/v1/card/check_otp HTTP/1.1\r\n".utf8
        head += "Host: \(origin.hostHeader)\r\n".utf8
        head += "Authorization: ".utf8
        head += try Self.authorization(authentication, secret)
        head += "\r\nContent-Type: application/json; charset=UTF-8\r\nAccept: application/json\r\n".utf8
        if !keepsAlive { head += "Connection: close\r\n".utf8 }
        head += "Accept-Encoding: identity\r\nUser-Agent: otp-worker\r\nContent-Length: ".utf8
        constantHead = head
    }

    /// The value of `Authorization`.
    /// - Throws: ``CheckClientError/unusableSecret``.
    static func authorization(
        _ authentication: CheckClientConfiguration.Authentication,
        _ secret: Secret
    ) throws(CheckClientError) -> [UInt8] {
        let key = Array(secret.revealed.utf8)
        guard !key.isEmpty, key.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .unusableSecret }
        let shown =
            switch authentication {
            case .secretKey: key
            case .basicPair: base64(key + [UInt8(ascii: ":")])
            }
        return Array("Basic ".utf8) + shown
    }

    /// Head and body in one buffer, for a single write.
    func encode(_ request: CheckRequest, allocator: ByteBufferAllocator) -> ByteBuffer {
        var json = JSONWriter(capacity: 128)
        json.beginObject()
        json.key("user_gsm")
        json.string(request.phone.revealed)
        json.key("otp_session_id")
        json.string(request.sessionID.text)
        json.key("otp_code")
        json.string(request.code.revealed)
        json.endObject()
        let body = json.bytes
        var buffer = allocator.buffer(capacity: constantHead.count + body.count + 96)
        buffer.writeBytes(constantHead)
        Self.write(body.count, to: &buffer)
        if let traceparent = request.traceparent, Self.isHarmless(traceparent) {
            buffer.writeStaticString("\r\ntraceparent: ")
            buffer.writeBytes(traceparent)
            // Without its parent the state means nothing.
            if let state = request.tracestate, Self.isHarmless(state: state) {
                buffer.writeStaticString("\r\ntracestate: ")
                buffer.writeBytes(state)
            }
        }
        buffer.writeStaticString("\r\n\r\n")
        buffer.writeBytes(body)
        return buffer
    }

    /// Later versions of the format may be longer, but of the same letters.
    private static func isHarmless(_ traceparent: [UInt8]) -> Bool {
        (1...128).contains(traceparent.count)
            && traceparent.allSatisfy { isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "-") }
    }

    /// The W3C asks everybody to pass on 512 bytes.
    private static func isHarmless(state: [UInt8]) -> Bool {
        (1...512).contains(state.count) && state.allSatisfy { (0x20...0x7e).contains($0) }
    }

    private static func write(_ number: Int, to buffer: inout ByteBuffer) {
        if number >= 10 { write(number / 10, to: &buffer) }
        buffer.writeInteger(UInt8(ascii: "0") + UInt8(number % 10))
    }

    private static func base64(_ bytes: [UInt8]) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for index in 0..<4 {
                text.append(index <= group.count ? alphabet[bits >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
            }
        }
        return text
    }
}
