package import OTPContract

/// One record for the decoder, drawn from a generator: a good one of some shape spoilt in places, noise, or a nesting bomb.
package struct FuzzInput {
    package enum Shape: CaseIterable, Sendable {
        /// A command as it is.
        case plain
        /// A command in a CloudEvent of structured mode, its data as JSON or in base64.
        case event
        /// A command whose fields lie elsewhere.
        case mapped
        case noise
        case nested
    }

    package let shape: Shape
    package let value: [UInt8]
    package let headers: [Header]

    /// What the seeds and the golden commands hold and nothing that is said may repeat.
    package static let marks = ["MARK", "5329998877", "5324818942", "123456", "ART2", "aRt2", "oturum"]

    /// Where the fields of `mapped` are.
    package static let fields: CommandFields = {
        var fields = CommandFields()
        fields.sessionID = JSONPointer("/card/otp/session") ?? fields.sessionID
        fields.phone = JSONPointer("/card/phones/0") ?? fields.phone
        fields.code = JSONPointer("/a~1b") ?? fields.code
        return fields
    }()

    package static func draw(golden: [[UInt8]] = [], using generator: inout SeededGenerator) -> FuzzInput {
        let type = Header(name: "content-type", text: "application/cloudevents+json")
        switch Int.random(in: 0..<20, using: &generator) {
        case 0..<8:
            let seed = (golden + commands).randomElement(using: &generator) ?? []
            return FuzzInput(shape: .plain, value: spoil(seed, &generator), headers: [])
        case 8..<14:
            let seed = events.randomElement(using: &generator) ?? []
            var header = type
            if Int.random(in: 0..<8, using: &generator) == 0 {
                header.value = spoil((types.randomElement(using: &generator) ?? []), &generator)
            }
            return FuzzInput(shape: .event, value: spoil(seed, &generator), headers: [header])
        case 14..<17:
            return FuzzInput(shape: .mapped, value: spoil(card, &generator), headers: [])
        case 17..<19:
            let count = Int.random(in: 0...96, using: &generator)
            let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            return FuzzInput(shape: .noise, value: noise, headers: Bool.random(using: &generator) ? [type] : [])
        default:
            return FuzzInput(
                shape: .nested,
                value: nest(&generator),
                headers: Bool.random(using: &generator) ? [type] : []
            )
        }
    }

    // MARK: Seeds

    private static let commands = [
        #"{"user_gsm":"5329998877","otp_session_id":"sMARKED","otp_code":"ZQ7MARK"}"#,
        #"{"command_id":"cMARKED","expires_at":"2017-07-17T15:30:15.0581408+03:00","user_gsm":"+90 532 999 88 77","#
            + #""otp_session_id":"sMARKED","otp_code":" ZQ7MARK ","xMARKED":{"xMARKED":[1,-2.5e3,true,null,"\u0131\ud83d\ude00"]}}"#,
        "{\"otp_code\":\"ZQ7MARK\",\"otp_session_id\":\"sMARKED ğüşöçı\",\"user_gsm\":\"05329998877\"}",
    ].map { Array($0.utf8) }

    private static let events = [
        #"{"specversion":"1.0","id":"cMARKED","source":"/xMARKED","type":"xMARKED","datacontenttype":"application/json","#
            + #""traceparent":"00-xMARKED-01","tracestate":"xMARKED=1","data":{"user_gsm":"5329998877","#
            + #""otp_session_id":"sMARKED","otp_code":"ZQ7MARK"}}"#,
        // {"user_gsm":"5329998877","otp_session_id":"sMARKED","otp_code":"ZQ7MARK"}
        #"{"specversion":"1.0","id":"cMARKED","source":"/","type":"t","data_base64":"eyJ1c2VyX2dzbSI6IjUzMjk5OTg4NzciLCJvdHBf"#
            + #"c2Vzc2lvbl9pZCI6InNNQVJLRUQiLCJvdHBfY29kZSI6IlpRN01BUksifQ=="}"#,
    ].map { Array($0.utf8) }

    private static let card = Array(
        (#"{"card":{"otp":{"session":"sMARKED"},"phones":["5329998877","xMARKED"]},"a/b":"ZQ7MARK","xMARKED":1,"#
            + #""command_id":"cMARKED"}"#).utf8
    )

    private static let types = [
        "application/cloudevents+json; charset=UTF-8", "application/cloudevents-batch+json",
        "application/cloudevents+xMARKED", "application/json",
    ].map { Array($0.utf8) }

    // MARK: Damage

    private static let tokens =
        [
            "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "true", "1e", "-", "0", "\\u", "\\ud800", "\\udc00",
            "\u{0}", "\u{1f}", "\u{85}",
            "\"ZQ7MARK\":", "\"otp_code\":\"ZQ7MARK\",", "\"user_gsm\":5329998877,", "\"command_id\":[\"cMARKED\"],",
            "\"expires_at\":\"xMARKED\",", "\"data\":\"xMARKED\",", "\"specversion\":\"xMARKED\",", "\"session\":7,",
            "[[[[[[[[[[[[[[[[[", "{\"a\":", " ", "\n", "é", "😀", "=", "9999999999999999999999", "\u{301}",
            "1\u{fe0f}\u{20e3}", "٣", "\\u005f",
        ].map { Array($0.utf8) } + [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf0, 0x9f]]

    private static func spoil(_ seed: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            let position = Int.random(in: 0...bytes.count, using: &generator)
            let end = min(bytes.count, position + Int.random(in: 0...12, using: &generator))
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes.replaceSubrange(position..<end, with: [UInt8.random(in: 0...255, using: &generator)])
            case 1: bytes.removeSubrange(position..<end)
            case 2: bytes.insert(contentsOf: tokens.randomElement(using: &generator) ?? [], at: position)
            case 3:
                let piece = Array(bytes[position..<end])
                bytes.insert(contentsOf: piece, at: Int.random(in: 0...bytes.count, using: &generator))
            case 4: bytes.removeLast(bytes.count - end)
            default: bytes.replaceSubrange(position..<end, with: tokens.randomElement(using: &generator) ?? [])
            }
        }
        return bytes
    }

    /// Arrays and objects within one another, mostly far deeper than a parser that recurses without a bound survives.
    private static func nest(_ generator: inout SeededGenerator) -> [UInt8] {
        let depth = Int.random(in: 1...(Bool.random(using: &generator) ? 20 : 4_000), using: &generator)
        let isArray = Bool.random(using: &generator)
        let opening = isArray ? "[" : "{\"xMARKED\":"
        var bytes = Array((#"{"otp_code":"# + String(repeating: opening, count: depth)).utf8)
        if Bool.random(using: &generator) {
            bytes += Array((#""ZQ7MARK""# + String(repeating: isArray ? "]" : "}", count: depth) + "}").utf8)
        }
        return bytes
    }
}
