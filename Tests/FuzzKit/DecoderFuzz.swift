import OTPContract

/// Gives the decoder records that nobody meant, and watches what it makes of them.
///
/// That it returns at all is half of the proof. The other half: whatever is said about a record is one of few sentences, numbers
/// aside, and none holds a word of a seed, so none can repeat what a record says.
package struct DecoderFuzz {
    /// A record that was not judged as it must be.
    package struct Fault {
        package var what: String
        package var value: [UInt8]
    }

    /// How often each reason was given; `ok` is a command.
    package private(set) var reasons: [String: Int] = [:]
    /// Every sentence said, its numbers replaced by `#`.
    package private(set) var sentences: Set<String> = []
    package private(set) var faults: [Fault] = []
    package private(set) var shapes: [FuzzInput.Shape: Int] = [:]

    private var generator: SeededGenerator
    private let golden: [[UInt8]]
    private let plain = CommandDecoder()
    private let mapped = CommandDecoder(fields: FuzzInput.fields)

    /// `golden` are further commands to begin with.
    package init(golden: [[UInt8]] = [], seed: UInt64) {
        self.golden = golden
        generator = SeededGenerator(state: seed)
    }

    /// More would be a sentence that is made of what a record says.
    package static let mostSentences = 100

    package mutating func run(_ count: Int) {
        for round in 0..<count { check(FuzzInput.draw(golden: golden, using: &generator), withoutKey: round % 50 == 0) }
        if sentences.count > Self.mostSentences {
            faults.append(Fault(what: "\(sentences.count) different sentences are said", value: []))
        }
    }

    private mutating func check(_ input: FuzzInput, withoutKey: Bool) {
        shapes[input.shape, default: 0] += 1
        let reading = (input.shape == .mapped ? mapped : plain).read(
            key: withoutKey ? nil : Array("k".utf8),
            value: input.value,
            headers: input.headers,
            at: Coordinates(topic: "t", partition: 0, offset: 1)
        )
        switch reading.content {
        case .success(let command):
            reasons["ok", default: 0] += 1
            let code = command.code.revealed
            if command.phone.revealed.utf8.count != 10 || !(1...OTPCode.maximumCharacters).contains(code.count)
                || code.utf8.count > OTPCode.maximumBytes
            {
                fault("an unusable command", input)
            }
        case .failure(let rejection):
            reasons[rejection.reason.rawValue, default: 0] += 1
            if !(1...256).contains(rejection.commandID.utf8.count) { fault("an unusable command id", input) }
            hear(rejection, input)
        }
    }

    private mutating func hear(_ rejection: Rejection, _ input: FuzzInput) {
        let sentence = Self.withoutNumbers(rejection.reason.rawValue + ": " + rejection.detail)
        // What was said before was looked at before.
        guard !sentences.contains(sentence) || sentences.count > Self.mostSentences else { return }
        if sentences.count <= Self.mostSentences { sentences.insert(sentence) }
        if let mark = FuzzInput.marks.first(where: rejection.detail.contains) { fault("\(mark) is repeated", input) }
    }

    private mutating func fault(_ what: String, _ input: FuzzInput) {
        if faults.count < 10 { faults.append(Fault(what: what, value: input.value)) }
    }

    /// A number of more digits than any place in a record has stays apart from those: it could be a phone's.
    private static func withoutNumbers(_ text: String) -> String {
        var bytes: [UInt8] = []
        var digits = 0
        for byte in text.utf8 {
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            digits = isDigit ? digits + 1 : 0
            if !isDigit { bytes.append(byte) } else if digits == 1 || digits == 6 { bytes.append(UInt8(ascii: "#")) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
