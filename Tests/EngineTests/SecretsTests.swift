import OTPContract
import OTPEngine
import Testing

@Suite("What leaves the engine holds no secret")
struct SecretsTests {
    @Test func neitherCodeNorPhoneIsInAnyEffectHoweverItIsPrinted() {
        let code = "Q7Z9X1"
        let worker = Transcript(owning: 0)
        var printed = ""
        func look() {
            for effect in worker.effects {
                dump(effect, to: &printed)
                printed += String(reflecting: effect) + "\(effect)"
            }
        }
        func happens(_ action: () -> Void) {
            action()
            look()
        }
        let answers: [UpstreamAnswer] = [
            .code(1, message: "\(code) of 5324818942 is wrong"), .cut, .error(400, result: 11), .notSent, .code(0),
        ]
        for (index, answer) in answers.enumerated() {
            let offset = Int64(index)
            happens { worker.receive(offset, "s\(index)", code) }
            happens { worker.intentWritten(offset) }
            happens { worker.answered(offset, answer) }
            happens { worker.aborted(.outputs, faults: []) }
            happens { worker.pass(.seconds(1)) }
            happens { worker.committed() }
        }
        happens { worker.happens(.drainRequested) }
        #expect(printed.count > 10_000)
        #expect(!printed.contains(code) && !printed.contains("4818942"))
    }
}
