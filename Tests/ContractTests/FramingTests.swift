import OTPContract
import Testing

@Suite("The five bytes of a schema registry before a command")
struct FramingTests {
    private static let frame: [UInt8] = [0, 0, 0, 0x12, 0x34]

    private func detail(_ value: [UInt8], _ framing: Framing) -> String? {
        let result = CommandDecoder(framing: framing)
            .decode(key: Sample.key, value: value, headers: [], at: Sample.source)
        guard case .failure(let rejection) = result else { return nil }
        #expect(rejection.reason == .malformed)
        return rejection.detail
    }

    @Test(arguments: [[], [0xef, 0xbb, 0xbf], Array(" \n".utf8)] as [[UInt8]])
    func areSkippedWhereTheyAre(between: [UInt8]) {
        let json = Array(Sample.minimal.utf8)
        #expect(detail(Self.frame + between + json, .auto) == nil)
        #expect(detail(Self.frame + between + json, .confluent) == nil)
        #expect(detail(between + json, .auto) == nil)
        #expect(detail(between + json, .none) == nil)
    }

    @Test func areSkippedBeforeAnEventToo() throws {
        let event = #"{"specversion":"1.0","id":"e-1","source":"/s","type":"t","data":\#(Sample.minimal)}"#
        let command = try CommandDecoder().decode(
            key: Sample.key,
            value: Self.frame + Array(event.utf8),
            headers: [],
            at: Sample.source
        ).get()
        #expect(command.commandID == "e-1")
    }

    @Test func areExpectedOrNot() {
        let json = Array(Sample.minimal.utf8)
        #expect(
            detail(json, .confluent)
                == "the value does not begin with the five bytes of a schema registry, as commands.framing: confluent asks"
        )
        #expect(detail(Self.frame + json, .none) == "the value is not usable JSON: an unexpected byte at byte 0")
        #expect(detail([], .confluent) == "the value is empty: send a JSON object")
        #expect(detail(Self.frame, .auto) == "the value is empty behind the five bytes of a schema registry")
        #expect(detail([0, 1], .auto) == "the value is not usable JSON: an unexpected byte at byte 0")
    }

    /// Avro (a string's length and the string), Protobuf (an index of messages, then a field), and what is neither.
    @Test(arguments: [[0x14] + Array("5324818942".utf8), [0, 0x0a, 0x0a] + Array("5324818942".utf8), [0x5b, 0x5d]])
    func whatIsNoJSONBehindThemIsTold(content: [UInt8]) {
        for framing in [Framing.auto, .confluent] {
            #expect(
                detail(Self.frame + content, framing) == """
                    the value has the five bytes of a schema registry, and no JSON object behind them: Avro and Protobuf are not \
                    read, write it with the JSON Schema serializer
                    """
            )
        }
    }

    @Test func aPlaceIsCountedFromTheBeginningOfTheValue() {
        let broken = Array(#"{"otp_code":"A","otp_code":"B"}"#.utf8)
        #expect(
            detail(Self.frame + broken, .auto)
                == "the value is not usable JSON: a key that occurs twice in one object at byte 21 (otp_code)"
        )
    }
}
