import Foundation
import FuzzKit
import OTPContract
import Testing

/// A little of what `FUZZ_INPUTS=10000000 swift run -c release fuzz-decoder` does for longer; the variable counts here too.
@Suite("Fuzz: no input breaks the readers or makes them talk")
struct DecoderFuzzTests {
    private static let count = ProcessInfo.processInfo.environment["FUZZ_INPUTS"].flatMap(Int.init) ?? 50_000

    @Test func recordsThatNobodyMeant() throws {
        let golden = try ["command-v1-minimal.json", "command-v1-full.json"].map(Golden.bytes)
        var fuzz = DecoderFuzz(golden: golden, seed: 20_261_123)
        fuzz.run(Self.count)
        for fault in fuzz.faults { Issue.record("\(fault.what): \(fault.value)") }
        // A generator that never gets past the first check would prove nothing.
        let reasons = ["ok", "malformed", "key_missing"] + Field.allCases.map { "field_\($0.rawValue)" }
        #expect(reasons.allSatisfy { fuzz.reasons[$0] != nil }, "\(fuzz.reasons)")
        #expect(FuzzInput.Shape.allCases.allSatisfy { fuzz.shapes[$0] != nil })
        for part in [
            "nested too deeply", "CloudEvent has no data", "specversion", "data_base# is not usable JSON", "a batch",
            "(/card/phones/#)",
        ] {
            #expect(fuzz.sentences.contains { $0.contains(part) }, "\(part): \(fuzz.sentences)")
        }
    }

    @Test func whatIsReadIsJSONToOthersToo() throws {
        var generator = SeededGenerator(state: 20_261_123)
        var accepted = 0
        for _ in 0..<(Self.count / 10) {
            let bytes = FuzzInput.draw(using: &generator).value
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
            _ = ReplyAddress(in: [Header(name: "kafka_replyTopic", value: bytes)])
            let noise = String(decoding: bytes, as: UTF8.self)
            _ = WallTime(iso8601: noise)
            _ = PhoneNumber(normalising: noise)
            _ = OTPCode(trimming: noise)
            _ = JSONPointer(noise)
        }
    }
}
