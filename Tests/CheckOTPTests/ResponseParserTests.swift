import NIOCore
import Testing

@testable import CheckOTP

/// The parser on its own: the same answer in any pieces, and where it ends.
struct ResponseParserTests {
    /// Feeds `text` in two pieces, cut at `cut`, and returns what the parser made of it and what it left.
    private func parse(_ text: String, cutAt cut: Int) throws -> (response: ResponseParser.Response?, left: String) {
        var parser = ResponseParser()
        let bytes = Array(text.utf8)
        var buffer = ByteBuffer(bytes: bytes[..<cut])
        var response = try parser.consume(&buffer)
        buffer.writeBytes(bytes[cut...])
        if response == nil { response = try parser.consume(&buffer) }
        return (response, String(buffer: buffer))
    }

    @Test(arguments: [
        "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-AFTER:\t7 \r\nContent-Length: 11\r\n\r\n{\"code\":12}",
        "HTTP/1.1 404\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: 7\r\nTransfer-Encoding: Chunked\r\n\r\n"
            + "3\r\n{\"c\r\n008 ;a=\"b\"\r\node\":12}\r\n0\r\nTrailer: x\r\n\r\n",
        "HTTP/1.1 103 \r\nDate: x\r\n\r\nHTTP/1.1 404 \r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: 7\r\n"
            + "Content-Length: 11\r\nContent-Length: 11\r\n\r\n{\"code\":12}",
    ])
    func anAnswerIsTheSameInAnyPieces(text: String) throws {
        let expected = ResponseParser.Response(
            status: 404,
            // An interim answer, which nobody asked for, ends the connection.
            keepAlive: !text.contains(" 103 "),
            retryAfter: Array("7".utf8),
            date: Array("Sun, 06 Nov 1994 08:49:37 GMT".utf8),
            body: ByteBuffer(string: #"{"code":12}"#)
        )
        for cut in 0...text.utf8.count {
            #expect(try parse(text, cutAt: cut) == (expected, ""), "cut at \(cut)")
            let spilled = try parse(text + "HTTP", cutAt: cut)
            #expect(spilled.response == expected && spilled.left == "HTTP", "cut at \(cut)")
        }
    }

    @Test(arguments: ["204 No Content", "304 Not Modified"])
    func someStatusesHaveNoBodyWhateverTheySay(status: String) throws {
        let (response, left) = try parse("HTTP/1.1 \(status)\r\nContent-Length: 4\r\n\r\nHTTP", cutAt: 0)
        #expect(response?.body.readableBytes == 0)
        #expect(left == "HTTP")
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK", true), ("HTTP/1.1 200 OK\r\nConnection: close", false),
        ("HTTP/1.1 200 OK\r\nconnection: x , CLOSE", false), ("HTTP/1.0 200 OK", false),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive", true),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive", false),
        ("HTTP/1.1 200 OK\r\nConnection: close, keep-alive", false),
    ])
    func connectionSaysWhetherItStaysOpen(head: String, keepAlive: Bool) throws {
        let (response, _) = try parse(head + "\r\nContent-Length: 0\r\n\r\n", cutAt: 0)
        #expect(response?.keepAlive == keepAlive)
    }

    @Test func chunksOfHTTP10EndTheConnection() throws {
        let head = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        #expect(try parse(head, cutAt: 0).response?.keepAlive == false)
    }

    @Test func theHeadSaysHowLongAnIdleConnectionIsKeptAndWhetherTheBodyIsEncoded() throws {
        let head =
            "HTTP/1.1 200 OK\r\nkeep-ALIVE: timeout=5, max=9\r\nContent-Encoding: br\r\nContent-Length: 0\r\n\r\n"
        let (response, _) = try parse(head, cutAt: 0)
        #expect(response?.idleLimit == .seconds(5))
        #expect(response?.isEncoded == true)
        let plain = "HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 0\r\n\r\n"
        #expect(try parse(plain, cutAt: 0).response?.isEncoded == false)
        #expect(try parse(plain, cutAt: 0).response?.idleLimit == nil)
    }

    @Test func withoutALengthTheBodyLastsUntilTheEndOfTheStream() throws {
        var parser = ResponseParser()
        var buffer = ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n{}")
        #expect(try parser.consume(&buffer) == nil)
        let response = parser.endOfStream()
        #expect(response.map { String(buffer: $0.body) } == "{}")
        #expect(response?.keepAlive == false)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
    ])
    func theEndOfTheStreamCompletesNothingElse(text: String) throws {
        var parser = ResponseParser()
        var buffer = ByteBuffer(string: text)
        #expect(try parser.consume(&buffer) == nil)
        #expect(parser.endOfStream() == nil)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\n X: folded", "HTTP/1.1 200 OK\r\nX : y", "HTTP/1.1 200 OK\r\n: y", "HTTP/1.1 200 OK\r\nX",
        "HTTP/1.1 200 OK\r\nX: a\u{0}b", "HTTP/1.1 200 OK\r\nX: a\rb", "HTTP/1.1 200 OK\r\nX: a\nContent-Length: 0",
        "HTTP/1.1 200 OK\r\nContent-Length: +2", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999", "HTTP/1.1 200 OK\r\nContent-Length:",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked", "HTTP/1.1 200OK", "HTTP/1.1 099 X", "HTTP/1.1 600 X",
        "HTTP/3.1 200 OK", "http/1.1 200 OK", "\r\nHTTP/1.1 200 OK",
    ])
    func whatTwoReadersCouldReadDifferentlyIsMalformed(head: String) {
        #expect(throws: ResponseParser.Malformed.malformed) { try parse(head + "\r\n\r\n", cutAt: 0) }
    }

    @Test(arguments: ["x\r\n", "2\n{}\r\n", "2\r\n{}0\r\n\r\n", "\r\n", "123456789\r\n", "2 x\r\n{}"])
    func aMalformedChunkIsMalformed(chunks: String) {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(throws: ResponseParser.Malformed.malformed) { try parse(head + chunks, cutAt: 0) }
    }
}
