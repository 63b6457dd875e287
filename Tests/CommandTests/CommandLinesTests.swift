import OTPContract
import Testing
import otp_worker

/// What `send` takes for a command, and what it says about the rest.
struct CommandLinesTests {
    private func parse(_ text: String) throws -> [CommandLine] { try CommandLines.parse(Array(text.utf8)) }

    @Test func eachLineIsSentAsItIsWritten() throws {
        let first = #"{"user_gsm":"5324818942","otp_session_id":"s-1","otp_code":"ART2","extra":[1]}"#
        let second = #" {"otp_session_id":"s-ş"}"#
        let commands = try parse("\(first)\r\n\n  \t\n\(second)")
        #expect(commands.map(\.session.text) == ["s-1", "s-ş"])
        #expect(commands.map { String(decoding: $0.value, as: UTF8.self) } == [first, second])
    }

    @Test func everyBadLineIsNamedAndNothingOfItIsRepeated() throws {
        let text = """
            {"otp_session_id":"s","otp_code":"MARKED"}
            {"otp_code":"MARKED"
            ["MARKED"]
            {"otp_code":"MARKED"}
            {"otp_session_id":"","otp_code":"MARKED"}
            """
        let error = try #require(throws: CommandLines.Unusable.self) { try parse(text) }
        #expect(error.lines.map(\.number) == [2, 3, 4, 5])
        #expect(error.description.contains("line 2: not usable JSON: the text ends too early"))
        #expect(error.description.contains("line 3: not a JSON object"))
        #expect(error.description.contains("line 4: otp_session_id is missing"))
        #expect(!error.description.contains("MARKED"))
    }

    @Test func aLongListIsCut() throws {
        let error = try #require(throws: CommandLines.Unusable.self) {
            try parse(String(repeating: "x\n", count: 25))
        }
        #expect(error.description.contains("and 15 more"))
    }

    @Test func singleFieldsMakeTheContractsCommand() throws {
        let command = try #require(
            CommandLines.command(session: "s\"1", phone: "5324818942", code: "ART2", commandID: "c-1")
        )
        #expect(
            String(decoding: command.value, as: UTF8.self)
                == #"{"user_gsm":"5324818942","otp_session_id":"s\"1","otp_code":"ART2","command_id":"c-1"}"#
        )
        let decoded = CommandDecoder().decode(
            key: Array("s\"1".utf8),
            value: command.value,
            headers: [],
            at: Coordinates(topic: "t", partition: 0, offset: 0)
        )
        #expect(throws: Never.self) { try decoded.get() }
        #expect(CommandLines.command(session: "", phone: "5", code: "1") == nil)
    }
}
