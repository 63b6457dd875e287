import Foundation
import NIOCore
import OTPEngine
import Testing

@testable import CheckOTP

/// Whatever bytes a server sends, in whatever pieces: read or refused, and taken for a success only where another reader of
/// HTTP and JSON sees a 200 with code 0 or 100.
///
/// `FUZZ_INPUTS=10000000 swift test --filter AnswerFuzzTests` reads that many answers.
@Suite("Fuzz: no answer breaks the reader or is misread as a success")
struct AnswerFuzzTests {
    private static let count = ProcessInfo.processInfo.environment["FUZZ_INPUTS"].flatMap(Int.init) ?? 20_000

    /// Successes, refusals, and what is nearly a success.
    private static let bodies =
        [
            #"{"code":0,"message":"Başarılı İşlem"}"#, #"{"code":0}"#, #"{"object_name":"x","code":"100"}"#,
            #"{"code":17}"#,
            "\u{FEFF}{\"code\":0}", #"{"type":"no_data_error","message":"yok","code":404,"result_code":"12"}"#,
            #"{"result_code":0,"code":200}"#, #"{"code":""}"#, #"{"code":"-"}"#, #"{"code":"+0"}"#, #"{"code":0.0}"#,
            #"{"code":{"code":0}}"#, #"{"code":false}"#, #"{"Code":0}"#, "{\"code\":0,\"message\":\"a\tb\"}",
        ].map { Array($0.utf8) } + [Array(#"{"code":0,"message":"ba"#.utf8) + [0xFE] + Array(#"ar"}"#.utf8)]
    private static let statuses = [
        "200 OK", "200", "201 Created", "204 No Content", "302 Found", "404 Not Found", "503 Busy",
    ]
    private static let fields = [
        "Content-Type: application/json\r\n", "Connection: close\r\n", "Retry-After: 7\r\n", "Content-Length: 3\r\n",
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "Transfer-Encoding: chunked\r\n", " folded\r\n", "X: \u{1}\r\n",
    ]
    private static let tokens =
        [
            "\r\n", "\n", "\r\n\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "0\r\n\r\n",
            "fffffff\r\n", "200", "0",
            "100", "1e2", "0.0", "-0", "\"", "{", "}", ",", ":", "\"code\":0", ",\"code\":100", "\\u0030", "null",
            "\u{0}", " ", "x",
        ].map { Array($0.utf8) } + [[0xFF], [0xEF, 0xBB, 0xBF], [0xC0, 0x80]]

    private struct Server {
        var generator = SplitMix64(seed: 20_261_124)

        mutating func pick<Value>(_ values: [Value]) -> Value {
            values[Int.random(in: 0..<values.count, using: &generator)]
        }
        mutating func flip(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &generator) < share }

        /// An answer as a server would send it.
        mutating func answer() -> [UInt8] {
            var bytes = flip(0.05) ? Array("HTTP/1.1 103 Early Hints\r\n\r\n".utf8) : []
            bytes += Array(
                "HTTP/1.\(flip(0.1) ? 0 : 1) \(flip(0.6) ? "200 OK" : pick(AnswerFuzzTests.statuses))\r\n".utf8
            )
            let body = spoilt(pick(AnswerFuzzTests.bodies), 0.5)
            while flip(0.3) { bytes += Array(pick(AnswerFuzzTests.fields).utf8) }
            switch Int.random(in: 0..<4, using: &generator) {
            case 0, 1: bytes += Array("Content-Length: \(body.count)\r\n\r\n".utf8) + body
            case 2: bytes += Array("Transfer-Encoding: chunked\r\n\r\n".utf8) + chunks(body)
            default: bytes += Array("\r\n".utf8) + body
            }
            return spoilt(bytes, 0.4)
        }

        private mutating func chunks(_ body: [UInt8]) -> [UInt8] {
            var bytes: [UInt8] = []
            var rest = body[...]
            while !rest.isEmpty {
                let chunk = rest.prefix(Int.random(in: 1...20, using: &generator))
                bytes += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10]
                rest = rest.dropFirst(chunk.count)
            }
            return bytes + Array("0\r\n\r\n".utf8)
        }

        private mutating func spoilt(_ bytes: [UInt8], _ share: Double) -> [UInt8] {
            var bytes = bytes
            while flip(share) {
                let position = Int.random(in: 0...bytes.count, using: &generator)
                let end = min(bytes.count, position + Int.random(in: 0...8, using: &generator))
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: bytes.replaceSubrange(position..<end, with: [UInt8.random(in: 0...255, using: &generator)])
                case 1: bytes.removeSubrange(position..<end)
                case 2: bytes.insert(contentsOf: Array(bytes[position..<end]), at: position)
                case 3: bytes.removeLast(bytes.count - end)
                default: bytes.replaceSubrange(position..<end, with: pick(AnswerFuzzTests.tokens))
                }
            }
            return bytes
        }
    }

    /// What the worker makes of bytes that come in two pieces and then end; nil when they are no answer.
    private func judge(_ bytes: [UInt8], cutAt cut: Int) -> (class: AnswerClass, response: ResponseParser.Response)? {
        var parser = ResponseParser()
        var buffer = ByteBuffer(bytes: bytes[..<cut])
        do {
            var response = try parser.consume(&buffer)
            buffer.writeBytes(bytes[cut...])
            if response == nil { response = try parser.consume(&buffer) }
            guard let response = response ?? parser.endOfStream() else { return nil }
            let body = AnswerBody(Array(response.body.readableBytesView), isEncoded: response.isEncoded).content
            let wait = response.retryAfter.flatMap { RetryAfter.wait($0, date: response.date) { 784_111_777 } }
            return (
                AnswerClass(UpstreamAnswer(.answered(status: response.status), body: body, retryAfter: wait)), response
            )
        } catch {
            return nil
        }
    }

    /// The code that Foundation finds in a body, or in what is left of it without any character that it cannot read.
    private func code(in body: ByteBuffer) -> Int? {
        var bytes = Array(body.readableBytesView)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        let plain = bytes.map { $0 < 0x20 ? 0x20 : $0 < 0x80 ? $0 : UInt8(ascii: "?") }
        let read = { (bytes: [UInt8]) in try? JSONSerialization.jsonObject(with: Data(bytes)) }
        let object = (read(bytes) ?? read(plain)) as? [String: Any]
        return (object?["code"] as? Int) ?? (object?["code"] as? String).flatMap { Int($0) }
    }

    @Test func onlyA200WithCode0Or100IsASuccess() {
        var server = Server()
        var seen = (nothing: 0, accepted: 0, already: 0, other: 0)
        for _ in 0..<Self.count {
            let bytes = server.answer()
            let whole = judge(bytes, cutAt: bytes.count)
            let cut = Int.random(in: 0...bytes.count, using: &server.generator)
            let pieces = judge(bytes, cutAt: cut)
            #expect(whole?.class == pieces?.class && whole?.response == pieces?.response, "cut at \(cut): \(bytes)")
            switch whole?.class {
            case nil: seen.nothing += 1
            case .accepted, .alreadySucceeded:
                if whole?.class == .accepted { seen.accepted += 1 } else { seen.already += 1 }
                guard let response = whole?.response else { continue }
                #expect(response.status == 200 && String(decoding: bytes, as: UTF8.self).contains(" 200"), "\(bytes)")
                #expect(code(in: response.body) == (whole?.class == .accepted ? 0 : 100), "\(bytes)")
            default: seen.other += 1
            }
        }
        // A generator that is never understood, or always, would prove nothing.
        let least = Self.count / 100
        #expect(min(seen.nothing, seen.accepted, seen.already, seen.other) > least, "\(seen)")
    }

    /// Every combination of transport, status and codes has a class, and none but 200 with 0 or 100 is a success.
    @Test func theTableIsTotal() {
        let codes = [nil] + Array(-1...101) + [Int.max, Int.min]
        let transports = TransportFailure.allCases.flatMap { [UpstreamAnswer.Transport.notSent($0), .unknown($0)] }
        let answered = [Int.min, -1, 0, 99] + Array(100...600) + [Int.max]
        for transport in transports + answered.map({ .answered(status: $0) }) {
            for code in codes {
                for resultCode in [nil, 0, 12, 100] as [Int?] {
                    let body = UpstreamAnswer.Body(code: code, resultCode: resultCode, type: "no_data_error")
                    let judged = AnswerClass(UpstreamAnswer(transport, body: body))
                    let mayBe = transport == .answered(status: 200)
                    #expect((judged == .accepted) == (mayBe && code == 0))
                    #expect((judged == .alreadySucceeded) == (mayBe && code == 100))
                }
            }
        }
    }
}
