import NIOCore

/// An answer as HTTP/1.1 bytes, right or spoiled.
///
/// Written here, not by a library, so that it can be wrong on purpose.
enum AnswerBytes {
    static let garbage = "\u{16}\u{3}this is not HTTP\r\n\r\n\u{0}\u{1}"

    /// The whole answer; `keepAlive` is what its head announces.
    static func whole(_ answer: SandboxAnswer, keepAlive: Bool, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        var bytes = allocator.buffer(capacity: answer.body.utf8.count + 256)
        writeHead(answer, to: &bytes)
        if !keepAlive { bytes.writeStaticString("Connection: close\r\n") }
        // These two never have a body: whatever followed would be taken for the next answer.
        guard answer.status != 204, answer.status != 304 else {
            bytes.writeStaticString("\r\n")
            return bytes
        }
        let body = answer.bytes ?? Array(answer.body.utf8)
        bytes.writeString("Content-Length: \(body.count)\r\n\r\n")
        bytes.writeBytes(body)
        return bytes
    }

    /// The answer in chunks of seven bytes, with an extension and a trailer.
    static func chunked(_ answer: SandboxAnswer, keepAlive: Bool, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        var bytes = allocator.buffer(capacity: answer.body.utf8.count * 3 + 256)
        writeHead(answer, to: &bytes)
        if !keepAlive { bytes.writeStaticString("Connection: close\r\n") }
        bytes.writeStaticString("Transfer-Encoding: chunked\r\n\r\n")
        var rest = Array(answer.body.utf8)[...]
        while !rest.isEmpty {
            let chunk = rest.prefix(7)
            bytes.writeString("\(chunk.count);part=yes\r\n")
            bytes.writeBytes(chunk)
            bytes.writeStaticString("\r\n")
            rest = rest.dropFirst(7)
        }
        bytes.writeStaticString("0\r\nX-Trailer: yes\r\n\r\n")
        return bytes
    }

    /// A 103, then the whole answer.
    static func informational(_ answer: SandboxAnswer, keepAlive: Bool, _ allocator: ByteBufferAllocator) -> ByteBuffer
    {
        var bytes = allocator.buffer(string: "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
        var answer = whole(answer, keepAlive: keepAlive, allocator)
        bytes.writeBuffer(&answer)
        return bytes
    }

    /// The head, which promises the whole body, and half of the body.
    static func half(_ answer: SandboxAnswer, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        let bytes = whole(answer, keepAlive: true, allocator)
        let kept = bytes.readableBytes - (answer.body.utf8.count + 1) / 2
        return bytes.getSlice(at: bytes.readerIndex, length: kept) ?? bytes
    }

    /// The answer in one chunk whose size is not a number.
    static func malformedChunks(_ answer: SandboxAnswer, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        var bytes = allocator.buffer(capacity: answer.body.utf8.count + 256)
        writeHead(answer, to: &bytes)
        bytes.writeStaticString("Transfer-Encoding: chunked\r\n\r\nnonsense\r\n")
        bytes.writeString(answer.body)
        bytes.writeStaticString("\r\n0\r\n\r\n")
        return bytes
    }

    private static func writeHead(_ answer: SandboxAnswer, to bytes: inout ByteBuffer) {
        bytes.writeString("HTTP/1.1 \(answer.status) \(reason(answer.status))\r\n")
        bytes.writeString("Content-Type: \(answer.contentType)\r\n")
        if let retryAfter = answer.retryAfter { bytes.writeString("Retry-After: \(retryAfter)\r\n") }
        if let seconds = answer.idleTimeout { bytes.writeString("Keep-Alive: timeout=\(seconds)\r\n") }
        // To itself: who follows it is seen in the journal.
        if (300..<400).contains(answer.status) { bytes.writeStaticString("Location: /v1/card/check_otp\r\n") }
        if let allow = answer.allow { bytes.writeString("Allow: \(allow)\r\n") }
        if let peer = answer.peer { bytes.writeString("X-Peer-Address: \(peer)\r\n") }
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 503: "Service Unavailable"
        default: "Status"
        }
    }
}
