import Contract
import Foundation
import Testing

@Suite("Fuzz: no input breaks the readers or makes them talk")
struct DecoderFuzzTests {
    private static let count = ProcessInfo.processInfo.environment["OTP_FUZZ"].flatMap(Int.init) ?? 50_000
    /// What the seeds hold and no rejection may repeat.
    private static let marks = ["5329998877", "ZQ7MARK", "sMARKED", "cMARKED", "xMARKED", "MARK"]
    private static let seeds = [
        #"{"user_gsm":"5329998877","otp_session_id":"sMARKED","otp_code":"ZQ7MARK"}"#,
        #"{"command_id":"cMARKED","expires_at":"2017-07-17T15:30:15.0581408+03:00","user_gsm":"+90 532 999 88 77","#
            + #""otp_session_id":"sMARKED","otp_code":" ZQ7MARK ","xMARKED":{"xMARKED":[1,-2.5e3,true,null,"\u0131\ud83d\ude00"]}}"#,
        "{\"otp_code\":\"ZQ7MARK\",\"otp_session_id\":\"sMARKED ğüşöçı\",\"user_gsm\":\"05329998877\"}",
    ].map { Array($0.utf8) }
    private static let tokens =
        [
            "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "true", "1e", "-", "0", "\\u", "\\ud800", "\\udc00",
            "\u{0}", "\u{1f}", "\u{85}",
            "\"ZQ7MARK\":", "\"otp_code\":\"ZQ7MARK\",", "\"user_gsm\":5329998877,", "\"command_id\":[\"cMARKED\"],",
            "\"expires_at\":\"xMARKED\",", "[[[[[[[[[[[[[[[[[", "{\"a\":", " ", "\n", "é", "😀",
            "9999999999999999999999",
        ].map { Array($0.utf8) } + [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf0, 0x9f]]

    private struct Mutator {
        var generator = SeededGenerator(state: 20_261_123)

        mutating func next() -> [UInt8] {
            var bytes = DecoderFuzzTests.seeds.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let position = Int.random(in: 0...bytes.count, using: &generator)
                let end = min(bytes.count, position + Int.random(in: 0...12, using: &generator))
                switch Int.random(in: 0..<6, using: &generator) {
                case 0: bytes.replaceSubrange(position..<end, with: [UInt8.random(in: 0...255, using: &generator)])
                case 1: bytes.removeSubrange(position..<end)
                case 2:
                    bytes.insert(
                        contentsOf: DecoderFuzzTests.tokens.randomElement(using: &generator) ?? [],
                        at: position
                    )
                case 3:
                    bytes.insert(
                        contentsOf: Array(bytes[position..<end]),
                        at: Int.random(in: 0...bytes.count, using: &generator)
                    )
                case 4: bytes.removeLast(bytes.count - end)
                default:
                    bytes.replaceSubrange(
                        position..<end,
                        with: DecoderFuzzTests.tokens.randomElement(using: &generator) ?? []
                    )
                }
            }
            return bytes
        }
    }

    @Test func mutatedCommands() throws {
        var mutator = Mutator()
        var reasons: [String: Int] = [:]
        for round in 0..<Self.count {
            let bytes = mutator.next()
            let key = round % 50 == 0 ? nil : Sample.key
            switch CommandDecoder().decode(key: key, value: bytes, headers: [], at: Sample.source) {
            case .success(let command):
                reasons["ok", default: 0] += 1
                #expect(command.phone.revealed.utf8.count == 10 && (1...16).contains(command.code.revealed.utf8.count))
            case .failure(let rejection):
                reasons[rejection.reason.rawValue, default: 0] += 1
                let said = rejection.reason.rawValue + " " + rejection.detail
                if let mark = Self.marks.first(where: said.contains) {
                    Issue.record("\(mark) is repeated for \(bytes)")
                }
            }
        }
        // A generator that never gets past the first check would prove nothing.
        let reached = ["ok", "malformed", "key_missing"] + Field.allCases.map { "field_\($0.rawValue)" }
        #expect(reached.allSatisfy { reasons[$0] != nil }, "\(reasons)")
    }

    @Test func whatIsReadIsJSONToOthersToo() throws {
        var mutator = Mutator()
        var accepted = 0
        for _ in 0..<(Self.count / 10) {
            let bytes = mutator.next()
            guard (try? JSON.parse(bytes)) != nil else { continue }
            accepted += 1
            do {
                _ = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            } catch  where "\(error)".contains("not representable") {
                // Valid JSON: a number beyond the range of a Double.
            } catch {
                Issue.record("refused elsewhere: \(bytes)")
            }
        }
        #expect(accepted > 0)
    }

    @Test func noise() {
        var generator = SeededGenerator(state: 1)
        for _ in 0..<(Self.count / 10) {
            let bytes = (0..<Int.random(in: 0...64, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            _ = try? JSON.parse(bytes)
            _ = try? ResultEvent.decode(bytes)
            let noise = String(decoding: bytes, as: UTF8.self)
            _ = WallTime(iso8601: noise)
            _ = PhoneNumber(normalising: noise)
            _ = OTPCode(trimming: noise)
        }
    }
}
