import OTPContract
import OTPKafka
import Testing
import otp_worker

/// What is told of a dead letter, and what never is.
struct LetterTextTests {
    private func lines(_ text: String?) -> String {
        MaskedValue(text.map { Array($0.utf8) }).lines.joined(separator: "\n")
    }

    @Test func theShapeIsShownAndIdentifiersAreReadable() {
        let value = #"""
            {"user_gsm":"+90 532 481 89 42","otp_session_id":"order-1","otp_code":"MARK","command_id":"c-1",
             "expires_at":"2026-11-23T13:00:00+03:00","card":{"owner":"MARK","n":[1234567,true,null]}}
            """#
        let expected = """
            {
              "user_gsm": "532*****42"
              "otp_session_id": "order-1"
              "otp_code": <string, 4 characters>
              "command_id": "c-1"
              "expires_at": "2026-11-23T13:00:00+03:00"
              <name, 4 characters>: {
                <name, 5 characters>: <string, 4 characters>
                <name, 1 characters>: [
                  <number, 7 characters>
                  true
                  null
                ]
              }
            }
            """
        #expect(lines(value) == expected)
    }

    @Test(arguments: [
        #"{"user_gsm":"MARKED12","otp_session_id":"5399911227","otp_code":"MARKED12"}"#,
        #"{"user_gsm":"x","otp_session_id":"MARKED12","otp_code":"MARKED12","command_id":"5399911227"}"#,
        #"{"user_gsm":5399911227,"otp_code":["MARKED12"],"expires_at":"MARKED12"}"#,
        #"{"MARKED12":"5399911227"}"#, #"["MARKED12","5399911227"]"#, #""MARKED12""#, "5399911227",
        #"{"MARKED12":"5399911227""#, "MARKED12 5399911227", #"{"a":1,"a":"MARKED12"}"#,
        #"{"data":{"user_gsm":"539 991 12 27","otp_code":"MARKED12"},"id":"MARKED12"}"#,
    ])
    func noSecretIsShown(value: String) {
        let shown = lines(value)
        #expect(!shown.isEmpty)
        for secret in ["MARKED12", "5399911227", "991"] { #expect(!shown.contains(secret), "\(shown)") }
    }

    private func mapped(_ text: String, _ change: (inout CommandFields) -> Void) -> String {
        var fields = CommandFields()
        change(&fields)
        return MaskedValue(Array(text.utf8), fields: fields).lines.joined(separator: "\n")
    }

    /// With `commands.fields`, the names say nothing: what lies where the code is read is the code.
    @Test func aFieldIsWhatTheMappingSays() throws {
        let value = #"{"id":"MARKED12","otp_session_id":"5399911227","card":{"ref":"s-1","otp_code":"c-1"},"note":"x"}"#
        let shown = mapped(value) { fields in
            fields.code = JSONPointer("/id") ?? fields.code
            fields.phone = JSONPointer("/otp_session_id") ?? fields.phone
            fields.sessionID = JSONPointer("/card/ref") ?? fields.sessionID
        }
        #expect(
            shown == """
                {
                  "id": <string, 8 characters>
                  "otp_session_id": "539*****27"
                  "card": {
                    "ref": "s-1"
                    "otp_code": <string, 3 characters>
                  }
                  <name, 4 characters>: <string, 1 characters>
                }
                """
        )
    }

    @Test(arguments: [
        // The contract's names where the mapping does not look; the secret again, spaced, reversed, in another width.
        #"{"otp_session_id":"MARKED12","command_id":"s"}"#,
        #"{"payload":{"otp_session_id":"MARKED12"}}"#,
        #"{"pin":"MARKED12","ref":"m-a-r-k-e-d-1-2"}"#, #"{"pin":"MARKED12","ref":"21DEKRAM"}"#,
        #"{"pin":"ＭＡＲＫＥＤ１２","ref":"MARKED12"}"#, #"{"pin":["MARKED12"],"ref":"MARKED12"}"#,
        #"{"pin":{"a":"MARKED12"},"ref":"MARKED12","MARKED12":1}"#,
    ])
    func inDoubtAllIsMasked(value: String) {
        let shown = mapped(value) { fields in
            fields.code = JSONPointer("/pin") ?? fields.code
            fields.sessionID = JSONPointer("/ref") ?? fields.sessionID
        }
        let plain = String(String.UnicodeScalarView(shown.unicodeScalars.compactMap(\.plain)))
        #expect(!plain.contains("marked12") && !plain.contains("21dekram"), "\(shown)")
    }

    @Test func keysAndHeadersThatMayBeASecretOfTheValueAreMasked() {
        let record = ConsumedRecord(
            topic: "commands",
            partition: 3,
            offset: 42,
            key: Array("marked-12".utf8),
            value: Array(#"{"otp_code":"MARKED12","user_gsm":"x"}"#.utf8),
            headers: [Header(name: "correlation_id", text: "MARKED12"), Header(name: "traceparent", text: "00-1")]
        )
        let whole = LetterText.Whole(found: found(key: "marked-12"), record: record, decoder: CommandDecoder())
        let text =
            LetterText.lines(whole).joined(separator: "\n") + String(decoding: LetterText.json(whole), as: UTF8.self)
        #expect(text.contains("key       <9 bytes>") && text.contains("traceparent: 00-1"))
        #expect(!text.lowercased().contains("marked"), "\(text)")
    }

    @Test func whatIsNoJSONIsSaidToBeNone() {
        #expect(lines(nil) == "null")
        #expect(lines("") == "<0 bytes, not usable JSON: nothing but white space at byte 0>")
        #expect(lines("{\"a\"") == "<4 bytes, not usable JSON: the text ends too early at byte 4>")
    }

    @Test func aLongValueIsCut() {
        let shown = MaskedValue(Array("[\(String(repeating: "1,", count: 999))1]".utf8)).lines
        #expect(shown.count == MaskedValue.maximumLines + 1 && shown.last == "<and 802 lines>")
    }

    private func found(key: String?, value: [UInt8]? = nil) -> FoundLetter {
        let letter = DeadLetter(
            source: Coordinates(topic: "commands", partition: 3, offset: 42),
            timestamp: WallTime(milliseconds: 1_795_428_000_000),
            key: key.map { Array($0.utf8) },
            consumerGroup: "group",
            reason: .field(.phone),
            headers: [],
            replayCount: 1,
            value: value
        )
        return FoundLetter(
            letter: letter,
            coordinates: Coordinates(topic: "letters", partition: 0, offset: 7),
            time: WallTime(milliseconds: 1_795_428_000_500)
        )
    }

    @Test func aPhoneNumberAsKeyIsMasked() {
        #expect(LetterText.key(Array("0532 481 89 42".utf8)) == "532*****42")
        #expect(LetterText.key([0xff, 0xfe]) == "<2 bytes>")
        #expect(LetterText.key(nil) == "-")
        #expect(LetterText.key(Array("s-1".utf8)) == "s-1")
    }

    @Test func aLineOfJSONHoldsAll() throws {
        let json = try JSON.parse(LetterText.json(found(key: "s-1")))
        #expect(json["source"]?["offset"]?.integer == 42 && json["letter"]?["offset"]?.integer == 7)
        #expect(json["reason"]?.string == "field_user_gsm" && json["replay_count"]?.integer == 1)
        #expect(json["key"]?.string == "s-1" && json["written_at"]?.string == "2026-11-23T10:00:00.500Z")
        #expect(try JSON.parse(LetterText.json(found(key: nil)))["key"] == .null)
    }

    private func whole(_ value: String?, copy: String? = nil) -> LetterText.Whole {
        let record = value.map {
            ConsumedRecord(
                topic: "commands",
                partition: 3,
                offset: 42,
                key: Array("s-1".utf8),
                value: Array($0.utf8),
                headers: [
                    Header(name: "authorization", text: "MARKED12"), Header(name: "traceparent", text: "00-1"),
                    Header(name: "dlq_replay_of", text: "commands/3/1"),
                ]
            )
        }
        return .init(
            found: found(key: "s-1", value: copy.map { Array($0.utf8) }),
            record: record,
            decoder: CommandDecoder()
        )
    }

    @Test func allOfALetterIsTold() {
        let value = #"{"user_gsm":"12","otp_session_id":"s-1","otp_code":"MARKED12"}"#
        let text = LetterText.lines(whole(value)).joined(separator: "\n")
        let expected = """
            command   commands/3/42, of 2026-11-23T10:00:00.000Z
            letter    letters/0/7, of 2026-11-23T10:00:00.500Z
            reason    field_user_gsm
            now       user_gsm must be a Turkish mobile number, as 5XXXXXXXXX
            replayed  1 times, and says that it repeats commands/3/1
            group     group
            key       s-1
            header    authorization: <8 bytes>
            header    traceparent: 00-1
            header    dlq_replay_of: commands/3/1
            value     {
                        "user_gsm": <string, 2 characters>
                        "otp_session_id": "s-1"
                        "otp_code": <string, 8 characters>
                      }
            """
        #expect(text == expected)
    }

    @Test func itSaysWhatAReplayWouldComeTo() throws {
        let usable = #"{"user_gsm":"5324818942","otp_session_id":"s-1","otp_code":"ART2"}"#
        #expect(LetterText.lines(whole(usable))[3].contains("a replay would be taken"))
        #expect(LetterText.lines(whole(nil))[3].contains("no longer"))
        #expect(LetterText.lines(whole(nil, copy: usable))[3].contains("a replay would be taken"))
        let json = try JSON.parse(LetterText.json(whole(nil)))
        #expect(json["is_kept"]?.bool == false && json["value"] == .null && json["is_usable_now"]?.bool == false)
        #expect(try JSON.parse(LetterText.json(whole(usable)))["is_usable_now"]?.bool == true)
    }
}
