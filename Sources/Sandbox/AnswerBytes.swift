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
        bytes.writeString("Content-Length: \(answer.body.utf8.count)\r\n\r\n")
        bytes.writeString(answer.body)
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
        if let allow = answer.allow { bytes.writeString("Allow: \(allow)\r\n") }
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 503: "Service Unavailable"
        default: "Status"
        }
    }
}
