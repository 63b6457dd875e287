import Foundation
import OTPContract
import Testing

/// The published schemas say exactly what the code does: no word, field or limit more, none less.
@Suite("Schemas: the published contract is the code's")
struct SchemaTests {
    private static func schema(_ name: String) throws -> JSON {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appendingPathComponent("deploy/contract/\(name).schema.json")
        return try JSON.parse([UInt8](try Data(contentsOf: file)), maximumDepth: 32)
    }

    private static func strings(_ json: JSON?) -> [String] {
        guard case .array(let elements) = json else { return [] }
        return elements.compactMap(\.string)
    }

    private static func names(_ json: JSON?) -> Set<String> {
        guard case .object(let members) = json else { return [] }
        return Set(members.map(\.name))
    }

    private static let reasons = Reason.coded + InvalidReason.ofResults.map(Reason.invalid)

    @Test func statusesAreTheCodes() throws {
        let status = try Self.schema("result")["properties"]?["status"]
        #expect(Self.strings(status?["enum"]) == Status.allCases.map(\.rawValue))
    }

    @Test func eachStatusHasItsReasons() throws {
        guard case .array(let branches) = try Self.schema("result")["oneOf"] else {
            Issue.record("no oneOf")
            return
        }
        #expect(branches.map { $0["properties"]?["status"]?["const"]?.string } == Status.allCases.map(\.rawValue))
        for branch in branches {
            let status = try #require(Status(rawValue: branch["title"]?.string ?? ""))
            let published = Self.strings(branch["properties"]?["reason"]?["enum"])
            #expect(
                Set(published) == Set(Self.reasons.filter { $0.status == status }.map(\.rawValue)),
                "\(status)"
            )
            #expect(Set(published).count == published.count)
        }
    }

    @Test func aDeadLettersReasonsAreThoseOfAnInvalidCommand() throws {
        let properties = try Self.schema("dead-letter.headers")["properties"]
        let published = Self.strings(properties?["kafka_dlt-exception-message"]?["enum"])
        #expect(Set(published) == Set(InvalidReason.all.map(\.rawValue)))
    }

    @Test func aCommandHasTheDecodersFields() throws {
        let schema = try Self.schema("command")
        #expect(Self.names(schema["properties"]) == Set(Field.allCases.map(\.rawValue)))
        for field in Field.allCases {
            let others = Field.allCases.filter { $0 != field }.map { #""\#($0.rawValue)":"\#(Self.usable($0))""# }
            let value = "{\(others.joined(separator: ","))}"
            let isRequired = Self.strings(schema["required"]).contains(field.rawValue)
            switch Sample.decode(value) {
            case .success: #expect(!isRequired, "\(field.rawValue)")
            case .failure(let rejection):
                #expect(isRequired && rejection.reason == .field(field), "\(field.rawValue)")
            }
        }
    }

    private static func usable(_ field: Field) -> String {
        switch field {
        case .sessionID, .commandID: "123456"
        case .phone: "5324818942"
        case .code: "ART2"
        case .expiresAt: "2026-11-23T10:00:00Z"
        }
    }

    // MARK: What may be written

    /// The patterns of a rule and of its parts.
    private struct Patterns {
        private let own: NSRegularExpression?
        private let all: [Patterns]
        private let any: [Patterns]

        init(_ rule: JSON?) throws {
            own = try rule?["pattern"]?.string.map { try NSRegularExpression(pattern: $0) }
            all = try Self.parts(rule?["allOf"])
            any = try Self.parts(rule?["anyOf"])
        }

        private static func parts(_ rules: JSON?) throws -> [Patterns] {
            guard case .array(let rules) = rules else { return [] }
            return try rules.map { try Patterns($0) }
        }

        func fit(_ text: String) -> Bool {
            let range = NSRange(location: 0, length: text.utf16.count)
            return own.map { $0.firstMatch(in: text, range: range) != nil } ?? true
                && all.allSatisfy { $0.fit(text) } && (any.isEmpty || any.contains { $0.fit(text) })
        }
    }

    private static func patterns(_ field: Field) throws -> Patterns {
        try Patterns(schema("command")["properties"]?[field.rawValue])
    }

    /// Every scalar that could be one of those that are passed over, or a digit.
    private static let scalars = [
        0...0x33FF, 0xA000...0xABFF, 0xE000...0xE0FF, 0xF800...0x1_1FFF, 0x1_3000...0x1_34FF, 0x1_6000...0x1_6FFF,
        0x1_BC00...0x1_FFFF, 0xE_0000...0xE_11FF,
    ].joined().compactMap { Unicode.Scalar($0 as UInt32) }

    @Test func aPhonesCharactersAreThePublishedOnes() throws {
        let patterns = try Self.patterns(.phone)
        for scalar in Self.scalars where scalar != "\n" {
            let one = "\(scalar)5324818942"
            let other = "532\(scalar)481894"
            // Of digits beyond ASCII the schema does not count how many there are.
            for text in [one, other] where PhoneNumber(normalising: text) != nil {
                if !patterns.fit(text) { Issue.record("refused by the schema: U+\(scalar.value)") }
            }
            guard PhoneNumber(normalising: one) == nil, PhoneNumber(normalising: other) == nil else { continue }
            if patterns.fit("532\(scalar)4818942"), Int(String(scalar)) == nil {
                Issue.record("taken by the schema: U+\(scalar.value)")
            }
        }
        for text in ["[532] 481 89 42", "＋９０（５３２）４８１－８９－４２", "+90 (0) 532 481 89 42", "٥٣٢ 4818942"] {
            #expect(PhoneNumber(normalising: text) != nil && patterns.fit(text), "\(text)")
        }
        for text in ["532_481_89_42", "4324818942", "++905324818942", "⑤324818942", "5324818942\0", "1905324818942"] {
            #expect(PhoneNumber(normalising: text) == nil && !patterns.fit(text), "\(text)")
        }
    }

    @Test func whatIsTrimmedOfACodeIsPublished() throws {
        let patterns = try Self.patterns(.code)
        for scalar in Self.scalars {
            let isAlone = OTPCode(trimming: String(scalar)) != nil
            if patterns.fit(String(scalar)) != isAlone { Issue.record("alone: U+\(scalar.value)") }
            // Seventeen scalars that are sixteen characters or fewer.
            let joined = "1234567890abcdef\(scalar)"
            if OTPCode(trimming: joined) != nil, !patterns.fit(joined) { Issue.record("joined: U+\(scalar.value)") }
        }
        for text in ["1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣", "👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", "🇹🇷🇹🇷🇹🇷🇹🇷🇹🇷🇹🇷🇹🇷🇹🇷🇹🇷", "किकिकिकिकिकिकिकिकि"] {
            #expect(OTPCode(trimming: text) != nil && patterns.fit(text), "\(text)")
        }
        for text in [
            "", " ", "1234567890abcdefg", String(repeating: "😀", count: 17), String(repeating: "٣", count: 17),
        ] {
            #expect(OTPCode(trimming: text) == nil && !patterns.fit(text), "\(text)")
        }
    }

    /// Only that a month has its days a pattern cannot say.
    @Test func aTimesFormsAreThePublishedOnes() throws {
        let patterns = try Self.patterns(.expiresAt)
        for text in WallTimeTests.readable + WallTimeTests.unreadable where !WallTimeTests.impossible.contains(text) {
            #expect((WallTime(iso8601: text) != nil) == patterns.fit(text), "\(text)")
        }
    }

    @Test func anIdentifiersLimitIsTheDecoders() throws {
        let identifier = try Self.schema("command")["$defs"]?["identifier"]
        let limit = try #require(identifier?["maxLength"]?.integer)
        #expect(SessionID(String(repeating: "x", count: limit)) != nil)
        #expect(SessionID(String(repeating: "x", count: limit + 1)) == nil)
        #expect(identifier?["minLength"]?.integer == 1 && SessionID("") == nil)
    }

    /// A command without an id is named by its coordinates, which may be longer than an id.
    @Test func aCommandIDMayBeTheLongestCoordinates() throws {
        let topic = String(repeating: "t", count: 249)
        let coordinates = Coordinates(topic: topic, partition: .max, offset: .max).description
        let properties = try Self.schema("result")["properties"]
        #expect(properties?["command_id"]?["maxLength"]?.integer == coordinates.utf8.count)
    }

    @Test func aMessagesLimitIsTheScrubbers() throws {
        let limit = try Self.schema("result")["properties"]?["message"]?["maxLength"]?.integer
        let phone = try #require(PhoneNumber(normalising: "5324818942"))
        let code = try #require(OTPCode(trimming: "ART2"))
        #expect(scrub(String(repeating: "x", count: 9_999), phone: phone, code: code).count == limit)
    }

    private static func event(full: Bool) -> ResultEvent {
        var event = ResultEvent(
            commandID: "c",
            sessionID: full ? SessionID("123456") : nil,
            status: .rejected,
            reason: .wrongCode,
            first: full ? .init(source: Sample.source, commandID: "c") : nil,
            code: full ? 1 : nil,
            message: full ? "m" : nil,
            httpStatus: full ? 200 : nil,
            maskedPhone: full ? "532*****42" : nil,
            receivedAt: WallTime(milliseconds: 0),
            completedAt: WallTime(milliseconds: 1),
            source: Sample.source,
            worker: "w"
        )
        event.undeliverable = full
        return event
    }

    @Test func aResultHasTheEncodersFields() throws {
        let schema = try Self.schema("result")
        let (most, least) = (try JSON.parse(Self.event(full: true).encode()), Self.event(full: false).encode())
        #expect(Self.names(schema["properties"]) == Self.names(most))
        #expect(Set(Self.strings(schema["required"])) == Self.names(try JSON.parse(least)))
        let source = schema["properties"]?["source"]
        #expect(Self.names(source?["properties"]) == Self.names(most["source"]))
        #expect(Set(Self.strings(source?["required"])) == Self.names(most["source"]))
        #expect(Self.names(schema["properties"]?["first"]?["properties"]) == Self.names(most["first"]))
    }

    @Test func headersAreThoseThatAreWritten() throws {
        let result = try Self.schema("result.headers")
        let most = Set(Self.event(full: true).headers().map(\.name) + EchoHeaders.names)
        #expect(Self.names(result["properties"]) == most)
        #expect(Set(Self.strings(result["required"])) == Set(Self.event(full: false).headers().map(\.name)))

        let letter = DeadLetter(
            source: Sample.source,
            timestamp: WallTime(milliseconds: 0),
            key: nil,
            consumerGroup: "g",
            reason: .malformed,
            headers: []
        )
        let published = try Self.schema("dead-letter.headers")
        let written = Set(letter.headersForRecord().map(\.name))
        #expect(Set(Self.strings(published["required"])) == written)
        var stretch = letter
        stretch.lastOffset = 1
        let all = Set(stretch.headersForRecord().map(\.name)).union(EchoHeaders.names)
        #expect(Self.names(published["properties"]) == all)
        #expect(try Self.names(Self.schema("command.headers")["properties"]).isSuperset(of: EchoHeaders.names))
    }

    @Test func aConstantHeaderIsAsPublished() throws {
        let properties = try Self.schema("result.headers")["properties"]
        for header in Self.event(full: true).headers() {
            guard let constant = properties?[header.name]?["const"]?.string else { continue }
            #expect(header.value == Array(constant.utf8), "\(header.name)")
        }
    }
}
