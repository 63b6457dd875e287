import Foundation
import OTPContract
import Testing

@Suite("CommandDecoder: every record gives a command or says what is wrong")
struct CommandDecoderTests {
    @Test func readsTheMinimalCommand() throws {
        let command = try CommandDecoder().decode(
            key: Sample.key,
            value: Golden.bytes("command-v1-minimal.json"),
            headers: [],
            at: Sample.source
        ).get()
        #expect(command.commandID == "otp.verify.commands/3/42")
        #expect(command.sessionID.text == "123456")
        #expect(command.phone.revealed == "5324818942")
        #expect(command.code.revealed == "ART2")
        #expect(command.expiresAt == nil)
    }

    @Test func readsTheFullCommand() throws {
        let command = try CommandDecoder().decode(
            key: Sample.key,
            value: Golden.bytes("command-v1-full.json"),
            headers: [Header(name: "ce_id", text: "from-header")],
            at: Sample.source
        ).get()
        #expect(command.commandID == "0b5c6f0e-7a0f-4d55-9d0c-2f6a6f2f7d11")
        #expect(command.sessionID.text == "oturum-ç-1")
        #expect(command.phone.revealed == "5324818942")
        #expect(command.code.revealed == "aRt2")
        #expect(command.expiresAt == WallTime(milliseconds: 1_500_294_615_058))
    }

    @Test(
        arguments: [
            (nil, "the value is null: send a JSON object"),
            ("", "the value is empty: send a JSON object"),
            (" ", "the value is not usable JSON: nothing but white space at byte 1"),
            ("null", "the value is not a JSON object"),
            ("[]", "the value is not a JSON object"),
            ("\"x\"", "the value is not a JSON object"),
            ("{}{}", "the value is not usable JSON: more bytes after the end of the value at byte 2"),
            ("{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", "the value is not usable JSON: nested too deeply at byte 20"),
            (
                #"{"otp_code":"A","otp_code":"B"}"#,
                "the value is not usable JSON: a key that occurs twice in one object at byte 16 (otp_code)"
            ),
            (
                #"{"otp_code":"A","otp\u005fcode":"B"}"#,
                "the value is not usable JSON: a key that occurs twice in one object at byte 16 (otp_code)"
            ),
            (
                #"{"\u0075ser_gsm":"A","user_gsm":"B"}"#,
                "the value is not usable JSON: a key that occurs twice in one object at byte 21 (user_gsm)"
            ),
            (#"{"x":"A","x":"B"}"#, "the value is not usable JSON: a key that occurs twice in one object at byte 9"),
        ] as [(String?, String)]
    )
    func malformed(value: String?, detail: String) throws {
        let rejection = try Sample.rejection(of: value)
        #expect(rejection.reason == .malformed)
        #expect(rejection.detail == detail)
        #expect(rejection.commandID == "otp.verify.commands/3/42")
        #expect(rejection.sessionID == nil)
    }

    @Test func invalidUTF8IsMalformed() {
        let value =
            Array(#"{"otp_session_id":"1","user_gsm":"5324818942","otp_code":""#.utf8) + [0xff] + Array("\"}".utf8)
        let result = CommandDecoder().decode(key: Sample.key, value: value, headers: [], at: Sample.source)
        #expect(throws: Rejection.self) { try result.get() }
        if case .failure(let rejection) = result { #expect(rejection.reason == .malformed) }
    }

    /// One member of an otherwise good command replaced, and what is said of it.
    @Test(
        arguments: [
            ("user_gsm", nil, "is missing"), ("user_gsm", "null", "must be a string"),
            ("user_gsm", "5324818942", "must be a string"),
            ("user_gsm", #""""#, "must be a Turkish mobile number, as 5XXXXXXXXX"),
            ("user_gsm", #""+44 7700 900123""#, "must be a Turkish mobile number, as 5XXXXXXXXX"),
            ("otp_code", nil, "is missing"), ("otp_code", "1234", "must be a string"),
            ("otp_code", "[]", "must be a string"),
            ("otp_code", #""  ""#, "must have 1 to 16 characters"),
            ("otp_code", #""12345678901234567""#, "must have 1 to 16 characters"),
            ("command_id", "7", "must be a string"),
            ("command_id", #""""#, "must have 1 to 256 bytes and no control characters"),
            ("command_id", #""a\nb""#, "must have 1 to 256 bytes and no control characters"),
            ("expires_at", "1500294615058", "must be a string"),
            ("expires_at", #""tomorrow""#, "must be an ISO 8601 time with an offset, as 2026-11-23T13:00:00.000+03:00"),
            (
                "expires_at", #""2017-07-17T15:30:15""#,
                "must be an ISO 8601 time with an offset, as 2026-11-23T13:00:00.000+03:00"
            ),
        ] as [(String, String?, String)]
    )
    func fieldsAreNamed(field: String, value: String?, requirement: String) throws {
        let rejection = try Sample.rejection(of: Self.command(replacing: field, with: value))
        #expect(rejection.reason.rawValue == "field_\(field)")
        #expect(rejection.detail == "\(field) \(requirement)")
        #expect(rejection.sessionID?.text == "123456", "the session is told if it could be read")
    }

    @Test(
        arguments: [
            (nil, "is missing"), ("null", "must be a string"), ("123456", "must be a string"),
            (#""""#, "must have 1 to 256 bytes and no control characters"),
            (#""a\u0000""#, "must have 1 to 256 bytes and no control characters"),
        ] as [(String?, String)]
    )
    func theSessionIsNamed(value: String?, requirement: String) throws {
        let rejection = try Sample.rejection(of: Self.command(replacing: "otp_session_id", with: value))
        #expect(rejection.reason == .field(.sessionID))
        #expect(rejection.detail == "otp_session_id \(requirement)")
        #expect(rejection.sessionID == nil)
    }

    /// What the user mistypes is no fault of the producer's.
    @Test func aMistypedCodeIsACommand() throws {
        let command = try Sample.decode(Self.command(replacing: "otp_code", with: #"" 12-34""#)).get()
        #expect(command.code.revealed == "12-34")
        #expect(!command.code.canBeRight)
    }

    @Test func aCodeOfKeycapsIsACommandToo() throws {
        let command = try Sample.decode(Self.command(replacing: "otp_code", with: #""1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣""#)).get()
        #expect(!command.code.canBeRight)
    }

    @Test func aByteOrderMarkIsNoPartOfTheCommand() throws {
        #expect(try Sample.decode("\u{feff}" + Sample.minimal).get().code.revealed == "ART2")
    }

    @Test func optionalFieldsMayBeNull() throws {
        let value =
            #"{"user_gsm":"5324818942","otp_session_id":"1","otp_code":"A","command_id":null,"expires_at":null}"#
        let command = try Sample.decode(value).get()
        #expect(command.commandID == "otp.verify.commands/3/42")
        #expect(command.expiresAt == nil)
    }

    @Test func unknownFieldsAreIgnored() throws {
        let value = #"{"x":{"otp_code":[1,{"y":null}]},"user_gsm":"5324818942","otp_session_id":"1","otp_code":"A"}"#
        #expect(try Sample.decode(value).get().code.revealed == "A")
    }

    @Test func aKeyIsRequiredUnlessTheWeakerPromiseIsAccepted() throws {
        for key in [nil, []] as [[UInt8]?] {
            let rejection = try Sample.rejection(of: Sample.minimal, key: key)
            #expect(rejection.reason == .keyMissing)
            #expect(rejection.detail == "the record has no key: use otp_session_id as the key")
            #expect(rejection.sessionID?.text == "123456")
            #expect(
                try Sample.decode(Sample.minimal, key: key, decoder: CommandDecoder(requireKey: false)).get().code
                    .revealed == "ART2"
            )
        }
    }

    @Test func sizeIsBounded() throws {
        let room = 200 - Sample.key.count - Sample.minimal.utf8.count
        let decoder = CommandDecoder(maximumBytes: 200)
        #expect(throws: Never.self) {
            try Sample.decode(Sample.minimal + String(repeating: " ", count: room), decoder: decoder).get()
        }
        let result = Sample.decode(
            Sample.minimal + String(repeating: " ", count: room + 1),
            headers: [Header(name: "ce_id", text: "e-1")],
            decoder: decoder
        )
        guard case .failure(let rejection) = result else { throw Sample.Unexpected() }
        #expect(rejection.reason == .tooLarge)
        #expect(rejection.detail == "key and value are over the limit of 200 bytes")
        #expect(rejection.commandID == "e-1")
    }

    @Test(
        arguments: [
            ([Header(name: "ce_id", text: "e-1")], "e-1"),
            ([Header(name: "ce_id", text: "e-1"), Header(name: "ce_id", text: "e-2")], "e-2"),
            ([Header(name: "CE_ID", text: "e-1")], "otp.verify.commands/3/42"),
            ([Header(name: "ce_id", value: nil)], "otp.verify.commands/3/42"),
            ([Header(name: "ce_id", text: "")], "otp.verify.commands/3/42"),
            ([Header(name: "ce_id", text: "a\nb")], "otp.verify.commands/3/42"),
            ([Header(name: "ce_id", value: [0xff])], "otp.verify.commands/3/42"),
            ([Header(name: "ce_id", text: String(repeating: "x", count: 257))], "otp.verify.commands/3/42"),
        ] as [([Header], String)]
    )
    func theCommandIDFallsBack(headers: [Header], commandID: String) throws {
        #expect(try Sample.decode(Sample.minimal, headers: headers).get().commandID == commandID)
        let invalid = Self.command(replacing: "command_id", with: #""""#)
        #expect(try Sample.rejection(of: invalid, headers: headers).commandID == commandID)
        #expect(try Sample.rejection(of: "", headers: headers).commandID == commandID)
    }

    @Test func aRejectionTellsTheCommandsOwnID() throws {
        let rejection = try Sample.rejection(
            of: #"{"command_id":"c-1"}"#,
            headers: [Header(name: "ce_id", text: "e-1")]
        )
        #expect(rejection.commandID == "c-1")
    }

    private static func command(replacing field: String, with value: String?) -> String {
        var members = ["user_gsm": #""5324818942""#, "otp_session_id": #""123456""#, "otp_code": #""ART2""#]
        members[field] = value
        return "{\(members.map { "\"\($0)\":\($1)" }.joined(separator: ","))}"
    }

    // MARK: Names that look alike

    private static func record(_ session: String, command: String = "c") throws -> [UInt8] {
        let json = ["user_gsm": "5324818942", "otp_code": "A", "otp_session_id": session, "command_id": command]
        return [UInt8](try JSONEncoder().encode(json))
    }

    @Test(arguments: [
        " s", "s ", "s\u{a0}", "s\u{a0}t", "s\u{200b}", "\u{feff}s", "s\u{200d}t", "s\u{2060}", "s\u{ad}t",
        "s\u{202e}t",
        "s\u{fe0f}", "s\u{3000}t", "s\u{2028}", "s\u{fffe}", "s\u{1ffff}", "s\u{e0041}", "\u{115f}s", "s\u{2800}",
    ])
    func anIdentifierHidesNothing(_ name: String) throws {
        for (session, command, field) in [(name, "c", Field.sessionID), ("s", name, .commandID)] {
            let value = try Self.record(session, command: command)
            let read = CommandDecoder().decode(key: [1], value: value, headers: [], at: Sample.source)
            guard case .failure(let rejection) = read else {
                Issue.record("taken: \(name.unicodeScalars.map(\.value))")
                continue
            }
            #expect(rejection.reason == .field(field))
            #expect(rejection.detail.hasSuffix("must not begin or end with white space, nor hold what cannot be seen"))
            #expect(rejection.commandID != name)
            #expect(rejection.sessionID?.text != name)
        }
    }

    @Test(arguments: ["s t", "oturum-çğış", "日本", "😀", "ｓ", "S", "\u{fffd}", "\u{301}"])
    func whatCanBeSeenIsTaken(_ session: String) throws {
        let value = try Self.record(session)
        let read = CommandDecoder().decode(key: [1], value: value, headers: [], at: Sample.source)
        #expect(try read.get().sessionID.text == session)
    }

    @Test func theKeyMayHaveToBeTheSession() throws {
        let decoder = CommandDecoder(requireKey: false, key: .session)
        func reason(_ key: String?) throws -> InvalidReason? {
            let value = try Self.record("s-1")
            let read = decoder.decode(key: key.map { Array($0.utf8) }, value: value, headers: [], at: Sample.source)
            if case .failure(let rejection) = read { return rejection.reason }
            return nil
        }
        #expect(try reason("s-1") == nil)
        #expect(try reason("S-1") == .keyNotSession)
        #expect(try reason("s-1 ") == .keyNotSession)
        #expect(try reason("customer") == .keyNotSession)
        #expect(try reason("") == .keyMissing)
        #expect(try reason(nil) == .keyMissing)
        let unusable = decoder.decode(key: [1], value: Array("{}".utf8), headers: [], at: Sample.source)
        #expect(throws: Rejection.self) { try unusable.get() }
    }
}
