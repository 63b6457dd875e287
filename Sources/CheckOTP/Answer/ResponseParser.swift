import NIOCore

/// Reads one HTTP/1.x answer from bytes that arrive in any pieces.
///
/// A value without a channel. It is strict: what two readers could frame differently is malformed.
///
/// NIOHTTP1's decoder is not used because it keeps the bytes after an answer to itself, as the possible beginning of the
/// next. Here they must be seen: a connection with bytes left over is never used again, or they would answer the next code.
struct ResponseParser {
    enum Malformed: Error { case malformed }

    /// A complete answer.
    ///
    /// `body` is what the framing delimited, chunks joined.
    struct Response: Equatable {
        var status: Int
        var keepAlive: Bool
        var retryAfter: [UInt8]?
        var date: [UInt8]?
        /// For how long the upstream keeps the connection when it is idle; nil where it does not say.
        var idleLimit: Duration?
        /// The body is encoded, compressed perhaps, though nobody asked for that.
        var isEncoded = false
        var body: ByteBuffer
    }

    private struct Head: Equatable {
        var status: Int
        var keepAlive: Bool
        /// HTTP/1.0.
        var isOld = false
        /// A `Connection: close` outweighs whatever else is said (RFC 9112, 9.3).
        var closes = false
        var contentLength: Int?
        var isChunked = false
        var retryAfter: [UInt8]?
        var date: [UInt8]?
        var idleLimit: Duration?
        var isEncoded = false
    }

    private enum State: Equatable {
        case head
        case sized(remaining: Int)
        case chunkSize
        case chunk(remaining: Int)
        case chunkEnd
        case trailers
        case untilClose
        case complete
    }

    private var state = State.head
    private var head = Head(status: 0, keepAlive: false)
    private var body = ByteBuffer()
    /// An interim answer, which nobody asked for, came before: the connection is not used again.
    private var hasInterim = false
    /// Bytes of the current line or head that were searched for its end already.
    private var searched = 0

    /// Takes what it can from `buffer` and leaves the rest for later; returns the answer once it is complete.
    ///
    /// What is in `buffer` then does not belong to it.
    mutating func consume(_ buffer: inout ByteBuffer) throws(Malformed) -> Response? {
        while true {
            switch state {
            case .head:
                guard let length = endOfHead(buffer) else { return nil }
                try parseHead(&buffer, length: length)
            case .sized(let remaining):
                consume(remaining, from: &buffer) { $0 == 0 ? .complete : .sized(remaining: $0) }
                if state != .complete { return nil }
            case .chunkSize:
                guard let line = try consumeLine(&buffer) else { return nil }
                let size = try Self.chunkSize(line)
                state = size == 0 ? .trailers : .chunk(remaining: size)
            case .chunk(let remaining):
                consume(remaining, from: &buffer) { $0 == 0 ? .chunkEnd : .chunk(remaining: $0) }
                if state != .chunkEnd { return nil }
            case .chunkEnd:
                guard let line = try consumeLine(&buffer) else { return nil }
                guard line.isEmpty else { throw .malformed }
                state = .chunkSize
            case .trailers:
                guard let line = try consumeLine(&buffer) else { return nil }
                if line.isEmpty { state = .complete }
            case .untilClose:
                consume(buffer.readableBytes, from: &buffer) { _ in .untilClose }
                return nil
            case .complete:
                return finish()
            }
        }
    }

    /// The peer ended the stream in an orderly way.
    ///
    /// Completes an answer whose body lasts until then.
    mutating func endOfStream() -> Response? {
        guard state == .untilClose else { return nil }
        return finish()
    }

    /// The body length that the head announced, for a limit that need not wait for it.
    var announcedLength: Int { head.contentLength ?? 0 }

    private mutating func finish() -> Response {
        let response = Response(
            status: head.status,
            keepAlive: head.keepAlive && !hasInterim,
            retryAfter: head.retryAfter,
            date: head.date,
            idleLimit: head.idleLimit,
            isEncoded: head.isEncoded,
            body: body
        )
        self = ResponseParser()
        return response
    }

    private mutating func consume(_ wanted: Int, from buffer: inout ByteBuffer, next: (Int) -> State) {
        let count = min(wanted, buffer.readableBytes)
        if count > 0, var slice = buffer.readSlice(length: count) {
            if body.readableBytes == 0 { body = slice } else { body.writeBuffer(&slice) }
        }
        state = next(wanted - count)
    }
}

extension ResponseParser {
    /// The length of the head, its empty line included.
    private mutating func endOfHead(_ buffer: ByteBuffer) -> Int? {
        let from = max(0, searched - 3)
        let end = buffer.withUnsafeReadableBytes { bytes -> Int? in
            var index = from
            while index + 3 < bytes.count {
                if bytes[index + 3] > 0x0D {
                    index += 4
                } else if bytes[index] == 0x0D, bytes[index + 1] == 0x0A, bytes[index + 2] == 0x0D,
                    bytes[index + 3] == 0x0A
                {
                    return index + 4
                } else {
                    index += 1
                }
            }
            return nil
        }
        searched = end == nil ? buffer.readableBytes : 0
        return end
    }

    /// The next line without its CRLF.
    private mutating func consumeLine(_ buffer: inout ByteBuffer) throws(Malformed) -> [UInt8]? {
        let newline = buffer.withUnsafeReadableBytes { bytes in
            bytes[min(searched, bytes.count)...].firstIndex(of: 0x0A)
        }
        guard let newline else {
            searched = buffer.readableBytes
            return nil
        }
        searched = 0
        guard var line = buffer.readBytes(length: newline + 1), line.count >= 2, line[newline - 1] == 0x0D else {
            throw .malformed
        }
        line.removeLast(2)
        return line
    }

    private mutating func parseHead(_ buffer: inout ByteBuffer, length: Int) throws(Malformed) {
        let parsed = buffer.withUnsafeReadableBytes { bytes in
            // Without the last CRLF: every line, the last included, then ends with one.
            Self.parseHead(UnsafeRawBufferPointer(rebasing: bytes[..<(length - 2)]))
        }
        guard let parsed else { throw .malformed }
        buffer.moveReaderIndex(forwardBy: length)
        switch parsed.status {
        case 100..<200:
            // An interim answer announces the real one; a switch of protocols was not asked for.
            guard parsed.status != 101 else { throw .malformed }
            hasInterim = true
            return
        case 204, 304:
            state = .complete
        default:
            if parsed.isChunked {
                guard parsed.contentLength == nil else { throw .malformed }
                state = .chunkSize
            } else {
                state = parsed.contentLength.map { .sized(remaining: $0) } ?? .untilClose
            }
        }
        head = parsed
        // HTTP/1.0 knows no chunks, so who sent them cannot be told (RFC 9112, 6.1).
        if state == .untilClose || head.closes || head.isChunked && parsed.isOld { head.keepAlive = false }
    }

    private static func parseHead(_ bytes: UnsafeRawBufferPointer) -> Head? {
        guard let statusEnd = endOfLine(bytes, from: 0),
            var head = parseStatusLine(UnsafeRawBufferPointer(rebasing: bytes[..<statusEnd]))
        else { return nil }
        var start = statusEnd + 2
        while start < bytes.count {
            guard let end = endOfLine(bytes, from: start),
                parseField(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), into: &head)
            else { return nil }
            start = end + 2
        }
        return head
    }

    /// Where the line ends, if with CRLF and without a bare control character before it.
    private static func endOfLine(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var index = start
        while index < bytes.count, bytes[index] >= 0x20 || bytes[index] == 0x09 { index += 1 }
        return index + 1 < bytes.count && bytes[index] == 0x0D && bytes[index + 1] == 0x0A ? index : nil
    }

    /// Reads `HTTP/1.x nnn` and perhaps a reason, which says nothing.
    private static func parseStatusLine(_ line: UnsafeRawBufferPointer) -> Head? {
        guard line.count >= 12, line.prefix(7).elementsEqual("HTTP/1.".utf8), line[8] == 0x20,
            line[7] == UInt8(ascii: "0") || line[7] == UInt8(ascii: "1"),
            line.count == 12 || line[12] == 0x20, line[9..<12].allSatisfy(isDigit)
        else { return nil }
        let status = line[9..<12].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        guard (100...599).contains(status) else { return nil }
        let isOld = line[7] == UInt8(ascii: "0")
        return Head(status: status, keepAlive: !isOld, isOld: isOld)
    }

    private static func parseField(_ line: UnsafeRawBufferPointer, into head: inout Head) -> Bool {
        // A line that begins with white space would continue the one before: obsolete, and read in two ways.
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0,
            line[..<colon].allSatisfy({ (0x21...0x7E).contains($0) })
        else { return false }
        switch colon {
        case 4 where matches(line[..<4], "date"):
            head.date = Array(value(line, after: colon))
        case 10 where matches(line[..<10], "connection"):
            applyConnection(value(line, after: colon), to: &head)
        case 10 where matches(line[..<10], "keep-alive"):
            head.idleLimit = KeepAlive.timeout(value(line, after: colon)) ?? head.idleLimit
        case 11 where matches(line[..<11], "retry-after"):
            head.retryAfter = Array(value(line, after: colon))
        case 14 where matches(line[..<14], "content-length"):
            guard let length = decimal(value(line, after: colon)), head.contentLength ?? length == length else {
                return false
            }
            head.contentLength = length
        case 16 where matches(line[..<16], "content-encoding"):
            head.isEncoded = !matches(value(line, after: colon), "identity")
        case 17 where matches(line[..<17], "transfer-encoding"):
            guard !head.isChunked, matches(value(line, after: colon), "chunked") else { return false }
            head.isChunked = true
        default: break
        }
        return true
    }

    private static func applyConnection(_ value: Slice<UnsafeRawBufferPointer>, to head: inout Head) {
        for option in value.split(separator: UInt8(ascii: ",")) {
            let option = trimmed(option)
            if matches(option, "close") {
                head.closes = true
            } else if matches(option, "keep-alive") {
                head.keepAlive = true
            }
        }
    }

    private static func value(_ line: UnsafeRawBufferPointer, after colon: Int) -> Slice<UnsafeRawBufferPointer> {
        trimmed(line[(colon + 1)...])
    }

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        var bytes = bytes
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return bytes
    }

    private static func decimal(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard (1...15).contains(bytes.count), bytes.allSatisfy(isDigit) else { return nil }
        return bytes.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    /// Hexadecimal, then perhaps extensions, which are ignored.
    private static func chunkSize(_ line: [UInt8]) throws(Malformed) -> Int {
        let digits = line.prefix { hexValue($0) != nil }
        let rest = line.dropFirst(digits.count).drop { $0 == 0x20 || $0 == 0x09 }
        guard (1...8).contains(digits.count), rest.isEmpty || rest.first == UInt8(ascii: ";") else { throw .malformed }
        return digits.reduce(0) { $0 << 4 | (hexValue($1) ?? 0) }
    }
}
